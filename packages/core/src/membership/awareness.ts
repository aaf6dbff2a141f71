/**
 * How well this node itself is (Lifeguard's local health, Dadgar et al. 2018, IV-A): who is slow sees others as failed.
 * The score rises when probes of ours fail, when helpers that we asked say nothing at all, when others accuse us, and when
 * our event loop lags; it falls with every answer. Probes then take their time, which keeps a host that is short of CPU from
 * accusing the healthy, and from making itself still busier.
 */

/** The score saturates here, as in the paper (S = 8). */
const scoreMax = 8;
/** A loop that was later than this within a second is a busy host's. */
const lagMaxMs = 200;
/** The score after a stall that outlasted a probe: half of all there is, so that the first verdicts after it take five times as long. */
const stalledScore = 4;

export class Awareness {
  #score = 0;
  #lagMs = 0;

  /** 0, well, to 8. */
  get score(): number {
    return this.#score;
  }

  /** A probe got no answer in time, helpers said nothing (one step each), others got the answer that we did not, or somebody accused us. Never makes it better. */
  worsen(steps = 1): void {
    this.#score = Math.min(scoreMax, this.#score + Math.max(0, steps));
  }

  /** A probe was answered in time. */
  improve(): void {
    this.#score = Math.max(0, this.#score - 1);
  }

  /** How late our event loop was at worst in the last second: for that long, answers lay in our sockets. */
  setLag(lagMs: number, probeTimeoutMs: number): void {
    this.#lagMs = Math.max(0, lagMs);
    if (lagMs > lagMaxMs) this.worsen();
    if (lagMs > probeTimeoutMs) this.#score = Math.max(this.#score, stalledScore);
  }

  /** An interval as this node should keep it now. */
  slow(ms: number): number {
    return ms * (1 + this.#score);
  }

  /** A timeout as this node should keep it now. */
  stretch(ms: number): number {
    return ms * this.#score + this.allowLag(ms);
  }

  /** A timeout that leaves time only for what our own loop is behind: answers may lie in our sockets for so long. */
  allowLag(ms: number): number {
    return ms + Math.min(3 * ms, Math.round(2 * this.#lagMs));
  }
}
