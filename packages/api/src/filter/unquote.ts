/** Go's string literals, as `strconv.Unquote` reads them. */

const simple: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
};
const escape = /\\(?:([abfnrtv\\"])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3}))/y;
const highest = 0x10ffff;

/** The text between quotes; undefined when it is malformed. Bytes beyond ASCII (`\xe4`) are taken as Latin-1, not as UTF-8. */
export function unquote(quote: '`' | '"', body: string): string | undefined {
  if (quote === '`') return body.replaceAll('\r', '');
  if (body.includes('\n')) return undefined;
  let text = '';
  for (let at = 0; at < body.length;) {
    const backslash = body.indexOf('\\', at);
    if (backslash === -1) return text + body.slice(at);
    text += body.slice(at, backslash);
    escape.lastIndex = backslash;
    const match = escape.exec(body);
    const character = match === null ? undefined : escaped(match);
    if (character === undefined) return undefined;
    text += character;
    at = escape.lastIndex;
  }
  return text;
}

function escaped([, letter, ...codes]: RegExpExecArray): string | undefined {
  if (letter !== undefined) return simple[letter];
  const [byte, short, long, octal] = codes;
  const code = octal === undefined ? Number.parseInt(byte ?? short ?? long ?? '', 16) : Number.parseInt(octal, 8);
  const isSurrogate = code >= 0xd800 && code <= 0xdfff;
  if (code > highest || isSurrogate || (octal !== undefined && code > 255)) return undefined;
  return String.fromCodePoint(code);
}
