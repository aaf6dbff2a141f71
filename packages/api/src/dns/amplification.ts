/**
 * UDP does not prove where a query comes from: a small one with a false sender makes us send a large answer to a
 * stranger. So large ones are counted by receiver; past the limit he is told to ask over TCP, which proves it.
 */

/** Large answers to one receiver in a second. */
const perSecond = 1000;
/** Receivers told apart; those that share a slot share its limit. */
const slots = 4096;

export class AmplificationLimit {
  readonly #nowMs: () => number;
  readonly #second = new Float64Array(slots);
  readonly #sent = new Uint16Array(slots);

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Whether one more large answer may go to this address now. Counts it. */
  take(address: string): boolean {
    let hash = 0;
    for (let n = 0; n < address.length; n++) hash = (Math.imul(hash, 31) + address.charCodeAt(n)) | 0;
    const slot = (hash >>> 0) % slots;
    const second = Math.floor(this.#nowMs() / 1000);
    if (this.#second[slot] !== second) {
      this.#second[slot] = second;
      this.#sent[slot] = 0;
    }
    const sent = this.#sent[slot] ?? 0;
    if (sent >= perSecond) return false;
    this.#sent[slot] = sent + 1;
    return true;
  }
}
