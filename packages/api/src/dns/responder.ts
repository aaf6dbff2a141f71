/** From the bytes of a query to the bytes of its answer: at once where we know it, later where others must be asked. */

import { shuffle } from '@skein/core';
import type { Rng } from '@skein/core';
import type { AmplificationLimit } from './amplification.ts';
import type { Answers, Found } from './answers.ts';
import { DomainName } from './name.ts';
import { decodeQuery, flagBits, headerBytes } from './query.ts';
import type { Query } from './query.ts';
import { rcodes, recordTypes } from './record.ts';
import type { DnsRecord } from './record.ts';
import { answeredAddresses } from './received-answer.ts';
import { addressQuestion, rcodeOf } from './recursors.ts';
import type { Recursors } from './recursors.ts';
import { ResponseWriter, sections } from './response-writer.ts';
import { isReverse } from './zone.ts';

export interface Asker {
  readonly transport: 'udp' | 'tcp';
  /** Where an answer goes. */
  readonly address: string;
}

/** Takes an answer; over TCP with its length in front. Its bytes do not change any more. */
export type Reply = (answer: Buffer) => void;

export interface ResponderOptions {
  readonly answers: Answers;
  readonly recursors: Recursors;
  readonly rng: Rng;
  readonly amplification: AmplificationLimit;
  /** As `DnsOptions.caughtUp`. */
  readonly caughtUp: () => Promise<void> | undefined;
  readonly log: DnsLog | undefined;
}

/** Takes what has to be said of a fault in this program. */
export type DnsLog = (entry: { readonly msg: string; readonly [field: string]: unknown }) => void;

/** Answers, by code of the response. */
export interface ResponderStats {
  readonly byRcode: ReadonlyMap<number, number>;
  /** What was no query. */
  readonly dropped: number;
  readonly truncated: number;
  /** Asked of other name servers. */
  readonly forwarded: number;
}

/** Over UDP without EDNS (RFC 1035 4.2.1), and with: more would come in many pieces, all of which must arrive. */
const udpSizeMin = 512;
const udpSizeMax = 8192;
const tcpSizeMax = 65_535;
/** Queries that wait for the agent to catch up; one more is told that we cannot say. */
const waitingMax = 1024;
const classIn = 1;
const classAny = 255;

export class Responder {
  readonly #options: ResponderOptions;
  readonly #writer = new ResponseWriter();
  readonly #byRcode = new Map<number, number>();
  #dropped = 0;
  #truncated = 0;
  #forwarded = 0;
  #waiting = 0;
  /** The order of answers, kept from query to query. */
  #order: DnsRecord[] = [];

  constructor(options: ResponderOptions) {
    this.#options = options;
  }

  get stats(): ResponderStats {
    return { byRcode: this.#byRcode, dropped: this.#dropped, truncated: this.#truncated, forwarded: this.#forwarded };
  }

  /** Calls `reply` once, at once or later; never for what is no query. Whether it will. */
  handle(message: Buffer, asker: Asker, reply: Reply): boolean {
    const query = decodeQuery(message);
    if (query === undefined) {
      this.#dropped++;
      return false;
    }
    const asked: AskedQuery = { message, query, asker, reply, isAnswered: false };
    const fault = query.fault ?? refusedFor(query);
    if (fault !== undefined) this.#fail(asked, fault);
    else this.#answer(asked);
    return true;
  }

  /** Anybody may send a query: one at which this program fails is no reason to answer no others. */
  #answer(asked: AskedQuery): void {
    try {
      this.#find(asked);
    } catch (error) {
      this.#broken(asked, error);
    }
  }

  #later(asked: AskedQuery, answer: Promise<void>): void {
    answer.catch((error: unknown) => this.#broken(asked, error));
  }

  #broken(asked: AskedQuery, error: unknown): void {
    const { message, query } = asked;
    const name = new DomainName(Buffer.from(message.subarray(headerBytes, query.questionEnd - 4))).toString();
    this.#options.log?.({ msg: 'a DNS query could not be answered', name, type: query.type, error });
    if (!asked.isAnswered) this.#fail(asked, rcodes.SERVFAIL);
  }

  #find(asked: AskedQuery): void {
    const { answers, recursors } = this.#options;
    const { message, query } = asked;
    const readName = (): DomainName => new DomainName(Buffer.from(message.subarray(headerBytes, query.questionEnd - 4)));
    // Who does not want recursion follows aliases himself.
    const mayAsk = recursors.hasAny && (query.flags & flagBits.recurse) !== 0;
    const found = answers.find({ key: query.key, type: query.type, name: readName, asker: asked.asker.address });
    if (found !== undefined) {
      const caughtUp = this.#options.caughtUp();
      if (caughtUp !== undefined) this.#wait(asked, caughtUp);
      else if (found.elsewhere !== undefined && mayAsk) this.#later(asked, this.#follow(asked, found, found.elsewhere));
      else this.#send(asked, found, true);
    } else if (mayAsk) this.#later(asked, this.#forward(asked));
    else {
      const labels = readName().labels();
      if (isReverse(labels)) this.#send(asked, answers.unknownAddress(labels), true);
      else this.#fail(asked, rcodes.REFUSED);
    }
  }

  /** What is not known yet is no reason to say that a name does not exist. */
  #wait(asked: AskedQuery, caughtUp: Promise<void>): void {
    if (this.#waiting >= waitingMax) return this.#fail(asked, rcodes.SERVFAIL);
    this.#waiting++;
    void caughtUp.then(() => {
      this.#waiting--;
      this.#answer(asked);
    });
  }

  #fail(asked: AskedQuery, rcode: number): void {
    this.#send(asked, { rcode, aliases: [], answers: [], authority: [], additional: [] }, false);
  }

  #send(asked: AskedQuery, found: Found, isOurs: boolean): void {
    const writer = this.#writer;
    writer.begin({ message: asked.message, query: asked.query, limit: limitOf(asked) });
    const isWhole = this.#write(found);
    let flags =
      this.#recursive() |
      (isOurs ? flagBits.authoritative : 0) |
      (isWhole || asked.asker.transport === 'tcp' ? 0 : flagBits.truncated);
    if (this.#mustProve(asked, writer.size)) {
      writer.begin({ message: asked.message, query: asked.query, limit: udpSizeMin });
      flags |= flagBits.truncated;
    }
    const end = { rcode: found.rcode, flags };
    this.#reply(asked, asked.asker.transport === 'tcp' ? writer.endFramed(end) : writer.end(end), found.rcode, flags);
  }

  /** As many answers as fit, and what else is of use with them. Whether all answers did. */
  #write({ aliases, answers, isOrdered = false, authority, additional }: Found): boolean {
    const writer = this.#writer;
    for (const alias of aliases) if (!writer.record(sections.answer, alias)) return false;
    if (answers.length === 1 || isOrdered) {
      for (const answer of answers) if (!writer.record(sections.answer, answer)) return false;
    } else if (answers.length > 1 && !this.#writeShuffled(answers)) return false;
    for (const record of authority) writer.record(sections.authority, record);
    for (const record of additional) if (writer.mentions(record.owner)) writer.record(sections.additional, record);
    return true;
  }

  #writeShuffled(answers: readonly DnsRecord[]): boolean {
    const order = this.#order;
    order.length = 0;
    for (const answer of answers) order.push(answer);
    shuffle(order, this.#options.rng);
    for (const answer of order) if (!this.#writer.record(sections.answer, answer)) return false;
    return true;
  }

  #mustProve({ asker }: AskedQuery, size: number): boolean {
    return (
      asker.transport === 'udp' &&
      size > udpSizeMin &&
      !isLoopback(asker.address) &&
      !this.#options.amplification.take(asker.address)
    );
  }

  /** An alias of ours that leads to a name of others: their answer is the end of ours. */
  async #follow(asked: AskedQuery, found: Found, target: DomainName): Promise<void> {
    const { query } = asked;
    this.#forwarded++;
    const type = query.type === recordTypes.AAAA ? recordTypes.AAAA : recordTypes.A;
    const answer = await this.#options.recursors.ask({ question: addressQuestion(target, type), flags: 0, edns: undefined });
    const records = answer === undefined ? undefined : answeredAddresses(answer);
    // The alias is right whoever can follow it: a resolver that asks us for a zone may well (RFC 1034 5.3.3).
    if (answer === undefined || records === undefined) return this.#send(asked, found, true);
    const aliases = records.filter((record) => record.type === recordTypes.CNAME);
    const answers = records.filter((record) => record.type !== recordTypes.CNAME);
    this.#send(asked, { ...found, rcode: rcodeOf(answer), aliases: [...found.aliases, ...aliases], answers }, true);
  }

  /** Their answer goes to the client as it is, but for the id and what does not fit. */
  async #forward(asked: AskedQuery): Promise<void> {
    const { message, query, asker } = asked;
    this.#forwarded++;
    const question = Buffer.from(message.subarray(headerBytes, query.questionEnd));
    const answer = await this.#options.recursors.ask({ question, flags: query.flags, edns: query.edns });
    if (answer === undefined) return this.#fail(asked, rcodes.SERVFAIL);
    const rcode = rcodeOf(answer);
    if (answer.length > limitOf(asked) || this.#mustProve(asked, answer.length)) {
      const cut: Found = { rcode, aliases: [], answers: [], authority: [], additional: [] };
      const writer = this.#writer;
      writer.begin({ message, query, limit: limitOf(asked) });
      this.#write(cut);
      const flags = this.#recursive() | flagBits.truncated;
      const end = { rcode, flags };
      return this.#reply(asked, asker.transport === 'tcp' ? writer.endFramed(end) : writer.end(end), rcode, flags);
    }
    const frame = asker.transport === 'tcp' ? 2 : 0;
    const copy = Buffer.alloc(frame + answer.length);
    if (frame > 0) copy.writeUInt16BE(answer.length, 0);
    answer.copy(copy, frame);
    const flags = (answer.readUInt16BE(2) & ~flagBits.recurse) | (query.flags & flagBits.recurse) | this.#recursive();
    copy.writeUInt16BE(query.id, frame);
    copy.writeUInt16BE(flags, frame + 2);
    question.copy(copy, frame + headerBytes);
    this.#reply(asked, copy, rcode, flags);
  }

  #recursive(): number {
    return this.#options.recursors.hasAny ? flagBits.recursive : 0;
  }

  #reply(asked: AskedQuery, answer: Buffer, rcode: number, flags: number): void {
    asked.isAnswered = true;
    this.#byRcode.set(rcode, (this.#byRcode.get(rcode) ?? 0) + 1);
    if ((flags & flagBits.truncated) !== 0) this.#truncated++;
    asked.reply(answer);
  }
}

interface AskedQuery {
  readonly message: Buffer;
  readonly query: Query;
  readonly asker: Asker;
  readonly reply: Reply;
  isAnswered: boolean;
}

/** What we never do, whatever the name. */
function refusedFor({ type, class: asked }: Query): number | undefined {
  if (type === recordTypes.AXFR || type === recordTypes.IXFR) return rcodes.NOTIMP;
  if (asked !== classIn && asked !== classAny) return rcodes.REFUSED;
  return type === recordTypes.OPT || type === 0 ? rcodes.FORMERR : undefined;
}

function limitOf({ asker, query }: AskedQuery): number {
  if (asker.transport === 'tcp') return tcpSizeMax;
  return Math.min(udpSizeMax, Math.max(udpSizeMin, query.edns?.udpSize ?? udpSizeMin));
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1' || address.startsWith('::ffff:127.');
}
