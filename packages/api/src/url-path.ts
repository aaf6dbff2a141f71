/** Paths as clients write them: with too many slashes, with steps, or with characters that no name has. */

import { posix } from 'node:path';
import { badRequest, type Refusal } from './refusal.ts';

/** Go's `unicode.IsPrint`: letters, marks, numbers, punctuation, symbols, and the blank. */
const unprintable = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u;

/** Refuses a decoded part of a path that has control characters or the like, as Consul does: it comes by mistake or with intent. */
export function requirePrintable(part: string): void {
  const found = unprintable.exec(part)?.[0];
  if (found === undefined) return;
  const code = (found.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  throw badRequest(`Invalid URL path: it has the character U+${code}, which cannot be printed`);
}

/** The refusal of a path whose percent-encoding is broken, or stands for bytes that are no UTF-8 (RFC 3986, section 2.5). */
export function notPercentEncoded(): Refusal {
  return badRequest('Invalid URL path: a percent sign is followed by two hexadecimal digits, and the bytes are UTF-8');
}

/**
 * Where the URL of a path that does not exist is redirected to: to the path without double slashes and steps, as a base
 * address that ends in a slash makes them, or to the one with the slash at the end that it lacks. Undefined when
 * there is no such path either. `paths` are those of the routes.
 */
export function redirectTarget(paths: readonly string[]): (url: string) => string | undefined {
  const fixed = new Set(paths.filter((path) => !path.endsWith('*')));
  const open = [...new Set(paths.filter((path) => path.endsWith('*')).map((path) => path.slice(0, -1)))];
  return (url) => {
    const end = url.search(/[?#]|$/);
    const path = url.slice(0, end);
    const clean = posix.normalize(path);
    const target = !fixed.has(clean) && open.includes(`${clean}/`) ? `${clean}/` : clean;
    const exists = fixed.has(target) || open.some((prefix) => target.startsWith(prefix));
    return target !== path && exists ? target + url.slice(end) : undefined;
  };
}
