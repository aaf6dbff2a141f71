#!/usr/bin/env node
/** The process around `run`. */

import { processIo } from './io.ts';
import { run } from './run.ts';

// `skein members | head -1`: the reader has what it wanted, which is no failure.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
}

process.exitCode = await run(process.argv.slice(2), processIo());
