/**
 * The key-value store: config entries of a kind of their own, so that they are signed, merged, repaired and kept as those
 * are. The last writer wins. There are no locks, since nobody here could say who holds one.
 */

import { limits } from '../limits.ts';
import { textFault, utf8Length } from '../text.ts';

export const kvKind = 'kv';

/** What one key holds. */
export interface KvValue {
  /** The value's bytes in base64 (RFC 4648, section 4). */
  readonly value: string;
  /** A number that means something to clients only. */
  readonly flags: number;
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Returns what is wrong with a key, or undefined. Any Unicode is allowed, slashes and empty segments too. */
export function kvKeyFault(key: string): string | undefined {
  if (key === '') return 'must not be empty';
  const bytes = utf8Length(key);
  return bytes > limits.kvKeyBytes ? `has ${bytes} bytes, the limit is ${limits.kvKeyBytes}` : textFault(key);
}

/** Returns what is wrong with the value of an entry of kind `kv`, or undefined. */
export function kvValueFault(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return 'must be an object';
  const { value: text, flags } = value as Readonly<Record<string, unknown>>;
  if (typeof text !== 'string' || !base64.test(text)) return 'value: must be base64';
  const bytes = (text.length / 4) * 3 - (text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0);
  if (bytes > limits.kvValueBytes) return `value: has ${bytes} bytes, the limit is ${limits.kvValueBytes}`;
  if (typeof flags === 'number' && Number.isSafeInteger(flags) && flags >= 0) return undefined;
  return 'flags: must be a whole number from 0 to 2^53-1';
}

/** Folders deeper than this have no index of their own: a change below them shows in the one of this depth. */
const folderDepth = 16;

/** The folders that a key lies in, from the root, which is empty, inwards. Each ends in a slash. */
export function kvFoldersOf(key: string): readonly string[] {
  const folders = [''];
  for (let slash = key.indexOf('/'); slash >= 0 && folders.length <= folderDepth; slash = key.indexOf('/', slash + 1))
    folders.push(key.slice(0, slash + 1));
  return folders;
}

/** The innermost folder that all keys with this prefix lie in. It is the prefix itself where that ends in a slash. */
export function kvFolderOf(prefix: string): string {
  return kvFoldersOf(prefix).at(-1) ?? '';
}
