/** IP addresses as bytes. */

import { isIP } from 'node:net';

/** 4 or 16 bytes; undefined for what is no address. A scope (`%eth0`) means something on one host only and is left out. */
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
  return bytes;
}

function groups(text: string): readonly number[] {
  return text.split(':').flatMap((group) => {
    if (group === '') return [];
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}
