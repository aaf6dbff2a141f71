/**
 * What text may be. Text goes over the wire as UTF-8, which has no half of a surrogate pair: two names that differ only
 * in such a half would be one on every other node.
 */

const loneSurrogate = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
const everyLoneSurrogate = new RegExp(loneSurrogate.source, 'g');

/** Controls (C0, DEL, C1, line separators) and marks that turn the reading direction: they make a name look like another. */
// oxlint-disable-next-line no-control-regex -- to find these is the purpose.
const invisible = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/;

/** How many bytes a text takes as UTF-8. */
export function utf8Length(text: string): number {
  let bytes = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // Each half of a surrogate pair stands for two of its four bytes.
    bytes += unit < 0x80 ? 1 : unit < 0x800 || (unit & 0xf800) === 0xd800 ? 2 : 3;
  }
  return bytes;
}

/** Returns what is wrong with free text, such as the value of a meta key: it must be Unicode. */
export function textFault(text: string): string | undefined {
  return loneSurrogate.test(text) ? 'has half of a surrogate pair, which is no character: send valid Unicode' : undefined;
}

/** Returns what is wrong with a name, id, tag or key: Unicode that can be seen. */
export function nameFault(name: string): string | undefined {
  const fault = textFault(name);
  if (fault !== undefined) return fault;
  const found = invisible.exec(name)?.[0];
  if (found === undefined) return undefined;
  return `has the control character U+${found.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}: leave it out`;
}

/** The text with U+FFFD for what is no character: for output that others made, which is shown and not compared. */
export function wellFormed(text: string): string {
  return text.replace(everyLoneSurrogate, '\ufffd');
}
