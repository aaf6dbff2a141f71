/**
 * Golden trace hashes: what four seeds do, event by event, is the same on every machine and supported version of
 * Node. A change of the core or of the simulator may change them; then they are written anew, knowingly, by
 * `UPDATE=1 npx vitest run --config test/vitest.config.ts sim/determinism`.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { differences, simulate } from '@skein/sim';
import { expect, test } from 'vitest';
import rollingRestart from '../../simulations/rolling-restart.ts';
import { runSwarm } from './swarm.ts';

const path = join(import.meta.dirname, 'golden.json');

/** What a run was: its hash, and figures that hint at why it changed. */
function runs(): Record<string, object> {
  const golden: Record<string, object> = {};
  for (const seed of [1, 2]) {
    const { traceHash, events, virtualMs } = simulate(rollingRestart, { seed });
    golden[`rolling-restart ${seed}`] = { traceHash, events, virtualMs };
  }
  for (const seed of [3, 4]) {
    const { world, nodes } = runSwarm(seed, 12, 60_000);
    world.runUntil(() => differences(nodes).length === 0, 60_000);
    golden[`swarm ${seed}`] = { traceHash: world.traceHash(), events: world.events, virtualMs: world.nowMs };
  }
  return golden;
}

test('four seeds do what they did when their hashes were written down', () => {
  const actual = runs();
  if (process.env['UPDATE'] === '1') writeFileSync(path, `${JSON.stringify(actual, null, 2)}\n`);
  expect(actual).toEqual(JSON.parse(readFileSync(path, 'utf8')));
});
