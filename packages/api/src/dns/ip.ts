/** IP addresses as bytes. */

import { isIP } from 'node:net';

/**
 * 4 or 16 bytes; undefined for what is no address. A scope (`%eth0`) means something on one host only and is left out. An
 * IPv4 address in the form of IPv6 (`::ffff:10.0.0.1`) is the IPv4 address.
 */
export function ipBytes(text: string): Buffer | undefined {
  const plain = text.replace(/%.*$/, '');
  const version = isIP(plain);
  if (version === 4) return Buffer.from(plain.split('.').map(Number));
  if (version === 0) return undefined;
  const [head = '', tail] = plain.split('::');
  const front = groups(head);
  const back = groups(tail ?? '');
  const bytes = Buffer.alloc(16);
  front.forEach((group, n) => bytes.writeUInt16BE(group, n * 2));
  back.forEach((group, n) => bytes.writeUInt16BE(group, 16 - (back.length - n) * 2));
  return plainBytes(bytes);
}

const mappedPrefix = Buffer.from('00000000000000000000ffff', 'hex');

/** An address without the form of IPv6 that IPv4 addresses may have (RFC 4291 2.5.5.2). */
export function plainBytes(address: Buffer): Buffer {
  return address.length === 16 && address.subarray(0, 12).equals(mappedPrefix) ? address.subarray(12) : address;
}

function groups(text: string): readonly number[] {
  return text.split(':').flatMap((group) => {
    if (group === '') return [];
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}
