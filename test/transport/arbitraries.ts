/** Arbitrary messages within the limits, made of values that were really signed and sealed. */

import * as fc from 'fast-check';
import type {
  Accusation,
  CatalogDelta,
  CatalogHead,
  CatalogRecord,
  Check,
  ConfigVersion,
  Gossip,
  Instance,
  MemberRecord,
  Message,
  Notary,
} from '@skein/core';
import { checkId, instanceId, limits, nodeId } from '@skein/core';
import type { Greeting } from '@skein/transport/parts';

const uint = fc.oneof(fc.nat(), fc.maxSafeNat());
const word = (maxLength: number = limits.nameLength): fc.Arbitrary<string> =>
  fc.string({ unit: 'binary', maxLength: Math.min(maxLength, 40) }).filter((text) => text.length <= maxLength);
const name = word().filter((text) => text !== '');
const port = fc.nat({ max: 65_535 });
/** Never a key that JavaScript objects reorder or treat apart: property order must survive other codecs in tests. */
const key = fc.string({ unit: 'grapheme-ascii', maxLength: 20 }).map((text) => `k${text}`);
const tags = fc.dictionary(key, name, { maxKeys: 6 }).map((tags) => ({ ...tags }));
const hash = fc.string({ unit: 'grapheme-ascii', maxLength: 22 });
const id = name.map(nodeId);

const member: fc.Arbitrary<MemberRecord> = fc.record({
  mesh: name,
  id,
  name,
  epoch: uint,
  incarnation: uint,
  status: fc.constantFrom('alive', 'leaving', 'left'),
  addresses: fc.array(word(), { maxLength: 4 }),
  region: word(),
  zone: word(),
  tags,
  protocolMin: uint,
  protocolMax: uint,
  credential: fc.uint8Array({ maxLength: 64 }),
  keyHashes: fc.array(hash, { maxLength: 3 }),
});

const accusation: fc.Arbitrary<Accusation> = fc.record({
  mesh: name,
  accuser: id,
  subject: id,
  epoch: uint,
  incarnation: uint,
  reason: fc.constantFrom('probe-timeout', 'dial-refused', 'dial-timeout', 'forced'),
  sequence: uint,
});

const head: fc.Arbitrary<CatalogHead> = fc.record({
  mesh: name,
  owner: id,
  epoch: uint,
  version: uint,
  count: fc.nat({ max: limits.recordsPerOwner }),
  digest: hash,
  appliedConfig: hash,
});

const config: fc.Arbitrary<ConfigVersion> = fc.record({
  mesh: name,
  kind: name,
  name,
  author: id,
  time: fc.record({ ms: uint, counter: uint }),
  parent: word(),
  json: fc.json(),
  deleted: fc.boolean(),
});

const instance: fc.Arbitrary<Instance> = fc.record({
  id: name.map(instanceId),
  service: name,
  address: word(),
  port,
  tags: fc.array(word(), { maxLength: 4 }),
  meta: tags,
  weights: fc.record({ passing: uint, warning: uint }),
  taggedAddresses: fc.dictionary(key, fc.record({ address: word(), port }), { maxKeys: 3 }).map((map) => ({ ...map })),
  enableTagOverride: fc.boolean(),
  protocol: word(),
  region: word(),
  zone: word(),
  kind: word(),
  socketPath: word(),
});

const check: fc.Arbitrary<Check> = fc.record({
  id: name.map(checkId),
  name: word(),
  type: word(),
  status: fc.constantFrom('passing', 'warning', 'critical'),
  notes: word(),
  output: word(),
  instanceId: fc.option(name.map(instanceId), { nil: undefined }),
  intervalMs: uint,
  timeoutMs: uint,
});

export const record: fc.Arbitrary<CatalogRecord> = fc.record({
  version: uint,
  value: fc.oneof(
    instance.map((instance) => ({ type: 'instance' as const, instance })),
    check.map((check) => ({ type: 'check' as const, check })),
  ),
});

function gossip(notary: Notary): fc.Arbitrary<Gossip> {
  const few = { maxLength: 3 };
  const delta: fc.Arbitrary<CatalogDelta> = fc.record({
    head: head.map((value) => notary.sign('head', value)),
    after: uint,
    upserts: fc.array(record, few).map((records) => records.map((record) => notary.seal(record))),
    removals: fc.array(word(), few),
  });
  return fc.record({
    type: fc.constant('gossip' as const),
    members: fc.array(
      fc.record({ record: member.map((value) => notary.sign('member', value)), verified: fc.boolean(), absentMs: uint }),
      few,
    ),
    accusations: fc.array(
      accusation.map((value) => notary.sign('accusation', value)),
      few,
    ),
    deltas: fc.array(delta, few),
    heads: fc.array(
      head.map((value) => notary.sign('head', value)),
      few,
    ),
    configs: fc.array(
      config.map((value) => notary.sign('config', value)),
      few,
    ),
  });
}

/** Any message, of every kind. */
export function message(notary: Notary): fc.Arbitrary<Message> {
  const uints = fc.array(uint, { maxLength: 5 });
  const signed = fc.integer({ min: -10_000_000, max: 10_000_000 });
  const coordinate = fc.record({
    positionUs: fc.array(signed, { maxLength: 8 }),
    heightUs: uint,
    adjustmentUs: signed,
    errorPpm: uint,
  });
  const want = fc.record({ key: name, have: uints });
  const wants = fc.array(want, { maxLength: 4 });
  const type = <T extends string>(name: T): fc.Arbitrary<T> => fc.constant(name);
  return fc.oneof(
    fc.record({ type: type('ping'), seq: uint, root: uint }),
    fc.record({
      type: type('ack'),
      seq: uint,
      root: uint,
      epoch: uint,
      incarnation: uint,
      coordinate: fc.option(coordinate, { nil: undefined }),
    }),
    fc.record({ type: type('ping-request'), seq: uint, subject: id }),
    fc.record({
      type: type('ping-report'),
      seq: uint,
      subject: id,
      outcome: fc.constantFrom('reached' as const, 'silent' as const, 'unlinked' as const),
    }),
    gossip(notary),
    fc.record({ type: type('sync-open'), exchange: uint, buckets: uints, wallMs: uint }),
    fc.record({
      type: type('sync-digest'),
      exchange: uint,
      buckets: uints,
      entries: fc.array(fc.record({ key: name, stamp: uints }), { maxLength: 4 }),
    }),
    fc.record({ type: type('sync-facts'), exchange: uint, facts: gossip(notary), wants, last: fc.boolean() }),
    fc.record({ type: type('sync-pull'), exchange: uint, wants }),
    fc.record({ type: type('have'), entries: fc.array(fc.record({ key: name, stamp: uints }), { maxLength: 4 }) }),
  );
}

export const greeting: fc.Arbitrary<Greeting> = fc.oneof(
  fc.record({
    type: fc.constant('hello' as const),
    protocolMin: uint,
    protocolMax: uint,
    mesh: name,
    id,
    epoch: uint,
    nonce: fc.uint8Array({ maxLength: 32 }),
    scheme: name,
    wallMs: uint,
  }),
  fc.record({ type: fc.constant('proof' as const), proof: fc.uint8Array({ maxLength: 64 }) }),
  fc.record({ type: fc.constant('welcome' as const), proof: fc.uint8Array({ maxLength: 64 }) }),
  fc.record({ type: fc.constant('refusal' as const), reason: name, detail: word() }),
);
