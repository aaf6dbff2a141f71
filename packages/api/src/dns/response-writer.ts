/**
 * Writes responses, with names compressed (RFC 1035 4.1.4), into slabs of memory that are handed out piece by piece:
 * a response costs no buffer of its own, and whoever sends it may keep it.
 */

import { suffixesOf } from './name.ts';
import type { DomainName } from './name.ts';
import { flagBits, headerBytes } from './query.ts';
import type { Query } from './query.ts';
import { recordTypes } from './record.ts';
import type { DnsRecord } from './record.ts';

export interface ResponseStart {
  readonly message: Buffer;
  readonly query: Query;
  /** Bytes that the whole response may have. */
  readonly limit: number;
}

export interface ResponseEnd {
  readonly rcode: number;
  /** Bits of the header beyond those that follow from the query. */
  readonly flags: number;
}

/** Number of the header's count, by section. */
export const sections = { answer: 6, authority: 8, additional: 10 } as const;

const slabBytes = 262_144;
const messageBytesMax = 65_535;
/** Room for the length that TCP wants before each message (RFC 1035 4.2.2). */
const lengthBytes = 2;
const optBytes = 11;
/** What we take over UDP, as we tell it. */
const ownUdpSize = 1232;
/** Farther than this no pointer reaches. */
const pointerMax = 0x3fff;
/** Names remembered beyond their message, and numbers that engines keep without a box. */
const placesKept = 4096;
const baseMax = 2 ** 30;
const classIn = 1;

export class ResponseWriter {
  #slab = Buffer.allocUnsafeSlow(slabBytes);
  /** Where the next message may begin. */
  #free = lengthBytes;
  #start = lengthBytes;
  #at = 0;
  #end = 0;
  #query: Query | undefined;
  /**
   * Where names are, by key: `#base` and their distance from the start of the message. What is below `#base` is of an
   * earlier message. A map that is emptied for each message and grows again costs more than all the rest.
   */
  readonly #places = new Map<string, number>();
  #base = 0;

  /** Begins a message with the header and the question of the query. */
  begin({ message, query, limit }: ResponseStart): void {
    const room = Math.min(limit, messageBytesMax);
    if (this.#free + room + lengthBytes > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(slabBytes);
      this.#free = lengthBytes;
    }
    this.#query = query;
    this.#start = this.#free;
    this.#end = this.#start + room - (query.edns === undefined ? 0 : optBytes);
    message.copy(this.#slab, this.#start, 0, query.questionEnd);
    this.#slab.fill(0, this.#start + 4, this.#start + headerBytes);
    this.#slab[this.#start + 5] = query.questionEnd > headerBytes ? 1 : 0;
    this.#at = this.#start + query.questionEnd;
    this.#forgetPlaces();
    let place = headerBytes;
    for (const suffix of suffixesOf(query.key)) {
      this.#places.set(suffix, this.#base + place);
      place += 1 + suffix.charCodeAt(0);
    }
  }

  /** Adds a record to a section, in the order of the sections. Whether it fitted. */
  record(section: number, record: DnsRecord): boolean {
    const { owner, type, ttl, bytes, target } = record;
    const sizeMax = owner.wire.length + 10 + bytes.length + (target?.wire.length ?? 0);
    if (this.#at + sizeMax > this.#end && this.#at + this.#sizeCompressed(record) > this.#end) return false;
    this.#name(owner);
    let at = this.#at;
    const slab = this.#slab;
    slab[at++] = type >> 8;
    slab[at++] = type & 255;
    slab[at++] = 0;
    slab[at++] = classIn;
    slab.writeUInt32BE(ttl, at);
    const lengthAt = at + 4;
    at += 6;
    for (const byte of bytes) slab[at++] = byte;
    this.#at = at;
    if (target !== undefined) {
      // RFC 2782 forbids a compressed target; other records may point to it.
      if (type === recordTypes.SRV) this.#plainName(target);
      else this.#name(target);
    }
    slab.writeUInt16BE(this.#at - at + bytes.length, lengthAt);
    const count = this.#start + section;
    slab.writeUInt16BE(slab.readUInt16BE(count) + 1, count);
    return true;
  }

  /** Bytes of the message so far. */
  get size(): number {
    return this.#at - this.#start;
  }

  /** Whether a name is in the message as the owner or the target of a record. */
  mentions(name: DomainName): boolean {
    return this.#placeOf(name.key) !== undefined;
  }

  /** The whole message, which stays as it is. */
  end({ rcode, flags }: ResponseEnd): Buffer {
    return this.#finish(rcode, flags).subarray(this.#start, this.#at);
  }

  /** The whole message behind its length. */
  endFramed({ rcode, flags }: ResponseEnd): Buffer {
    const slab = this.#finish(rcode, flags);
    slab.writeUInt16BE(this.#at - this.#start, this.#start - lengthBytes);
    return slab.subarray(this.#start - lengthBytes, this.#at);
  }

  #finish(rcode: number, flags: number): Buffer {
    const slab = this.#slab;
    const query = this.#query as Query;
    if (query.edns !== undefined) this.#opt(query.edns.isDnssecOk, rcode >> 4);
    const kept = query.flags & (0x7800 | flagBits.recurse | flagBits.unchecked);
    slab.writeUInt16BE(flagBits.response | kept | flags | (rcode & 15), this.#start + 2);
    this.#free = this.#at + lengthBytes;
    return slab;
  }

  #opt(isDnssecOk: boolean, extendedRcode: number): void {
    const slab = this.#slab;
    slab.fill(0, this.#at, this.#at + optBytes);
    slab[this.#at + 2] = recordTypes.OPT;
    slab.writeUInt16BE(ownUdpSize, this.#at + 3);
    slab[this.#at + 5] = extendedRcode;
    slab[this.#at + 7] = isDnssecOk ? 0x80 : 0;
    this.#at += optBytes;
    const count = this.#start + sections.additional;
    slab.writeUInt16BE(slab.readUInt16BE(count) + 1, count);
  }

  #sizeCompressed({ owner, bytes, target, type }: DnsRecord): number {
    const targetBytes = target === undefined ? 0 : type === recordTypes.SRV ? target.wire.length : this.#sizeOf(target);
    return this.#sizeOf(owner) + 10 + bytes.length + targetBytes;
  }

  #sizeOf(name: DomainName): number {
    const found = name.suffixes.findIndex((suffix) => this.#placeOf(suffix) !== undefined);
    return found < 0 ? name.wire.length : name.key.length - (name.suffixes[found]?.length ?? 0) + 2;
  }

  #name(name: DomainName): void {
    const slab = this.#slab;
    const { wire, key } = name;
    const whole = this.#placeOf(key);
    if (whole !== undefined) return this.#pointer(whole);
    for (const suffix of name.suffixes) {
      const place = this.#placeOf(suffix);
      if (place !== undefined) return this.#pointer(place);
      this.#place(suffix);
      const from = key.length - suffix.length;
      const size = 1 + (wire[from] ?? 0);
      wire.copy(slab, this.#at, from, from + size);
      this.#at += size;
    }
    slab[this.#at++] = 0;
  }

  #plainName(name: DomainName): void {
    this.#place(name.key);
    this.#at += name.wire.copy(this.#slab, this.#at);
  }

  #pointer(place: number): void {
    this.#slab[this.#at++] = 0xc0 | (place >> 8);
    this.#slab[this.#at++] = place & 255;
  }

  #place(key: string): void {
    const place = this.#at - this.#start;
    if (place <= pointerMax && this.#placeOf(key) === undefined) this.#places.set(key, this.#base + place);
  }

  #placeOf(key: string): number | undefined {
    const place = this.#places.get(key);
    return place === undefined || place < this.#base ? undefined : place - this.#base;
  }

  #forgetPlaces(): void {
    this.#base += pointerMax + 1;
    if (this.#places.size < placesKept && this.#base < baseMax) return;
    this.#places.clear();
    this.#base = 0;
  }
}
