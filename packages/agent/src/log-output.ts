/**
 * Where log lines go: a file descriptor, written behind the event loop's back. A reader that is slow, gone, or a
 * disk that is full must neither block nor end an agent: what cannot be written is dropped and counted.
 */

import { write, writeSync } from 'node:fs';

export interface LogSink {
  write(line: string): void;
}

export interface Descriptor {
  /** As `fs.write`, for a whole buffer. */
  write(bytes: Uint8Array, done: (error: NodeJS.ErrnoException | null, written: number) => void): void;
  /** As `fs.writeSync`. */
  writeSync(bytes: Uint8Array): number;
}

/** Bytes that may wait for a slow reader. */
const bufferBytes = 4_194_304;
const retryMs = 50;
/** Attempts of `flush` against a reader that takes nothing. */
const flushAttempts = 20;

export function fileDescriptor(fd: number): Descriptor {
  return {
    write: (bytes, done) => write(fd, bytes, done),
    writeSync: (bytes) => writeSync(fd, bytes),
  };
}

export class LogOutput implements LogSink {
  readonly #descriptor: Descriptor;
  /** Lines not handed over yet, and their bytes. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** What a write is under way for, or what one could not write yet. */
  #current: Buffer | undefined;
  #isWriting = false;
  #isGone = false;
  #dropped = 0;

  constructor(descriptor: Descriptor) {
    this.#descriptor = descriptor;
  }

  /** Lines that were not written and never will be. */
  get dropped(): number {
    return this.#dropped;
  }

  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#isGone || this.#waitingBytes + bytes.length > bufferBytes) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (!this.#isWriting) this.#next();
  }

  /** Writes what waits, now, as far as it is taken: the process is about to end. Lines under way may be written twice. */
  flush(): void {
    for (let attempt = 0; attempt < flushAttempts && this.#take();) {
      const bytes = this.#current as Buffer;
      try {
        this.#current = bytes.subarray(this.#descriptor.writeSync(bytes));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
        attempt++;
      }
    }
  }

  /** Whether there is something in `#current`. */
  #take(): boolean {
    if (this.#current !== undefined && this.#current.length > 0) return true;
    if (this.#waiting.length === 0) return false;
    this.#current = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    return true;
  }

  #next(): void {
    if (!this.#take()) return;
    const bytes = this.#current as Buffer;
    this.#isWriting = true;
    this.#descriptor.write(bytes, (error, written) => {
      this.#isWriting = false;
      // `flush` may have written it meanwhile.
      if (this.#current !== bytes) return this.#next();
      if (error === null) this.#current = bytes.subarray(written);
      else if (error.code === 'EAGAIN') {
        this.#isWriting = true;
        setTimeout(() => {
          this.#isWriting = false;
          this.#next();
        }, retryMs).unref();
        return;
      } else this.#drop(error.code);
      this.#next();
    });
  }

  #drop(code: string | undefined): void {
    this.#isGone = code === 'EPIPE' || code === 'EBADF';
    this.#dropped += lines(this.#current);
    this.#current = undefined;
    if (!this.#isGone) return;
    for (const line of this.#waiting) this.#dropped += lines(line);
    this.#waiting = [];
    this.#waitingBytes = 0;
  }
}

function lines(bytes: Buffer | undefined): number {
  let count = 0;
  for (const byte of bytes ?? []) if (byte === 0x0a) count++;
  return count;
}
