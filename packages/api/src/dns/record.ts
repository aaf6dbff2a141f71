/** Resource records, ready to be written: what differs by type is bytes, then at most one name. */

import type { DomainName } from './name.ts';

/** RFC 1035, 2782, 3596, 6891 and the meta types. */
export const recordTypes = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const;

/** RFC 1035 and 6891. BADVERS needs the upper bits that EDNS adds. */
export const rcodes = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
} as const;

export interface DnsRecord {
  readonly owner: DomainName;
  readonly type: number;
  /** Seconds that it may be cached. */
  readonly ttl: number;
  /** What its data begins with. */
  readonly bytes: Buffer;
  /** What its data ends with. */
  readonly target?: DomainName;
}

const nothing = Buffer.alloc(0);
const textBytesMax = 255;
const recordBytesMax = 65_535;
const soaRefreshS = 3600;
const soaRetryS = 600;
const soaExpireS = 86_400;

/** A or AAAA, by the number of bytes. */
export function addressRecord(owner: DomainName, address: Buffer, ttl: number): DnsRecord {
  return { owner, type: address.length === 4 ? recordTypes.A : recordTypes.AAAA, ttl, bytes: address };
}

export function aliasRecord(owner: DomainName, target: DomainName, ttl: number): DnsRecord {
  return { owner, type: recordTypes.CNAME, ttl, bytes: nothing, target };
}

export function nsRecord(owner: DomainName, target: DomainName, ttl: number): DnsRecord {
  return { owner, type: recordTypes.NS, ttl, bytes: nothing, target };
}

export function ptrRecord(owner: DomainName, target: DomainName): DnsRecord {
  return { owner, type: recordTypes.PTR, ttl: 0, bytes: nothing, target };
}

/** RFC 2782. All have priority 1, as Consul's. */
export function srvRecord(
  owner: DomainName,
  place: { readonly weight: number; readonly port: number; readonly target: DomainName; readonly ttl: number },
): DnsRecord {
  // From the pool: a buffer of its own takes ten times its bytes.
  const bytes = Buffer.allocUnsafe(6);
  bytes.writeUInt16BE(1, 0);
  bytes.writeUInt16BE(place.weight, 2);
  bytes.writeUInt16BE(place.port, 4);
  return { owner, type: recordTypes.SRV, ttl: place.ttl, bytes, target: place.target };
}

/** One text, in as many strings of at most 255 bytes as it takes. */
export function txtRecord(owner: DomainName, text: string, ttl: number): DnsRecord {
  const whole = Buffer.from(text, 'utf8').subarray(0, recordBytesMax - 512);
  const parts: Buffer[] = [];
  for (let at = 0; at < whole.length || at === 0; at += textBytesMax) {
    const part = whole.subarray(at, at + textBytesMax);
    parts.push(Buffer.of(part.length), part);
  }
  return { owner, type: recordTypes.TXT, ttl, bytes: Buffer.concat(parts) };
}

/** Start of authority. A minimum of 0: that a name is missing may not be remembered (RFC 2308). */
export function soaRecord(
  zone: DomainName,
  names: { readonly primary: DomainName; readonly mailbox: DomainName },
  serial: number,
): DnsRecord {
  const numbers = Buffer.alloc(20);
  [serial, soaRefreshS, soaRetryS, soaExpireS, 0].forEach((number, n) => numbers.writeUInt32BE(number, n * 4));
  return { owner: zone, type: recordTypes.SOA, ttl: 0, bytes: Buffer.concat([names.primary.wire, names.mailbox.wire, numbers]) };
}
