import { beforeAll, describe, expect, test } from 'vitest';
import type { CatalogHead, Notary, Signable } from '@skein/core';
import { nodeId } from '@skein/core';
import { createIdentity, createNotary, loadIdentity } from '@skein/transport';
import { decodeEvent, encodeEvent, Signer, Verifier } from '@skein/transport/parts';

let ours: Notary;
let theirs: Notary;
beforeAll(async () => {
  ours = createNotary((await createIdentity()).bytes);
  theirs = createNotary((await createIdentity()).bytes);
});

const head = (): CatalogHead => ({ mesh: 'm', owner: ours.id, epoch: 1, version: 2, count: 3, digest: 'd', appliedConfig: 'a' });

describe('identity', () => {
  test('is the same after it was written and read', async () => {
    const made = await createIdentity();
    expect(loadIdentity(Uint8Array.from(made.bytes))).toEqual(made);
    expect(made.id).toMatch(/^12D3KooW/);
  });

  test('two identities differ', async () => {
    expect((await createIdentity()).id).not.toBe((await createIdentity()).id);
  });

  test.each([
    ['no bytes', () => new Uint8Array(0)],
    ['text', () => Buffer.from('this is no key')],
    ['a torn file', async () => (await createIdentity()).bytes.subarray(0, 30)],
  ])('%s are refused with a code', async (_what, make) => {
    const bytes = await make();
    expect(() => loadIdentity(bytes)).toThrow(expect.objectContaining({ code: 'bad-identity' }));
  });
});

describe('signatures', () => {
  test('everybody can verify what was signed', () => {
    const signed = ours.sign('head', head());
    expect(signed.value).toEqual(head());
    expect(theirs.verify('head', ours.id, signed)).toBe(true);
    expect(ours.verify('head', ours.id, signed)).toBe(true);
  });

  test('the same value has the same bytes and signature', () => {
    expect(ours.sign('head', head())).toEqual(ours.sign('head', head()));
  });

  test('a signature does not verify as of another author', () => {
    expect(ours.verify('head', theirs.id, ours.sign('head', head()))).toBe(false);
  });

  test('a signature for one kind of value does not verify as another', () => {
    const signed = ours.sign('head', head());
    const others: Signable['type'][] = ['member', 'accusation', 'config'];
    for (const type of others) expect(ours.verify(type, ours.id, signed)).toBe(false);
  });

  test('a changed byte of value or signature is noticed', () => {
    const signed = ours.sign('head', head());
    for (const part of ['bytes', 'signature'] as const) {
      for (let i = 0; i < signed[part].length; i++) {
        const changed = Uint8Array.from(signed[part]);
        changed[i] = (changed[i] as number) ^ 1;
        expect(theirs.verify('head', ours.id, { ...signed, [part]: changed })).toBe(false);
      }
    }
  });

  test.each([[''], ['nonsense'], ['12D3KooW'], ['QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N'], ['x'.repeat(10_000)]])(
    'an author %s that is no Ed25519 peer id verifies nothing',
    (text) => {
      expect(ours.verify('head', nodeId(text), ours.sign('head', head()))).toBe(false);
    },
  );

  test('a peer id in another spelling is nobody', () => {
    // The same key in base36, a CIDv1: one key must be one identity.
    const other = nodeId(`z${ours.id}`);
    expect(ours.verify('head', other, ours.sign('head', head()))).toBe(false);
  });

  test.each([[0], [63], [65], [1000]])('a signature of %d bytes is refused', (length) => {
    expect(ours.verify('head', ours.id, { ...ours.sign('head', head()), signature: new Uint8Array(length) })).toBe(false);
  });
});

describe('hashes', () => {
  const record = { version: 1, value: { type: 'check' as const, check: check('a') } };

  test('a record has one hash wherever it is sealed, and another record another', () => {
    expect(ours.seal(record)).toEqual(theirs.seal(record));
    expect(ours.seal({ ...record, version: 2 }).hash).not.toBe(ours.seal(record).hash);
  });

  test('a digest depends on every hash and on their order', () => {
    const digests = [[], ['a'], ['a', 'b'], ['b', 'a'], ['ab'], ['a', 'b', '']].map((hashes) => ours.digest(hashes));
    expect(new Set(digests).size).toBe(digests.length);
    expect(ours.digest(['a', 'b'])).toBe(theirs.digest(['a', 'b']));
  });
});

describe('events', () => {
  const event = {
    stamp: 7,
    name: 'deploy',
    payload: new Uint8Array([1, 2]),
    nodeFilter: 'n',
    serviceFilter: 's',
    tagFilter: 't',
  };

  async function encoded(mesh = 'm'): Promise<{ bytes: Uint8Array; id: string }> {
    const { id, bytes } = await createIdentity();
    const made = encodeEvent({ mesh, origin: id, epoch: 3, counter: 4 }, event, new Signer(bytes));
    if (made === undefined) throw new Error('over a limit');
    return { bytes: made.bytes, id };
  }

  test('keep their fields and name their origin', async () => {
    const { bytes, id } = await encoded();
    expect(decodeEvent('m', bytes, new Verifier())).toEqual({ ...event, id: `${id}.3.4`, origin: id });
  });

  test('of another mesh are refused', async () => {
    const { bytes } = await encoded('other');
    expect(decodeEvent('m', bytes, new Verifier())).toContain('other');
  });

  test('with any byte changed are refused', async () => {
    const { bytes } = await encoded();
    const verifier = new Verifier();
    for (let i = 0; i < bytes.length; i++) {
      const changed = Uint8Array.from(bytes);
      changed[i] = (changed[i] as number) ^ 1;
      expect(typeof decodeEvent('m', changed, verifier)).toBe('string');
    }
  });

  test('that claim the origin of somebody else are refused', async () => {
    const mine = await createIdentity();
    const forged = encodeEvent({ mesh: 'm', origin: ours.id, epoch: 1, counter: 1 }, event, new Signer(mine.bytes));
    expect(decodeEvent('m', forged?.bytes ?? new Uint8Array(), new Verifier())).toContain('not signed by its origin');
  });

  test('over the limit are refused without being read', () => {
    expect(decodeEvent('m', new Uint8Array(65_537), new Verifier())).toContain('65537 bytes');
  });
});

function check(name: string): never {
  return {
    id: name,
    name,
    type: '',
    status: 'passing',
    notes: '',
    output: '',
    instanceId: undefined,
    intervalMs: 0,
    timeoutMs: 0,
  } as never;
}
