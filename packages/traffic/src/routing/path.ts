/**
 * The normal form of a path (RFC 3986, 6.2.2): the one that rules are compared with and that instances get, so that no
 * request is routed as one path and read as another. As Envoy does for Gateway API: dot segments are taken out, also
 * those with encoded dots, and what needs no encoding is decoded. All else stays as it is: `//` is not `/`, and an encoded
 * slash is a part of its segment, not a separator.
 */

const encoded = /%[0-9a-f]{2}/gi;
const unreserved = /[A-Za-z0-9._~-]/;

/** `path` starts with `/` and has no query. Once normal, it stays the same. */
export function normalPath(path: string): string {
  const decoded = path.includes('%') ? path.replace(encoded, decode) : path;
  return decoded.includes('/.') ? withoutDots(decoded) : decoded;
}

/** One encoded byte: its character when that is unreserved, else with capital digits. */
function decode(triple: string): string {
  const character = String.fromCharCode(Number.parseInt(triple.slice(1), 16));
  return unreserved.test(character) ? character : triple.toUpperCase();
}

/** RFC 3986, 5.2.4: `..` takes the segment before it along, and there is nothing above the root. */
function withoutDots(path: string): string {
  const kept: string[] = [];
  const segments = path.split('/').slice(1);
  for (const [index, segment] of segments.entries()) {
    const dots = segment === '.' || segment === '..';
    if (segment === '..') kept.pop();
    if (!dots) kept.push(segment);
    else if (index === segments.length - 1) kept.push('');
  }
  return `/${kept.join('/')}`;
}
