/** Shapes of what nodes sign and own: member records, accusations, catalog heads, config versions, catalog records. */

import type {
  Accusation,
  CatalogHead,
  CatalogRecord,
  Check,
  CheckId,
  ConfigVersion,
  HybridTime,
  Instance,
  InstanceId,
  MemberRecord,
  NodeId,
  RecordValue,
  SealedRecord,
  Signable,
  SignableType,
  SignableValue,
  Signed,
  TaggedAddress,
  Weights,
} from '@skein/core';
import { limits } from '@skein/core';
import { shortHash } from '../hashes.ts';
import { CodecError } from './codec-error.ts';
import { bool, bytes, id, map, nested, oneOf, optional, optionalId, repeated, text, texts, uint } from './fields.ts';
import type { Field, Shape } from './shape.ts';
import { converted, decode, encode, shape, wireTypes } from './shape.ts';

const maxPort = 65_535;
const hashLength = 64;
const credentialBytes = 4096;
const keyHashes = 16;
/** Ed25519's is 64. Room for a longer scheme. */
const signatureBytes = 128;

const names = limits.nameLength;
const textEntry = shape<{ readonly key: string; readonly value: string }>('Entry', {
  key: text(1, limits.metaKeyLength),
  value: text(2, limits.metaValueLength),
});

export const memberShape: Shape<MemberRecord> = shape('MemberRecord', {
  mesh: id(1, names),
  id: id<NodeId>(2, names),
  name: id(3, names),
  epoch: uint(4),
  incarnation: uint(5),
  status: oneOf(6, ['alive', 'leaving', 'left']),
  addresses: texts(7, limits.addressLength, limits.addresses),
  region: text(8, names),
  zone: text(9, names),
  tags: map(10, textEntry, limits.tags),
  protocolMin: uint(11),
  protocolMax: uint(12),
  credential: bytes(13, credentialBytes),
  keyHashes: texts(14, hashLength, keyHashes),
});

export const accusationShape: Shape<Accusation> = shape('Accusation', {
  mesh: id(1, names),
  accuser: id<NodeId>(2, names),
  subject: id<NodeId>(3, names),
  epoch: uint(4),
  incarnation: uint(5),
  reason: oneOf(6, ['probe-timeout', 'dial-refused', 'dial-timeout', 'forced']),
  sequence: uint(7),
});

export const headShape: Shape<CatalogHead> = shape('CatalogHead', {
  mesh: id(1, names),
  owner: id<NodeId>(2, names),
  epoch: uint(3),
  version: uint(4),
  count: uint(5, limits.recordsPerOwner),
  digest: text(6, hashLength),
  appliedConfig: text(7, hashLength),
});

const hybridTime: Shape<HybridTime> = shape('HybridTime', { ms: uint(1), counter: uint(2) });

export const configShape: Shape<ConfigVersion> = shape('ConfigVersion', {
  mesh: id(1, names),
  kind: id(2, names),
  name: id(3, limits.configNameLength),
  author: id<NodeId>(4, names),
  time: nested(5, hybridTime),
  parent: text(6, 2 * names),
  json: text(7, limits.configBytes),
  deleted: bool(8),
});

const weights: Shape<Weights> = shape('Weights', { passing: uint(1), warning: uint(2) });
const taggedAddress: Shape<TaggedAddress> = shape('TaggedAddress', {
  address: text(1, limits.addressLength),
  port: uint(2, maxPort),
});
const taggedEntry = shape<{ readonly key: string; readonly value: TaggedAddress }>('TaggedEntry', {
  key: text(1, limits.metaKeyLength),
  value: nested(2, taggedAddress),
});

const instanceShape: Shape<Instance> = shape('Instance', {
  id: id<InstanceId>(1, names),
  service: id(2, names),
  address: text(3, limits.addressLength),
  port: uint(4, maxPort),
  tags: texts(5, limits.tagLength, limits.tags),
  meta: map(6, textEntry, limits.tags),
  weights: nested(7, weights),
  taggedAddresses: map(8, taggedEntry, limits.tags),
  enableTagOverride: bool(9),
  protocol: text(10, names),
  region: text(11, names),
  zone: text(12, names),
  kind: text(13, names),
  socketPath: text(14, limits.addressLength),
});

const checkShape: Shape<Check> = shape('Check', {
  id: id<CheckId>(1, limits.checkNameLength),
  name: text(2, limits.checkNameLength),
  type: text(3, names),
  status: oneOf(4, ['passing', 'warning', 'critical']),
  notes: text(5, limits.notesLength),
  output: text(6, limits.outputLength),
  instanceId: optionalId<InstanceId>(7, names),
  intervalMs: uint(8),
  timeoutMs: uint(9),
});

const recordShape: Shape<CatalogRecord> = converted(
  shape<{ version: number; instance: Instance | undefined; check: Check | undefined }>('CatalogRecord', {
    version: uint(1),
    instance: optional(2, instanceShape),
    check: optional(3, checkShape),
  }),
  ({ version, instance, check }) => ({ version, value: recordValue(instance, check) }),
  ({ version, value }) => ({
    version,
    instance: value.type === 'instance' ? value.instance : undefined,
    check: value.type === 'check' ? value.check : undefined,
  }),
);

function recordValue(instance: Instance | undefined, check: Check | undefined): RecordValue {
  if (instance !== undefined && check === undefined) return { type: 'instance', instance };
  if (check !== undefined && instance === undefined) return { type: 'check', check };
  throw new CodecError('missing', 'a record is either an instance or a check');
}

const signables: { readonly [K in SignableType]: Shape<SignableValue<K>> } = {
  member: memberShape,
  accusation: accusationShape,
  head: headShape,
  config: configShape,
};

/** The canonical bytes of a value that is to be signed. */
export function encodeSignable(type: SignableType, value: Signable['value']): Uint8Array {
  return encode(signables[type] as Shape<Signable['value']>, value);
}

/** Canonical bytes of a record and their hash. */
export function sealRecord(record: CatalogRecord): SealedRecord {
  const bytes = encode(recordShape, record);
  return { record, bytes, hash: shortHash(bytes) };
}

function openRecord(bytes: Uint8Array): SealedRecord {
  return { record: decode(recordShape, bytes), bytes, hash: shortHash(bytes) };
}

/** A value with its signature. The value is decoded from exactly the bytes that were signed, which are kept. */
export function signed<T>(inner: Shape<T>): Shape<Signed<T>> {
  return converted(
    shape<{ bytes: Uint8Array; signature: Uint8Array }>('Signed', {
      bytes: bytes(1, limits.wireFrameBytes),
      signature: bytes(2, signatureBytes),
    }),
    ({ bytes, signature }) => ({ value: decode(inner, bytes), bytes, signature }),
    ({ bytes, signature }) => ({ bytes, signature }),
  );
}

/** Catalog records as the bytes that their owner sealed; hashes are computed here, never received. */
export function sealedRecords(number: number): Field<readonly SealedRecord[]> {
  return {
    ...repeated(number, limits.recordsPerOwner, (reader) => openRecord(reader.bytes(limits.recordBytes))),
    write(writer, records) {
      for (const record of records) {
        writer.tag(number, wireTypes.bytes);
        writer.bytes(record.bytes);
      }
    },
  };
}
