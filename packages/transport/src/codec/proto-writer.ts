/**
 * Writes protobuf's wire format (protobuf.dev/programming-guides/encoding). Fields go out in ascending order and
 * defaults are left out, so one value has one encoding: signatures and hashes are made over it.
 */

import { CodecError } from './codec-error.ts';

export const wireTypes = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

export class ProtoWriter {
  #buffer = Buffer.allocUnsafe(512);
  #length = 0;

  tag(field: number, wireType: number): void {
    this.uint(field * 8 + wireType);
  }

  /** A safe integer of at least 0. */
  uint(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new CodecError('bad-number', `${String(value)} is not a safe integer of at least 0`);
    }
    this.#reserve(8);
    let rest = value;
    while (rest > 0x7f) {
      this.#buffer[this.#length++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.#buffer[this.#length++] = rest;
  }

  /** Length, then content. */
  bytes(value: Uint8Array): void {
    this.uint(value.length);
    this.#reserve(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
  }

  text(value: string): void {
    const length = Buffer.byteLength(value, 'utf8');
    this.uint(length);
    this.#reserve(length);
    this.#length += this.#buffer.write(value, this.#length, length, 'utf8');
  }

  /** Length, then whatever `content` writes. */
  nested(content: () => void): void {
    const start = this.#length;
    content();
    const end = this.#length;
    this.uint(end - start);
    const prefix = this.#length - end;
    const held = Buffer.from(this.#buffer.subarray(end, this.#length));
    this.#buffer.copyWithin(start + prefix, start, end);
    this.#buffer.set(held, start);
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return new Uint8Array(this.#buffer.subarray(0, this.#length));
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
    grown.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = grown;
  }
}
