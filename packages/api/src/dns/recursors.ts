/** Asks other name servers what is not ours to say: one after the other, until one has an answer. */

import { randomInt } from 'node:crypto';
import { keyOf } from './name.ts';
import type { DomainName } from './name.ts';
import { flagBits, headerBytes } from './query.ts';
import { isWhole } from './received-answer.ts';
import { rcodes, recordTypes } from './record.ts';
import type { Exchange, Upstream } from './upstream.ts';

export interface Recursor {
  readonly host: string;
  readonly port: number;
}

export interface RecursorsOptions {
  /** In the order in which they are asked. */
  readonly recursors: readonly Recursor[];
  readonly upstream: Upstream;
}

export interface Forwarded {
  /** The name asked for, uncompressed, with type and class. */
  readonly question: Buffer;
  /** What counts of the client's header: whether it wants data checked, and told so. */
  readonly flags: number;
  /** Whether the client has EDNS, and wants signatures with it. Without, no answer may have any. */
  readonly edns: { readonly isDnssecOk: boolean } | undefined;
}

const timeoutMs = 2000;
/** Questions that may wait for others at once; one more fails. */
const waitingMax = 1024;
/** What fits through almost every path in one piece. */
const udpSize = 1232;
const authenticBit = 0x20;

export class Recursors {
  readonly #options: RecursorsOptions;
  readonly #over = new AbortController();
  #waiting = 0;

  constructor(options: RecursorsOptions) {
    this.#options = options;
  }

  get hasAny(): boolean {
    return this.#options.recursors.length > 0;
  }

  /** Ends what is under way. */
  close(): void {
    this.#over.abort();
  }

  /**
   * The whole answer of the first that has one that can be read, whatever its id; else what was cut off of the first answer,
   * which is still better than nothing. Undefined when there is none. Never rejects.
   */
  async ask(forwarded: Forwarded): Promise<Buffer | undefined> {
    if (this.#waiting >= waitingMax) return undefined;
    this.#waiting++;
    let cut: Buffer | undefined;
    try {
      for (const recursor of this.#options.recursors) {
        const answer = this.#over.signal.aborted ? undefined : await this.#askOne(recursor, forwarded).catch(() => undefined);
        if (answer === undefined || !isUseful(answer)) continue;
        if (!isTruncated(answer)) return answer;
        cut ??= answer;
      }
      return cut;
    } finally {
      this.#waiting--;
    }
  }

  async #askOne(recursor: Recursor, forwarded: Forwarded): Promise<Buffer> {
    const answer = await this.#exchange(recursor, 'udp', forwarded);
    const isOldServer = forwarded.edns !== undefined && (rcodeOf(answer) === rcodes.FORMERR || rcodeOf(answer) === rcodes.NOTIMP);
    if (isOldServer) return this.#askOne(recursor, { ...forwarded, edns: undefined });
    if (!isTruncated(answer)) return answer;
    const rest = await this.#exchange(recursor, 'tcp', forwarded).catch(() => undefined);
    return rest !== undefined && isUseful(rest) ? rest : answer;
  }

  #exchange(recursor: Recursor, transport: Exchange['transport'], forwarded: Forwarded): Promise<Buffer> {
    const id = randomInt(65_536);
    const { question } = forwarded;
    return this.#options.upstream({
      ...recursor,
      transport,
      message: queryMessage(id, forwarded),
      accepts: (answer) => isAnswerTo(answer, id, question),
      timeoutMs,
      signal: this.#over.signal,
    });
  }
}

/** A query for the addresses of a name. */
export function addressQuestion(name: DomainName, type: number): Buffer {
  const fixed = Buffer.alloc(4);
  fixed.writeUInt16BE(type, 0);
  fixed.writeUInt16BE(1, 2);
  return Buffer.concat([name.wire, fixed]);
}

function isTruncated(message: Buffer): boolean {
  return (message.readUInt16BE(2) & flagBits.truncated) !== 0;
}

export function rcodeOf(message: Buffer): number {
  return (message[3] ?? 0) & 15;
}

/** Whether it tells something. If not, this server could not find out, or not say, so the next one may. */
function isUseful(answer: Buffer): boolean {
  return isFinding(rcodeOf(answer)) && isWhole(answer);
}

/** The other codes are failures of the server. */
function isFinding(rcode: number): boolean {
  return rcode === rcodes.NOERROR || rcode === rcodes.NXDOMAIN;
}

function queryMessage(id: number, { question, flags, edns }: Forwarded): Buffer {
  const opt =
    edns === undefined
      ? Buffer.alloc(0)
      : Buffer.from([0, 0, recordTypes.OPT, udpSize >> 8, udpSize & 255, 0, 0, edns.isDnssecOk ? 0x80 : 0, 0, 0, 0]);
  const header = Buffer.alloc(headerBytes);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(flagBits.recurse | (flags & (flagBits.unchecked | authenticBit)), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(edns === undefined ? 0 : 1, 10);
  return Buffer.concat([header, question, opt]);
}

/**
 * Whoever guesses may be answered by anybody: id, kind and question must all be ours (RFC 5452). Only a failure may leave the
 * question out, as that of a server that could not read it does: nothing is believed of it but that there is no answer.
 */
function isAnswerTo(answer: Buffer, id: number, question: Buffer): boolean {
  const end = headerBytes + question.length;
  if (answer.length < headerBytes || answer.readUInt16BE(0) !== id) return false;
  if ((answer.readUInt16BE(2) & 0xf800) !== flagBits.response) return false;
  if (answer.readUInt16BE(4) === 0) return !isFinding(rcodeOf(answer));
  if (answer.readUInt16BE(4) !== 1 || answer.length < end) return false;
  const nameEnd = question.length - 4;
  if (!answer.subarray(end - 4, end).equals(question.subarray(nameEnd))) return false;
  return keyOf(answer, headerBytes, end - 4) === keyOf(question, 0, nameEnd);
}
