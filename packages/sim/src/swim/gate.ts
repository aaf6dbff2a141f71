/**
 * Lifeguard's anomaly: a member's threads stop right before they send and right after they receive, while its timers
 * go on. Each thread waits at the gate with what it was about to do; all go on, in order, once it opens.
 */

export class Gate {
  #isShut = false;
  #waiting: (() => void)[] = [];

  get isShut(): boolean {
    return this.#isShut;
  }

  /** Goes on at once, or when the gate opens. */
  pass(run: () => void): void {
    if (this.#isShut) this.#waiting.push(run);
    else run();
  }

  shut(): void {
    this.#isShut = true;
  }

  open(): void {
    this.#isShut = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const run of waiting) run();
  }
}
