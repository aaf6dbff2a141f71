/** Waiting on a libp2p stream. `stream.onDrain()` waits only the first time, so the event is awaited here. */

import type { Stream } from '@libp2p/interface';

/** Resolves at the next `drain`, or once `signal` aborts or the stream closes: look at the stream again. Never rejects. */
export async function drained(stream: Stream, signal: AbortSignal): Promise<void> {
  if (signal.aborted || stream.status !== 'open') return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      stream.removeEventListener('drain', done);
      stream.removeEventListener('close', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    stream.addEventListener('drain', done);
    stream.addEventListener('close', done);
    signal.addEventListener('abort', done);
  });
}
