/**
 * Answers of `health/service` that are already serialised. What an entry says follows from two immutable values, the
 * instance and its node, so its JSON is made once and found by them; so is the whole answer while its
 * entries stay the same. Clients that poll an unchanged service then cost no serialising.
 */

import type { InstanceView, MemberView } from '@skein/core';
import type { Placed } from './selection.ts';
import { instanceChecks, nodeChecks } from './shape/check.ts';
import { healthEntry } from './shape/service.ts';

interface Fragment {
  readonly member: MemberView;
  readonly json: string;
  /** Whether all checks of the instance and its node pass. */
  readonly isPassing: boolean;
}

interface Body {
  readonly fragments: readonly Fragment[];
  readonly bytes: Uint8Array;
}

/** Bytes that whole answers may take; those asked for longest ago are dropped. */
const bodyBytesMax = 16_777_216;
/** Whole answers that are kept at most. */
const bodiesMax = 1024;

export class HealthBodies {
  readonly #datacenter: string;
  readonly #fragments = new WeakMap<InstanceView, Fragment>();
  readonly #bodies = new Map<string, Body>();
  #bodyBytes = 0;

  constructor(datacenter: string) {
    this.#datacenter = datacenter;
  }

  /** Whether every check that decides about an instance passes. */
  isPassing(placed: Placed): boolean {
    return this.#fragment(placed).isPassing;
  }

  /** The JSON of these entries, in this order. `key` is the question that they answer. */
  bytes(key: string, placed: readonly Placed[]): Uint8Array {
    const fragments = placed.map((each) => this.#fragment(each));
    const known = this.#bodies.get(key);
    if (known !== undefined) this.#forget(key, known);
    const isSame = known?.fragments.length === fragments.length && fragments.every((each, at) => each === known.fragments[at]);
    const body = isSame ? known : { fragments, bytes: Buffer.from(`[${fragments.map(({ json }) => json).join(',')}]`) };
    this.#remember(key, body);
    return body.bytes;
  }

  #fragment({ instance, member }: Placed): Fragment {
    const known = this.#fragments.get(instance);
    if (known !== undefined && showsTheSame(known.member, member)) return known;
    const checks = [...nodeChecks(member), ...instanceChecks(instance)];
    const fragment: Fragment = {
      member,
      json: JSON.stringify(healthEntry(instance, member, this.#datacenter)),
      isPassing: checks.every((check) => check['Status'] === 'passing'),
    };
    this.#fragments.set(instance, fragment);
    return fragment;
  }

  #forget(key: string, body: Body): void {
    this.#bodies.delete(key);
    this.#bodyBytes -= body.bytes.length;
  }

  #remember(key: string, body: Body): void {
    if (body.bytes.length > bodyBytesMax) return;
    this.#bodies.set(key, body);
    this.#bodyBytes += body.bytes.length;
    for (const [oldest, dropped] of this.#bodies) {
      if (this.#bodyBytes <= bodyBytesMax && this.#bodies.size <= bodiesMax) return;
      this.#forget(oldest, dropped);
    }
  }
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
