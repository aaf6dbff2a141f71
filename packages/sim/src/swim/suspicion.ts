/** One suspicion at one member: who confirmed it, and when it becomes a verdict. */

import { suspicionUs } from './timing.ts';

export interface SuspicionSettings {
  readonly from: number;
  /** Confirmations that shrink it to its least. */
  readonly wanted: number;
  readonly minUs: number;
  readonly maxUs: number;
  readonly nowUs: number;
}

export class Suspicion {
  readonly startUs: number;
  readonly #settings: SuspicionSettings;
  /** The first accuser, who cannot confirm himself, then those who confirmed. */
  readonly #accusers: number[];

  constructor(settings: SuspicionSettings) {
    this.#settings = settings;
    this.startUs = settings.nowUs;
    this.#accusers = [settings.from];
  }

  /** When it becomes a verdict, unless it is confirmed further or refuted. */
  get endUs(): number {
    const { wanted, minUs, maxUs } = this.#settings;
    return this.startUs + suspicionUs(this.#accusers.length - 1, wanted, minUs, maxUs);
  }

  /** Takes a further accusation. Returns whether it is news: from another accuser, and still wanted. */
  confirm(from: number): boolean {
    if (this.#accusers.length - 1 >= this.#settings.wanted || this.#accusers.includes(from)) return false;
    this.#accusers.push(from);
    return true;
  }
}
