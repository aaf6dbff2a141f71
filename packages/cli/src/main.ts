#!/usr/bin/env node
/** The process around `run`. */

import { exitCodes } from './failure.ts';
import { processIo } from './io.ts';
import { run } from './run.ts';

/** What ends by itself has so long to do so. */
const lingerMs = 500;

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // `skein members | head -1`: the reader has what it wanted, which is no failure.
  if (error.code === 'EPIPE') process.exit();
  process.stderr.write(`skein: standard output cannot be written: ${error.message}\n`, () => process.exit(exitCodes.failure));
});
// Nobody is left to tell.
process.stderr.on('error', (error: NodeJS.ErrnoException) =>
  process.exit(error.code === 'EPIPE' ? undefined : exitCodes.failure),
);

process.exitCode = await run(process.argv.slice(2), processIo(import.meta.url));
// An answer that never ended may still hold its connection. Whoever is done goes, once what was printed is on its way.
process.stdout.write('', () => void setTimeout(() => process.exit(), lingerMs).unref());
