#!/usr/bin/env node
/** The process around `run`. */

import { exitCodes } from './failure.ts';
import { processIo } from './io.ts';
import { run } from './run.ts';

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
