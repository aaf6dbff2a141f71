/** Asks the DNS interface over a fake port, without a socket, and reads its answers with the decoder of dns-packet. */

import { createDns } from '@skein/api';
import type { Dns, DnsOptions } from '@skein/api';
import { seededRng } from '@skein/core';
import { decode as decodePacket, encode, RECURSION_DESIRED } from 'dns-packet';
import type { Answer, DecodedPacket, Packet, RecordType } from 'dns-packet';
import { FakePort } from './fake-port.ts';

/** What the types of dns-packet leave out. */
export interface Decoded extends DecodedPacket {
  readonly rcode: string;
}

export function decode(message: Uint8Array): Decoded {
  return decodePacket(Buffer.from(message)) as Decoded;
}

export interface AskOptions {
  readonly transport?: 'udp' | 'tcp';
  readonly address?: string;
  /** Of EDNS; without, the query has none. */
  readonly udpSize?: number;
  readonly flags?: number;
}

export class DnsClient {
  readonly port = new FakePort('alpha');
  readonly dns: Dns;

  constructor(more: Partial<DnsOptions> = {}) {
    this.dns = createDns({
      port: this.port,
      listen: { host: '127.0.0.1', port: 0 },
      datacenter: 'dc1',
      recursors: [],
      rng: seededRng(7),
      nowMs: () => 0,
      ...more,
    });
  }

  async ask(
    name: string,
    type: RecordType | 'ANY',
    { udpSize, flags = RECURSION_DESIRED, ...asker }: AskOptions = {},
  ): Promise<Decoded> {
    const query: Packet = { type: 'query', id: 4711, flags, questions: [{ name, type: type as RecordType }] };
    const bytes = encode(udpSize === undefined ? query : { ...query, additionals: [opt(udpSize)] });
    const answer = await this.send(bytes, asker);
    if (answer === undefined) throw new Error(`no answer to ${name} ${type}`);
    return decode(answer);
  }

  send(message: Uint8Array, { transport = 'udp', ...more }: AskOptions = {}): Promise<Uint8Array | undefined> {
    return this.dns.inject(message, { transport, ...more });
  }
}

export function opt(udpPayloadSize: number): Answer {
  return { type: 'OPT', name: '.', udpPayloadSize, extendedRcode: 0, ednsVersion: 0, flags: 0, flag_do: false, options: [] };
}

/** Records as text, `name TYPE data`, in a fixed order. */
export function texts(records: readonly Answer[] | undefined): readonly string[] {
  return (records ?? [])
    .filter(({ type }) => type !== 'OPT')
    .map(text)
    .sort();
}

function text(record: Answer): string {
  const data = 'data' in record ? record.data : undefined;
  const { name, type } = record;
  if (type === 'SRV') {
    const { priority, weight, port, target } = record.data;
    return `${name} SRV ${priority} ${weight} ${port} ${target}`;
  }
  if (type === 'SOA') return `${name} SOA ${record.data.mname} ${record.data.rname} ${record.data.minimum}`;
  if (type === 'TXT') return `${name} TXT ${[record.data].flat().map(String).join('')}`;
  return `${name} ${type} ${typeof data === 'string' ? data : JSON.stringify(data)}`;
}

export { encode };
