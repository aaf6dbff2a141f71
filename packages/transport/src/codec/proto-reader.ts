/**
 * Reads protobuf's wire format strictly: a length never points past the message it is in, text is valid UTF-8,
 * integers are safe. What it returns is copied, so that one kept field does not keep a whole frame in memory.
 */

import { CodecError } from './codec-error.ts';
import { wireTypes } from './proto-writer.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** A varint of a safe integer: 8 groups of 7 bits hold 56. */
const safeVarintBytes = 8;
/** The longest varint that exists, of 64 bits. Only skipped, never read. */
const anyVarintBytes = 10;

export class ProtoReader {
  readonly #bytes: Uint8Array;
  #position = 0;
  /** Where the message being read ends. */
  #end: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#end = bytes.length;
  }

  /** Whether the message being read has more fields. */
  get more(): boolean {
    return this.#position < this.#end;
  }

  /** The next tag, as field number * 8 + wire type. */
  tag(): number {
    const tag = this.uint();
    if (tag < 8 || tag > 0xffffffff) throw new CodecError('malformed', 'not a field number');
    return tag;
  }

  uint(): number {
    let value = 0;
    let unit = 1;
    for (let i = 0; i < safeVarintBytes; i++) {
      const byte = this.#byte();
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      unit *= 128;
    }
    throw new CodecError('bad-number', 'an integer above 2^53 - 1');
  }

  bytes(limit: number): Uint8Array {
    return new Uint8Array(this.#view(limit));
  }

  /** Text of at most `limit` UTF-16 units. */
  text(limit: number): string {
    const view = this.#view(limit * 3);
    let text;
    try {
      text = utf8.decode(view);
    } catch {
      throw new CodecError('bad-text', 'text that is not UTF-8');
    }
    if (text.length > limit) throw new CodecError('too-long', `text of ${text.length} units, at most ${limit} are allowed`);
    return text;
  }

  /** Reads a message within this one. */
  nested<T>(content: () => T): T {
    const length = this.#length();
    const outer = this.#end;
    this.#end = this.#position + length;
    const value = content();
    this.#end = outer;
    return value;
  }

  /** Passes over a field that this version does not know. */
  skip(wireType: number): void {
    if (wireType === wireTypes.varint) {
      for (let i = 0; i < anyVarintBytes; i++) if (this.#byte() < 0x80) return;
      throw new CodecError('malformed', 'a varint without an end');
    }
    const size = this.#sizeOf(wireType);
    this.#position += size;
  }

  #sizeOf(wireType: number): number {
    if (wireType === wireTypes.bytes) return this.#length();
    if (wireType === wireTypes.fixed64) return this.#need(8);
    if (wireType === wireTypes.fixed32) return this.#need(4);
    throw new CodecError('malformed', `wire type ${wireType}`);
  }

  #view(limit: number): Uint8Array {
    const length = this.#length();
    if (length > limit) throw new CodecError('too-long', `${length} bytes, at most ${limit} are allowed`);
    const start = this.#position;
    this.#position += length;
    return this.#bytes.subarray(start, this.#position);
  }

  #length(): number {
    return this.#need(this.uint());
  }

  #need(count: number): number {
    if (count > this.#end - this.#position) throw new CodecError('truncated', `${count} bytes are missing`);
    return count;
  }

  #byte(): number {
    this.#need(1);
    return this.#bytes[this.#position++] as number;
  }
}
