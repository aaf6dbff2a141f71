/** A file of a user that ends the process: with status 0 and without a word, that would look like a success. */

import { exitCodes } from '../failure.ts';
import type { Io } from '../io.ts';

/** Does `work`, which runs code of `name`. Where the process ends before that is done, it says so and does not end well. */
export async function watchExit<T>(io: Pick<Io, 'err'>, name: string, work: () => Promise<T>): Promise<T> {
  const tell = (code: number): void => {
    // Whoever ends it otherwise has said something, or meant a failure.
    if (code !== exitCodes.ok) return;
    io.err(`skein: ${name} ended the process before there was a result\n  leave process.exit() out of it, and throw to fail\n`);
    process.exitCode = exitCodes.failure;
  };
  process.once('exit', tell);
  try {
    return await work();
  } finally {
    process.removeListener('exit', tell);
  }
}
