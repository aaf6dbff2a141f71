/** Every message that nodes exchange, its number in a frame, its lane and its shape. `skein.proto` says the same. */

import type {
  Ack,
  CatalogDelta,
  Coordinate,
  DigestEntry,
  Gossip,
  Have,
  Lane,
  MemberFact,
  Message,
  NodeId,
  Ping,
  PingReport,
  PingRequest,
  SyncDigest,
  SyncFacts,
  SyncOpen,
  SyncPull,
  SyncWant,
} from '@skein/core';
import { limits } from '@skein/core';
import { bool, id, list, nested, oneOf, optional, texts, uint, uints } from './fields.ts';
import type { Shape } from './shape.ts';
import { converted, shape } from './shape.ts';
import { accusationShape, configShape, headShape, memberShape, sealedRecords, signed } from './values.ts';

const names = limits.nameLength;
const facts = limits.factsPerMessage;
/** `i/` or `c/` and an id. */
const recordKeyLength = limits.checkNameLength + 2;
/** `k/<kind>/<name>`, the longest of the subject keys. */
const subjectKeyLength = names + limits.configNameLength + 3;
const stampLength = 8;
/** More dimensions than any version has; whether they are as many as ours is for core to say. */
const coordinateLength = 16;

type Body<T> = Omit<T, 'type'>;

function typed<T extends { readonly type: string }>(type: T['type'], inner: Shape<Body<T>>): Shape<T> {
  return converted(
    inner,
    (body) => ({ type, ...body }) as T,
    (message) => message,
  );
}

const memberFact: Shape<MemberFact> = shape('MemberFact', {
  record: nested(1, signed(memberShape)),
  verified: bool(2),
  absentMs: uint(3),
});

const delta: Shape<CatalogDelta> = shape('CatalogDelta', {
  head: nested(1, signed(headShape)),
  after: uint(2),
  upserts: sealedRecords(3),
  removals: texts(4, recordKeyLength, limits.recordsPerOwner),
});

const gossip = typed<Gossip>(
  'gossip',
  shape('Gossip', {
    members: list(1, memberFact, facts),
    accusations: list(2, signed(accusationShape), facts),
    deltas: list(3, delta, facts),
    heads: list(4, signed(headShape), facts),
    configs: list(5, signed(configShape), facts),
  }),
);

/** Integers of either sign, as protobuf's sint64: small ones are short. */
const signedOf = (value: number): number => (value % 2 === 0 ? value / 2 : -(value + 1) / 2);
const unsignedOf = (value: number): number => (value >= 0 ? 2 * value : -2 * value - 1);

const coordinate = converted<Coordinate, Coordinate>(
  shape<Coordinate>('Coordinate', {
    positionUs: uints(1, coordinateLength),
    heightUs: uint(2),
    adjustmentUs: uint(3),
    errorPpm: uint(4),
  }),
  (wire) => ({ ...wire, positionUs: wire.positionUs.map(signedOf), adjustmentUs: signedOf(wire.adjustmentUs) }),
  (value) => ({ ...value, positionUs: value.positionUs.map(unsignedOf), adjustmentUs: unsignedOf(value.adjustmentUs) }),
);

const digestEntry: Shape<DigestEntry> = shape('DigestEntry', {
  key: id(1, subjectKeyLength),
  stamp: uints(2, stampLength),
});
const want: Shape<SyncWant> = shape('SyncWant', { key: id(1, subjectKeyLength), have: uints(2, stampLength) });
const wants = list(3, want, limits.wantsPerMessage);

interface Entry {
  readonly number: number;
  readonly lane: Lane;
  readonly shape: Shape<Message>;
}

function entry<T extends Message>(number: number, lane: Lane, shape: Shape<T>): Entry {
  return { number, lane, shape: shape as unknown as Shape<Message> };
}

const probeOutcome = oneOf(3, ['reached', 'silent', 'unlinked']);

export const messages: Readonly<Record<Message['type'], Entry>> = {
  ping: entry(16, 'wire', typed<Ping>('ping', shape('Ping', { seq: uint(1), root: uint(2) }))),
  ack: entry(
    17,
    'wire',
    typed<Ack>(
      'ack',
      shape('Ack', {
        seq: uint(1),
        root: uint(2),
        epoch: uint(3),
        incarnation: uint(4),
        coordinate: optional(5, coordinate),
      }),
    ),
  ),
  'ping-request': entry(
    18,
    'wire',
    typed<PingRequest>('ping-request', shape('PingRequest', { seq: uint(1), subject: id<NodeId>(2, names) })),
  ),
  'ping-report': entry(
    19,
    'wire',
    typed<PingReport>('ping-report', shape('PingReport', { seq: uint(1), subject: id<NodeId>(2, names), outcome: probeOutcome })),
  ),
  gossip: entry(20, 'wire', gossip),
  have: entry(21, 'wire', typed<Have>('have', shape('Have', { entries: list(1, digestEntry, limits.advertEntries) }))),
  'sync-open': entry(
    32,
    'sync',
    typed<SyncOpen>(
      'sync-open',
      shape('SyncOpen', { exchange: uint(1), buckets: uints(2, limits.digestBuckets), wallMs: uint(3) }),
    ),
  ),
  'sync-digest': entry(
    33,
    'sync',
    typed<SyncDigest>(
      'sync-digest',
      shape('SyncDigest', {
        exchange: uint(1),
        buckets: uints(2, limits.digestBuckets),
        entries: list(3, digestEntry, limits.digestEntries),
      }),
    ),
  ),
  'sync-facts': entry(
    34,
    'sync',
    typed<SyncFacts>('sync-facts', shape('SyncFacts', { exchange: uint(1), facts: nested(2, gossip), wants, last: bool(4) })),
  ),
  'sync-pull': entry(35, 'sync', typed<SyncPull>('sync-pull', shape('SyncPull', { exchange: uint(1), wants }))),
};
