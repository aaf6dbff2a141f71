/** Domain names in wire form: labels with their lengths before them, ended by the empty label (RFC 1035 3.1). */

import { domainToASCII } from 'node:url';

const labelBytesMax = 63;
const nameBytesMax = 255;
/** Jumps through compression pointers in one name. Each must go back, so a loop is impossible; this bounds the work. */
const jumpsMax = 32;

export class DomainName {
  /** Uncompressed, in the case in which it was asked for or registered. */
  readonly wire: Buffer;
  /** Equal for equal names, whatever their case (RFC 4343): the wire form as latin1, ASCII letters in lower case. */
  readonly key: string;
  #suffixes: readonly string[] | undefined;

  constructor(wire: Buffer) {
    this.wire = wire;
    this.key = keyOf(wire, 0, wire.length);
  }

  /** The keys of this name and of every name above it but the root, which compression may point to. */
  get suffixes(): readonly string[] {
    this.#suffixes ??= suffixesOf(this.key);
    return this.#suffixes;
  }

  /** Lower case, left to right, read as UTF-8. */
  labels(): readonly string[] {
    const labels: string[] = [];
    for (let at = 0; this.wire[at] !== 0; at += 1 + (this.wire[at] ?? 0)) {
      labels.push(this.wire.toString('utf8', at + 1, at + 1 + (this.wire[at] ?? 0)).toLowerCase());
    }
    return labels;
  }

  /** With a dot at the end; bytes that are no plain text as `\DDD` (RFC 1035 5.1). */
  toString(): string {
    let text = '';
    for (let at = 0; this.wire[at] !== 0; at += 1 + (this.wire[at] ?? 0)) {
      for (const byte of this.wire.subarray(at + 1, at + 1 + (this.wire[at] ?? 0))) text += escaped(byte);
      text += '.';
    }
    return text === '' ? '.' : text;
  }
}

/** Undefined when a label or the whole does not fit into a name. */
export function nameOf(labels: readonly string[], parent?: DomainName): DomainName | undefined {
  const parts: Buffer[] = [];
  let length = parent?.wire.length ?? 1;
  for (const label of labels) {
    const bytes = Buffer.from(label, 'utf8');
    length += 1 + bytes.length;
    if (bytes.length === 0 || bytes.length > labelBytesMax || length > nameBytesMax) return undefined;
    parts.push(Buffer.of(bytes.length), bytes);
  }
  parts.push(parent?.wire ?? Buffer.of(0));
  return new DomainName(Buffer.concat(parts));
}

/** Reads a host name as people write it, with or without a dot at the end; names in other scripts become ASCII (RFC 5891). */
export function hostName(text: string): DomainName | undefined {
  const ascii = /^[\u0020-\u007e]*$/.test(text) ? text : domainToASCII(text);
  const plain = ascii.endsWith('.') ? ascii.slice(0, -1) : ascii;
  return plain === '' || /\s/.test(plain) ? undefined : nameOf(plain.split('.'));
}

/** The name at an offset of a whole message, pointers followed. Undefined when it is malformed. */
export function readName(message: Buffer, offset: number): { readonly name: DomainName; readonly end: number } | undefined {
  const parts: Buffer[] = [];
  let length = 1;
  let at = offset;
  let end: number | undefined;
  for (let jumps = 0; ;) {
    const size = message[at];
    if (size === undefined) return undefined;
    if (size === 0) break;
    if (size >= 0xc0) {
      const target = ((size & 0x3f) << 8) | (message[at + 1] ?? 0);
      end ??= at + 2;
      if (end > message.length || target >= at || ++jumps > jumpsMax) return undefined;
      at = target;
      continue;
    }
    length += 1 + size;
    if (size > labelBytesMax || length > nameBytesMax || at + 1 + size > message.length) return undefined;
    parts.push(message.subarray(at, at + 1 + size));
    at += 1 + size;
  }
  parts.push(Buffer.of(0));
  return { name: new DomainName(Buffer.concat(parts)), end: end ?? at + 1 };
}

/** Where the name at an offset ends, without reading it. Undefined when it is malformed. */
export function skipName(message: Buffer, offset: number): number | undefined {
  for (let at = offset; at - offset < nameBytesMax;) {
    const size = message[at];
    if (size === undefined) return undefined;
    if (size === 0) return at + 1;
    if (size >= 0xc0) return at + 2 <= message.length ? at + 2 : undefined;
    if (size > labelBytesMax) return undefined;
    at += 1 + size;
  }
  return undefined;
}

/** The key of the uncompressed name in these bytes. A length is below 64 and never looks like a letter. */
export function keyOf(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString('latin1', start, end);
  return /[A-Z]/.test(text) ? text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text;
}

export function suffixesOf(key: string): readonly string[] {
  const suffixes: string[] = [];
  for (let at = 0; key.charCodeAt(at) > 0; at += 1 + key.charCodeAt(at)) suffixes.push(key.slice(at));
  return suffixes;
}

function escaped(byte: number): string {
  if (byte <= 0x20 || byte >= 0x7f) return `\\${String(byte).padStart(3, '0')}`;
  const character = String.fromCharCode(byte);
  return /[."();@$\\]/.test(character) ? `\\${character}` : character;
}
