/**
 * Reads HTTP/1.1 responses (RFC 9112) from an instance's connection, strictly: a message that two readers could take for
 * two different things is refused, never repaired. Headers that belong to one connection only are left out (RFC 9110, 7.6.1).
 */

import { endToEndHeaders } from '../headers.ts';

export interface ResponseReader {
  /** `headers`: names and values in turn, end-to-end ones only. */
  head(status: number, reason: string, headers: string[]): void;
  data(chunk: Buffer): void;
  /** The response is complete; `last` is the rest of its body, which was not given to `data`. */
  end(last: Buffer | undefined): void;
  /** 101: from here on the connection speaks another protocol. All headers; `rest` belongs to that protocol. */
  switched(reason: string, headers: string[], rest: Buffer): void;
}

const maxHeadBytes = 65_536;
const maxLineBytes = 4096;
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
// oxlint-disable-next-line no-control-regex -- exactly the characters that must not occur
const badValue = /[^\t\x20-\x7e\x80-\xff]/;
const statusLine = /^HTTP\/1\.([01]) ([1-9][0-9]{2})(?: ([\t\x20-\x7e\x80-\xff]*))?$/;
const empty = Buffer.alloc(0);

type State = 'head' | 'length' | 'until-close' | 'chunk-line' | 'chunk-data' | 'chunk-end' | 'trailers' | 'done';

export class ResponseParser {
  readonly #reader: ResponseReader;
  #state: State = 'done';
  #bodyless = false;
  /** Bytes of a head or line that is not complete yet. */
  #pending: Buffer = empty;
  /** Bytes of the body, or of its chunk, still to come. */
  #left = 0;
  #trailerBytes = 0;
  /** Whether the connection can take another request after this response. */
  reusable = false;
  /** What `Keep-Alive: timeout=` said, once for the connection; Infinity when it said nothing. */
  keepAliveMs = Infinity;
  #hintRead = false;
  /** Whether any byte of the current response came. */
  started = false;

  constructor(reader: ResponseReader) {
    this.#reader = reader;
  }

  /** A request was sent; what comes next answers it. `bodyless`: it was HEAD. */
  expect(bodyless: boolean): void {
    this.#state = 'head';
    this.#bodyless = bodyless;
    this.#pending = empty;
    this.reusable = false;
    this.started = false;
  }

  /** Takes bytes in. Answers what is wrong with them, if anything; the connection is then of no more use. */
  feed(bytes: Buffer): string | undefined {
    this.started = true;
    let rest = bytes;
    if (this.#pending.length > 0) {
      rest = Buffer.concat([this.#pending, bytes]);
      this.#pending = empty;
    }
    while (rest.length > 0) {
      switch (this.#state) {
        case 'head': {
          const end = rest.indexOf('\r\n\r\n');
          if (end > maxHeadBytes || (end < 0 && rest.length > maxHeadBytes)) return 'its headers are longer than 64 KiB';
          if (end < 0) return this.#keep(rest);
          const wrong = this.#readHead(rest.toString('latin1', 0, end), rest.subarray(end + 4));
          if (wrong !== undefined) return wrong;
          rest = (this.#state as State) === 'done' && !this.reusable ? empty : rest.subarray(end + 4);
          break;
        }
        case 'length':
          if (rest.length < this.#left) {
            this.#left -= rest.length;
            this.#reader.data(rest);
            return undefined;
          }
          rest = this.#finish(rest, this.#left);
          break;
        case 'until-close':
          this.#reader.data(rest);
          return undefined;
        case 'chunk-data': {
          const size = Math.min(rest.length, this.#left);
          this.#left -= size;
          if (this.#left === 0) this.#state = 'chunk-end';
          this.#reader.data(rest.subarray(0, size));
          rest = rest.subarray(size);
          break;
        }
        case 'chunk-line':
        case 'chunk-end':
        case 'trailers': {
          const line = rest.indexOf('\r\n');
          if (line > maxLineBytes || (line < 0 && rest.length > maxLineBytes)) return 'a line of its chunked body is too long';
          if (line < 0) return this.#keep(rest);
          const wrong = this.#readLine(rest.toString('latin1', 0, line));
          if (wrong !== undefined) return wrong;
          rest = rest.subarray(line + 2);
          break;
        }
        case 'done':
          this.reusable = false;
          return undefined;
      }
      if ((this.#state as State) === 'done') {
        if (rest.length > 0) this.reusable = false;
        return undefined;
      }
    }
    return undefined;
  }

  /** The connection ended. True when that was the proper end of the response. */
  close(): boolean {
    if (this.#state !== 'until-close') return false;
    this.#state = 'done';
    this.#reader.end(undefined);
    return true;
  }

  #keep(rest: Buffer): undefined {
    this.#pending = rest;
    return undefined;
  }

  #finish(bytes: Buffer, size: number): Buffer {
    this.#state = 'done';
    const rest = bytes.subarray(size);
    if (rest.length > 0) this.reusable = false;
    this.#reader.end(size > 0 ? bytes.subarray(0, size) : undefined);
    return rest;
  }

  #readHead(text: string, rest: Buffer): string | undefined {
    const firstEnd = text.indexOf('\r\n');
    const first = statusLine.exec(firstEnd < 0 ? text : text.slice(0, firstEnd));
    if (first === null) return 'its first line is not that of an HTTP/1 response';
    const status = Number(first[2]);
    const reason = first[3] ?? '';
    const headers: string[] = [];
    const framing: Framing = { length: -1, chunked: false, close: first[1] === '0', named: '' };
    const wrong = firstEnd < 0 ? undefined : readHeaders(text, firstEnd + 2, headers, framing);
    if (wrong !== undefined) return wrong;
    if (framing.chunked && framing.length >= 0) return 'it has both Content-Length and Transfer-Encoding';
    if (status === 101) {
      this.#state = 'done';
      this.#reader.switched(reason, headers, rest);
      return undefined;
    }
    // Interim responses are between us and the instance; the final one follows.
    if (status < 200) return undefined;
    this.reusable = !framing.close;
    if (!this.#hintRead) this.#readHint(headers);
    this.#reader.head(status, reason, endToEndHeaders(headers, framing.named));
    if (this.#bodyless || status === 204 || status === 304 || framing.length === 0) {
      this.#state = 'done';
      if (rest.length > 0) this.reusable = false;
      this.#reader.end(undefined);
    } else if (framing.chunked) {
      this.#state = 'chunk-line';
    } else if (framing.length > 0) {
      this.#state = 'length';
      this.#left = framing.length;
    } else {
      this.#state = 'until-close';
      this.reusable = false;
    }
    return undefined;
  }

  #readHint(headers: readonly string[]): void {
    this.#hintRead = true;
    for (let i = 0; i < headers.length; i += 2) {
      if (headers[i]?.toLowerCase() !== 'keep-alive') continue;
      const seconds = /(?:^|[ ,])timeout=([0-9]{1,6})/.exec(headers[i + 1] ?? '')?.[1];
      if (seconds !== undefined) this.keepAliveMs = Number(seconds) * 1000;
    }
  }

  #readLine(line: string): string | undefined {
    if (this.#state === 'chunk-end') {
      this.#state = 'chunk-line';
      return line === '' ? undefined : 'a chunk is longer than it says';
    }
    if (this.#state === 'trailers') {
      this.#trailerBytes += line.length;
      if (this.#trailerBytes > maxHeadBytes) return 'its trailers are longer than 64 KiB';
      if (line === '') {
        this.#state = 'done';
        this.#reader.end(undefined);
      }
      return undefined;
    }
    const size = /^([0-9a-fA-F]{1,12})[\t ]*(?:;|$)/.exec(line)?.[1];
    if (size === undefined) return 'a chunk has no size';
    this.#left = Number.parseInt(size, 16);
    this.#trailerBytes = 0;
    this.#state = this.#left === 0 ? 'trailers' : 'chunk-data';
    return undefined;
  }
}

interface Framing {
  /** -1: not given. */
  length: number;
  chunked: boolean;
  /** The connection ends after this response. */
  close: boolean;
  /** What `Connection` names. */
  named: string;
}

/** Reads header lines from `start` on into `headers` and `framing`. Answers what is wrong. */
function readHeaders(text: string, start: number, headers: string[], framing: Framing): string | undefined {
  for (let from = start; from < text.length;) {
    let end = text.indexOf('\r\n', from);
    if (end < 0) end = text.length;
    const colon = text.indexOf(':', from);
    if (colon < 0 || colon >= end) return 'a header line has no colon';
    const name = text.slice(from, colon);
    const value = text.slice(colon + 1, end).trim();
    if (!token.test(name) || badValue.test(value)) return `the header ${JSON.stringify(name.slice(0, 64))} is malformed`;
    headers.push(name, value);
    from = end + 2;
    if (name.length === 10 && name.toLowerCase() === 'connection') {
      framing.named = framing.named === '' ? value.toLowerCase() : `${framing.named},${value.toLowerCase()}`;
      if (framing.named.includes('close')) framing.close = true;
    } else if (name.length === 14 && name.toLowerCase() === 'content-length') {
      if (!/^[0-9]{1,15}$/.test(value)) return 'its Content-Length is not a number';
      const length = Number(value);
      if (framing.length >= 0) {
        if (framing.length !== length) return 'it has two different Content-Lengths';
        headers.length -= 2;
      }
      framing.length = length;
    } else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') {
      if (value.toLowerCase() !== 'chunked' || framing.chunked) return 'its Transfer-Encoding is not "chunked"';
      framing.chunked = true;
    }
  }
  return undefined;
}
