/** JSON files that know whether they are whole: the value, and a hash of its text. */

import { createHash } from 'node:crypto';

/** What one file holds. A byte array becomes `{ $bytes: base64 }`. */
export function sealJson(value: unknown): Uint8Array {
  const text = JSON.stringify(value, (_key, part: unknown) =>
    part instanceof Uint8Array ? { $bytes: Buffer.from(part).toString('base64') } : part,
  );
  return new TextEncoder().encode(`{"sum":"${sumOf(text)}","value":${text}}\n`);
}

/** The value of such a file. Throws on anything else: torn, edited, or of another kind. */
export function unsealJson(content: Uint8Array): unknown {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(content);
  const match = /^\{"sum":"([0-9a-f]{32})","value":([^]*)\}\n$/.exec(text);
  if (match === null) throw new Error('not a whole file of this agent');
  const [, sum, body = ''] = match;
  if (sumOf(body) !== sum) throw new Error('its content does not match its checksum');
  return JSON.parse(body, (_key, part: unknown) => (isBytes(part) ? new Uint8Array(Buffer.from(part.$bytes, 'base64')) : part));
}

function isBytes(part: unknown): part is { readonly $bytes: string } {
  return typeof part === 'object' && part !== null && '$bytes' in part && typeof part.$bytes === 'string';
}

function sumOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** A file name for a key of any characters. */
export function fileNameOf(key: string): string {
  return `${createHash('sha256').update(key).digest('hex').slice(0, 32)}.json`;
}
