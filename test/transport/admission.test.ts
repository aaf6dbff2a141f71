import { describe, expect, test } from 'vitest';
import { nodeId } from '@skein/core';
import type { AdmissionStep, Greeting, Terms } from '@skein/transport/parts';
import { Admission, openScheme, tokenScheme } from '@skein/transport/parts';

const a = nodeId('peer-a');
const b = nodeId('peer-b');
const c = nodeId('peer-c');
const noObjection = (): undefined => undefined;

function terms(self: typeof a, change: Partial<Terms> = {}): Terms {
  return {
    self,
    mesh: 'm',
    epoch: 1,
    wallMs: 1_700_000_000_000,
    protocolMin: 1,
    protocolMax: 1,
    scheme: tokenScheme('secret'),
    ...change,
  };
}

/** Runs a hello exchange to its end, and returns how it ended on each side. */
function exchange(
  dialler: Admission,
  listener: Admission,
): { dialler: AdmissionStep | undefined; listener: AdmissionStep | undefined } {
  const ends: { dialler: AdmissionStep | undefined; listener: AdmissionStep | undefined } = {
    dialler: undefined,
    listener: undefined,
  };
  let greeting: Greeting | undefined = dialler.begin();
  for (let toListener = true; greeting !== undefined; toListener = !toListener) {
    const step: AdmissionStep = (toListener ? listener : dialler).take(greeting);
    if (step.next !== 'wait') ends[toListener ? 'listener' : 'dialler'] = step;
    greeting = step.send;
  }
  return ends;
}

const reasonOf = (step: AdmissionStep | undefined): string =>
  step?.next === 'refused' ? step.reason : (step?.next ?? 'nothing');

function between(ours: Partial<Terms>, theirs: Partial<Terms>): string[] {
  const ends = exchange(
    new Admission('dialler', terms(a, ours), b, noObjection),
    new Admission('listener', terms(b, theirs), a, noObjection),
  );
  return [reasonOf(ends.dialler), reasonOf(ends.listener)];
}

test('two nodes of one mesh admit each other, and learn the epoch and the clock of the other', () => {
  const ends = exchange(
    new Admission('dialler', terms(a, { epoch: 4, wallMs: 40 }), b, noObjection),
    new Admission('listener', terms(b, { epoch: 9, wallMs: 90 }), a, noObjection),
  );
  expect(ends.dialler).toMatchObject({ next: 'admitted', theirs: { epoch: 9, wallMs: 90 } });
  expect(ends.listener).toMatchObject({ next: 'admitted', theirs: { epoch: 4, wallMs: 40 } });
});

test.each([
  ['another token', {}, { scheme: tokenScheme('guess') }, 'wrong-token'],
  ['a token on one side only', {}, { scheme: openScheme }, 'token-required'],
  ['another mesh', {}, { mesh: 'other' }, 'other-mesh'],
  ['a protocol that is too new', {}, { protocolMin: 2, protocolMax: 3 }, 'version-mismatch'],
  ['a protocol that is too old', { protocolMin: 2, protocolMax: 2 }, {}, 'version-mismatch'],
] as const)('%s is refused with the same reason on both sides, whoever dials', (_what, ours, theirs, reason) => {
  expect(between(ours, theirs)).toEqual([reason, reason]);
  expect(between(theirs, ours)).toEqual([reason, reason]);
});

test('a stranger is not told the name of the mesh, and the log of this node has it', () => {
  const listener = new Admission('listener', terms(b, { mesh: 'our-name' }), a, noObjection);
  const step = listener.take(new Admission('dialler', terms(a, { mesh: 'guess' }), b, noObjection).begin());
  expect(step).toMatchObject({ next: 'refused', reason: 'other-mesh', send: { type: 'refusal', reason: 'other-mesh' } });
  expect(JSON.stringify(step.send)).not.toContain('our-name');
  expect(step.next === 'refused' && step.detail).toContain('our-name');
});

test('protocol ranges that overlap are enough', () => {
  expect(between({ protocolMin: 1, protocolMax: 2 }, { protocolMin: 2, protocolMax: 5 })).toEqual(['admitted', 'admitted']);
});

test('two nodes without a token admit each other', () => {
  expect(between({ scheme: openScheme }, { scheme: openScheme })).toEqual(['admitted', 'admitted']);
});

test('an objection of the listener is told to a dialler whose proof holds, and only to that', () => {
  const objection = { reason: 'duplicate', detail: 'd' };
  const asked: number[] = [];
  const arbiter = (epoch: number): typeof objection => {
    asked.push(epoch);
    return objection;
  };
  const refused = exchange(new Admission('dialler', terms(a), b, noObjection), new Admission('listener', terms(b), a, arbiter));
  expect([reasonOf(refused.dialler), reasonOf(refused.listener)]).toEqual(['duplicate', 'duplicate']);
  expect(asked).toEqual([1]);
  const stranger = new Admission('dialler', terms(a, { scheme: tokenScheme('guess') }), b, noObjection);
  expect(reasonOf(exchange(stranger, new Admission('listener', terms(b), a, arbiter)).dialler)).toBe('wrong-token');
  expect(asked).toEqual([1]);
});

describe('a listener', () => {
  const listener = (): Admission => new Admission('listener', terms(b), a, noObjection);
  const hello = new Admission('dialler', terms(a), b, noObjection).begin() as Extract<Greeting, { type: 'hello' }>;

  test.each([
    ['a proof before the hello', { type: 'proof', proof: new Uint8Array(32) }],
    ['a welcome', { type: 'welcome', proof: new Uint8Array(32) }],
    ['a hello of another peer', { ...hello, id: c }],
    ['a short nonce', { ...hello, nonce: new Uint8Array(31) }],
  ] as const)('refuses %s as bad-hello', (_what, greeting) => {
    expect(reasonOf(listener().take(greeting))).toBe('bad-hello');
  });

  test('refuses its own id as self', () => {
    expect(reasonOf(listener().take({ ...hello, id: b }))).toBe('self');
  });

  test('refuses its own nonce sent back', () => {
    const victim = new Admission('listener', terms(b), a, noObjection);
    const theirs = new Admission('listener', terms(b), a, noObjection).take(hello).send as typeof hello;
    expect(reasonOf(victim.take({ ...hello, nonce: theirs.nonce }))).not.toBe('refused');
    const own = new Admission('dialler', terms(a), b, noObjection);
    expect(reasonOf(own.take({ ...hello, id: b, nonce: (own.begin() as typeof hello).nonce }))).toBe('bad-hello');
  });

  test('refuses a second hello', () => {
    const admission = listener();
    admission.take(hello);
    expect(reasonOf(admission.take(hello))).toBe('bad-hello');
  });

  test('shows no proof to a dialler that has not proven itself', () => {
    const admission = listener();
    expect(admission.take(hello).send).toMatchObject({ type: 'hello' });
    expect(admission.take({ type: 'proof', proof: new Uint8Array(32) }).send).toMatchObject({
      type: 'refusal',
      reason: 'wrong-token',
    });
  });
});

describe('a proof that was overheard', () => {
  /** An honest exchange of a and b, and what was said in it. */
  function overhear(): Greeting[] {
    const said: Greeting[] = [];
    const dialler = new Admission('dialler', terms(a), b, noObjection);
    const listener = new Admission('listener', terms(b), a, noObjection);
    let greeting: Greeting | undefined = dialler.begin();
    for (let toListener = true; greeting !== undefined; toListener = !toListener) {
      said.push(greeting);
      greeting = (toListener ? listener : dialler).take(greeting).send;
    }
    return said;
  }

  test('does not work again', () => {
    const [hello, , proof] = overhear() as [Greeting, Greeting, Greeting];
    const listener = new Admission('listener', terms(b), a, noObjection);
    listener.take(hello);
    expect(reasonOf(listener.take(proof))).toBe('wrong-token');
  });

  test('does not work at another peer, even within the same exchange', () => {
    const dialler = new Admission('dialler', terms(a), c, noObjection);
    const listener = new Admission('listener', terms(b), a, noObjection);
    const theirs = listener.take(dialler.begin()).send as Extract<Greeting, { type: 'hello' }>;
    // c stands between: it names itself, as its connection demands, and passes the rest on.
    const proof = dialler.take({ ...theirs, id: c }).send;
    expect(proof?.type).toBe('proof');
    expect(reasonOf(listener.take(proof as Greeting))).toBe('wrong-token');
  });

  test('does not work in the other direction', () => {
    const victim = new Admission('dialler', terms(a), b, noObjection);
    const mine = victim.begin() as Extract<Greeting, { type: 'hello' }>;
    const proof = victim.take({ ...mine, id: b, nonce: new Uint8Array(32).fill(1) }).send as Extract<Greeting, { type: 'proof' }>;
    expect(reasonOf(victim.take({ type: 'welcome', proof: proof.proof }))).toBe('wrong-token');
  });
});
