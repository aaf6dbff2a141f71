/** Frames on a byte stream: a big-endian u32 length, then so many bytes. Streams of libp2p keep no message boundaries. */

import { concat } from 'uint8arrays/concat';

const headerBytes = 4;

/** Cuts a stream of chunks into frames. Holds at most one incomplete frame. */
export class FrameReader {
  #chunks: Uint8Array[] = [];
  #size = 0;

  /** Bytes held of the incomplete frame. */
  get held(): number {
    return this.#size;
  }

  /**
   * Takes a chunk in and hands out each frame that it completes. Returns false, and must not be used again, when a
   * frame is empty or longer than `limit` says at that moment. A handler that returns false stops it too.
   */
  push(chunk: Uint8Array, limit: () => number, onFrame: (body: Uint8Array) => boolean): boolean {
    if (chunk.length === 0) return true;
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    while (this.#size >= headerBytes) {
      const header = this.#peekHeader();
      if (header === 0 || header > limit()) return false;
      if (this.#size < headerBytes + header) return true;
      if (!onFrame(this.#take(headerBytes + header).subarray(headerBytes))) return false;
    }
    return true;
  }

  #peekHeader(): number {
    this.#gather(headerBytes);
    const first = this.#chunks[0] as Uint8Array;
    return new DataView(first.buffer, first.byteOffset, headerBytes).getUint32(0);
  }

  #take(count: number): Uint8Array {
    this.#gather(count);
    const first = this.#chunks[0] as Uint8Array;
    if (first.length === count) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(count);
    this.#size -= count;
    return first.subarray(0, count);
  }

  /** Makes the first chunk hold at least `count` bytes. */
  #gather(count: number): void {
    const first = this.#chunks[0] as Uint8Array;
    if (first.length >= count) return;
    this.#chunks = [concat(this.#chunks, this.#size)];
  }
}

/** Several frames as one piece of bytes, for one send. */
export function encodeFrames(bodies: readonly Uint8Array[]): Uint8Array {
  const total = bodies.reduce((sum, body) => sum + headerBytes + body.length, 0);
  const out = Buffer.allocUnsafe(total);
  let position = 0;
  for (const body of bodies) {
    position = out.writeUInt32BE(body.length, position);
    out.set(body, position);
    position += body.length;
  }
  return out;
}
