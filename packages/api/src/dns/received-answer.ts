/** Answers of other name servers: nothing in them is believed to be where it is said to be. */

import { readName, skipName } from './name.ts';
import type { DomainName } from './name.ts';
import { headerBytes } from './query.ts';
import { recordTypes } from './record.ts';
import type { DnsRecord } from './record.ts';

/** A record as it was received: where its data is in the message, and the name in front of it. */
interface ReceivedRecord {
  readonly owner: DomainName;
  readonly type: number;
  readonly ttl: number;
  readonly start: number;
  readonly end: number;
  /** What the data of an alias, and of others that are one name, says. */
  readonly target: DomainName | undefined;
}

const fixedBytes = 10;
const addressBytes: ReadonlyMap<number, number> = new Map([
  [recordTypes.A, 4],
  [recordTypes.AAAA, 16],
]);
/** Types whose data is one name. */
const nameTypes: ReadonlySet<number> = new Set([recordTypes.CNAME, recordTypes.NS, recordTypes.PTR]);
/** Addresses and aliases taken of one answer. */
const recordsMax = 256;

/** Whether all of its records, of all sections, are there and can be read. What follows them is not looked at. */
export function isWhole(message: Buffer): boolean {
  let at = questionEnd(message);
  for (let left = recordCount(message); left > 0 && at !== undefined; left--) at = readRecord(message, at)?.end;
  return at !== undefined;
}

/** The aliases and addresses of an answer. Undefined when it is malformed, or has more records than anybody needs. */
export function answeredAddresses(message: Buffer): readonly DnsRecord[] | undefined {
  const count = message.readUInt16BE(6);
  let at = questionEnd(message);
  if (at === undefined || count > recordsMax) return undefined;
  const records: DnsRecord[] = [];
  for (let n = 0; n < count; n++) {
    const record = readRecord(message, at);
    if (record === undefined) return undefined;
    const { owner, type, ttl, start, end, target } = record;
    at = end;
    if (type === recordTypes.CNAME && target !== undefined) records.push({ owner, type, ttl, bytes: Buffer.alloc(0), target });
    else if (addressBytes.has(type)) records.push({ owner, type, ttl, bytes: Buffer.from(message.subarray(start, end)) });
  }
  return records;
}

/** Where the records begin. Undefined where there is not one question. */
function questionEnd(message: Buffer): number | undefined {
  if (message.length < headerBytes || message.readUInt16BE(4) !== 1) return undefined;
  const nameEnd = skipName(message, headerBytes);
  return nameEnd === undefined || nameEnd + 4 > message.length ? undefined : nameEnd + 4;
}

function recordCount(message: Buffer): number {
  return message.readUInt16BE(6) + message.readUInt16BE(8) + message.readUInt16BE(10);
}

function readRecord(message: Buffer, at: number): ReceivedRecord | undefined {
  const owner = readName(message, at);
  if (owner === undefined || owner.end + fixedBytes > message.length) return undefined;
  const type = message.readUInt16BE(owner.end);
  const ttl = message.readUInt32BE(owner.end + 4);
  const start = owner.end + fixedBytes;
  const end = start + message.readUInt16BE(start - 2);
  if (end > message.length || end - start !== (addressBytes.get(type) ?? end - start)) return undefined;
  const named = nameTypes.has(type) ? readName(message, start) : undefined;
  if (nameTypes.has(type) && named?.end !== end) return undefined;
  return { owner: owner.name, type, ttl, start, end, target: named?.name };
}
