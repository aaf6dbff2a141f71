/** A heap for the largest experiments: Node's limit is set when a process starts, so the command starts itself again. */

import { spawnSync } from 'node:child_process';
import { getHeapStatistics } from 'node:v8';
import { exitCodes } from '../failure.ts';
import type { Io } from '../io.ts';

/** Whether this process may use so much. */
export function hasHeap(heapMiB: number): boolean {
  return getHeapStatistics().heap_size_limit >= heapMiB * 1_048_576;
}

/** Runs this command with these arguments and that much heap. Returns its exit code. */
export function runWithHeap(io: Io, heapMiB: number, args: readonly string[]): number {
  const [program, ...first] = io.self;
  // After the options that this process has: of two limits, Node takes the last.
  const options = [...first.slice(0, -1), `--max-old-space-size=${heapMiB}`];
  const { status } = spawnSync(program, [...options, ...first.slice(-1), ...args], { stdio: 'inherit' });
  return status ?? exitCodes.failure;
}
