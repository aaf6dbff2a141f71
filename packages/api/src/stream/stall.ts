/** Streams to clients that are not there any more, or never read what is there for them. */

import type { Timers } from '../timers.ts';

/** The same pieces. Calls `cut` when one of them was not taken within `stallMs`; the stream then ends by its signal. */
export async function* cutWhenStalled<T>(
  pieces: AsyncIterable<T>,
  stallMs: number,
  timers: Timers,
  cut: () => void,
): AsyncGenerator<T, void, undefined> {
  for await (const piece of pieces) {
    const cancel = timers.after(stallMs, cut);
    try {
      yield piece;
    } finally {
      cancel();
    }
  }
}
