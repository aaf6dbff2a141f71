/**
 * Answers that are already serialised. What an answer says follows from the question and from the index of the topics
 * that it is about, so that clients who ask again, and all who wait for one change, share its bytes.
 */

import type { InstanceView, MemberView } from '@skein/core';
import type { Placed } from './selection.ts';

interface Body {
  readonly index: number;
  readonly bytes: Uint8Array;
}

/** Bytes that all answers together may take; those asked for longest ago are dropped. */
const bytesMax = 16_777_216;
/** Answers that are kept at most. */
const bodiesMax = 1024;

export class AnswerBodies {
  readonly #bodies = new Map<string, Body>();
  #bytes = 0;

  /** The JSON of the answer to a question at an index; `make` gives it, as a value or as JSON, when it is not known. */
  get(question: string, index: number, make: () => unknown): Uint8Array {
    const known = this.#bodies.get(question);
    if (known !== undefined) this.#forget(question, known);
    const body = known?.index === index ? known : { index, bytes: jsonBytes(make()) };
    this.#remember(question, body);
    return body.bytes;
  }

  #forget(question: string, body: Body): void {
    this.#bodies.delete(question);
    this.#bytes -= body.bytes.length;
  }

  #remember(question: string, body: Body): void {
    if (body.bytes.length > bytesMax) return;
    this.#bodies.set(question, body);
    this.#bytes += body.bytes.length;
    for (const [oldest, dropped] of this.#bodies) {
      if (this.#bytes <= bytesMax && this.#bodies.size <= bodiesMax) return;
      this.#forget(oldest, dropped);
    }
  }
}

function jsonBytes(content: unknown): Uint8Array {
  return content instanceof Uint8Array ? content : Buffer.from(JSON.stringify(content));
}

/**
 * Single entries of answers, each made of an instance and its node, both immutable: when one of a thousand instances
 * changes, only that one is shaped and serialised again. Of entries that are listed the JSON is kept, of those that
 * filters look at the value.
 */
export class Entries {
  readonly #shape: (placed: Placed) => unknown;
  readonly #texts = new WeakMap<InstanceView, Made<string>>();
  readonly #values = new WeakMap<InstanceView, Made<unknown>>();

  constructor(shape: (placed: Placed) => unknown) {
    this.#shape = shape;
  }

  /** The JSON of a list of entries, in this order. */
  list(placed: readonly Placed[]): Uint8Array {
    return Buffer.from(`[${placed.map((each) => this.#text(each)).join(',')}]`);
  }

  /** Not to be changed: the next to ask gets the same. */
  value(placed: Placed): unknown {
    return made(this.#values, placed, this.#shape);
  }

  #text(placed: Placed): string {
    return made(this.#texts, placed, (each) => JSON.stringify(this.#shape(each)));
  }
}

interface Made<T> {
  readonly member: MemberView;
  readonly content: T;
}

function made<T>(known: WeakMap<InstanceView, Made<T>>, placed: Placed, make: (placed: Placed) => T): T {
  const { instance, member } = placed;
  const held = known.get(instance);
  if (held !== undefined && showsTheSame(held.member, member)) return held.content;
  const content = make(placed);
  known.set(instance, { member, content });
  return content;
}

/** A member is seen anew on each round trip that is measured; what an entry shows of it is the same. */
function showsTheSame(a: MemberView, b: MemberView): boolean {
  if (a === b) return true;
  return (
    a.id === b.id &&
    a.name === b.name &&
    a.record === b.record &&
    a.address === b.address &&
    a.status === b.status &&
    a.reachable === b.reachable &&
    a.verified === b.verified &&
    a.createIndex === b.createIndex &&
    a.modifyIndex === b.modifyIndex &&
    a.checks.length === b.checks.length &&
    a.checks.every((check, at) => check === b.checks[at])
  );
}
