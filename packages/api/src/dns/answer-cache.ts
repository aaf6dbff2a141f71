/** Answers that many ask for, kept until what they were made of changes, as long as there is room. */

import { topics } from '@skein/core';
import type { View } from '@skein/core';
import type { Found } from './answers.ts';

interface Kept {
  readonly found: Found;
  /** Topics that it was made of, beside the lists of members and of services. */
  readonly madeOf: readonly string[];
  /** The last index of the view that it was made of. */
  readonly index: number;
  readonly records: number;
  /** The view for which it was last found to be still right. */
  checkedAt: number;
}

/** Answers, and records in all of them together, of some 200 bytes each; beyond, those go that were looked at longest ago. */
export const answerCacheLimits = { answers: 4096, records: 65_536 } as const;
/** Answers that are looked at with each new one, to be dropped where they are outdated. */
const looksPerAnswer = 2;

export class AnswerCache {
  readonly #kept = new Map<string, Kept>();
  #records = 0;
  #view: View | undefined;
  /** Counts the views seen. */
  #viewNumber = 0;
  /** When the lists changed of which every answer is made. */
  #listsAt = 0;

  /** How much is kept. */
  get size(): { readonly answers: number; readonly records: number } {
    return { answers: this.#kept.size, records: this.#records };
  }

  get(question: string, view: View): Found | undefined {
    this.#look(view);
    const kept = this.#kept.get(question);
    if (kept === undefined) return undefined;
    if (kept.checkedAt === this.#viewNumber || isCurrent(kept, view)) {
      kept.checkedAt = this.#viewNumber;
      return kept.found;
    }
    this.#drop(question, kept);
    return undefined;
  }

  keep(question: string, found: Found, madeOf: readonly string[], view: View): void {
    this.#look(view);
    const { aliases, answers, authority, additional } = found;
    const records = 1 + aliases.length + answers.length + authority.length + additional.length;
    const known = this.#kept.get(question);
    if (known !== undefined) this.#drop(question, known);
    this.#dropOutdated(view);
    for (const [oldest, kept] of this.#kept) {
      if (this.#kept.size < answerCacheLimits.answers && this.#records + records <= answerCacheLimits.records) break;
      this.#drop(oldest, kept);
    }
    this.#kept.set(question, { found, madeOf, index: view.lastIndex, records, checkedAt: this.#viewNumber });
    this.#records += records;
  }

  #look(view: View): void {
    if (view === this.#view) return;
    this.#view = view;
    this.#viewNumber++;
    const listsAt = Math.max(view.index(topics.members), view.index(topics.services));
    if (listsAt === this.#listsAt) return;
    this.#listsAt = listsAt;
    this.#kept.clear();
    this.#records = 0;
  }

  /** The oldest first; those that are still right go to the end, so that in time all have their turn. */
  #dropOutdated(view: View): void {
    let looks = 0;
    for (const [question, kept] of this.#kept) {
      if (looks++ >= looksPerAnswer) return;
      if (isCurrent(kept, view)) {
        this.#kept.delete(question);
        this.#kept.set(question, kept);
      } else this.#drop(question, kept);
    }
  }

  #drop(question: string, kept: Kept): void {
    this.#kept.delete(question);
    this.#records -= kept.records;
  }
}

function isCurrent({ index, madeOf }: Kept, view: View): boolean {
  return madeOf.every((topic) => view.index(topic) <= index);
}
