/**
 * How well this node itself is (Lifeguard's local health, Dadgar et al. 2018, IV-A): who is slow sees others as failed.
 * The score rises when probes of ours fail and when others accuse us, and falls with every answer; probes then take their
 * time, which keeps a host that is short of CPU from accusing the healthy, and from making itself still busier.
 */

/** The score saturates here, as in the paper (S = 8). */
const scoreMax = 8;

export class Awareness {
  #score = 0;
  #lagMs = 0;

  /** A probe got no answer in time, or others got the answer that we did not, or somebody accused us. */
  worsen(): void {
    this.#score = Math.min(scoreMax, this.#score + 1);
  }

  /** A probe was answered in time. */
  improve(): void {
    this.#score = Math.max(0, this.#score - 1);
  }

  /** How late our event loop was at worst in the last second: for that long, answers lay in our sockets. */
  setLag(lagMs: number): void {
    this.#lagMs = lagMs;
  }

  /** A timeout, or interval, as this node should keep it now. */
  stretch(ms: number): number {
    return ms * (this.#score + 1) + Math.min(3 * ms, Math.round(2 * this.#lagMs));
  }
}
