/**
 * Wakes many, some in each turn of the event loop: one change may be what ten thousand clients wait for, and to free them of
 * their timers and signals in one go takes longer than peers wait for the answer to a probe.
 */

/** Woken in one turn of the event loop, some milliseconds. */
const wokenPerTurn = 128;

/** In their order. The first are woken before this returns, the last when it resolves. */
export async function wakeInTurns(wakes: readonly (() => void)[]): Promise<void> {
  for (const [at, wake] of wakes.entries()) {
    if (at > 0 && at % wokenPerTurn === 0) await new Promise((resolve) => setImmediate(resolve));
    wake();
  }
}
