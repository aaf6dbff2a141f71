/** Records as people read them (RFC 1035 5). */

import { readName } from './name.ts';
import { recordTypes } from './record.ts';
import type { DnsRecord } from './record.ts';

const typeNames = new Map<number, string>(Object.entries(recordTypes).map(([name, type]) => [type, name]));

export interface RecordText {
  readonly name: string;
  readonly type: string;
  readonly ttlS: number;
  readonly data: string;
}

export function recordText({ owner, type, ttl, bytes, target }: DnsRecord): RecordText {
  const name = typeNames.get(type) ?? `TYPE${type}`;
  return {
    name: owner.toString(),
    type: name,
    ttlS: ttl,
    data: target === undefined ? dataText(type, bytes) : targetText(type, bytes, String(target)),
  };
}

function targetText(type: number, bytes: Buffer, target: string): string {
  if (type !== recordTypes.SRV) return target;
  return `${bytes.readUInt16BE(0)} ${bytes.readUInt16BE(2)} ${bytes.readUInt16BE(4)} ${target}`;
}

function dataText(type: number, bytes: Buffer): string {
  switch (type) {
    case recordTypes.A:
      return bytes.join('.');
    case recordTypes.AAAA:
      // A URL has the shortest form (RFC 5952).
      return new URL(`http://[${bytes.toString('hex').replaceAll(/(.{4})(?!$)/g, '$1:')}]`).hostname.slice(1, -1);
    case recordTypes.TXT:
      return strings(bytes);
    case recordTypes.SOA:
      return soaText(bytes);
    default:
      return `\\# ${bytes.length} ${bytes.toString('hex')}`;
  }
}

function strings(bytes: Buffer): string {
  const found: string[] = [];
  for (let at = 0; at < bytes.length; at += 1 + (bytes[at] ?? 0)) {
    found.push(JSON.stringify(bytes.toString('utf8', at + 1, at + 1 + (bytes[at] ?? 0))));
  }
  return found.join(' ');
}

function soaText(bytes: Buffer): string {
  const primary = readName(bytes, 0);
  const mailbox = readName(bytes, primary?.end ?? 0);
  const numbers = [0, 4, 8, 12, 16].map((at) => bytes.readUInt32BE((mailbox?.end ?? 0) + at));
  return [primary?.name, mailbox?.name, ...numbers].join(' ');
}
