/**
 * Golden trace hashes: what four seeds do, event by event, is the same on every machine and supported version of
 * Node. A change of the core or of the simulator may change them; then they are written anew, knowingly, by
 * `UPDATE=1 npx vitest run --config test/vitest.config.ts sim/determinism`.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { simulateRandom, simulateScenario } from '@skein/sim';
import type { RunReport } from '@skein/sim';
import { expect, test } from 'vitest';
import rollingRestart from '../../simulations/rolling-restart.ts';

const path = join(import.meta.dirname, 'golden.json');

/** What a run was: its hash, and figures that hint at why it changed. */
function runs(): Record<string, object> {
  const golden: Record<string, object> = {};
  const note = (name: string, { traceHash, figures }: RunReport): void => {
    golden[name] = { traceHash, events: figures.events, virtualMs: figures.virtualMs };
  };
  for (const seed of [1, 2]) note(`rolling-restart ${seed}`, simulateScenario(rollingRestart, { seed }));
  for (const seed of [3, 4]) note(`swarm ${seed}`, simulateRandom(seed, { chaosMs: 60_000 }));
  return golden;
}

test('four seeds do what they did when their hashes were written down', () => {
  const actual = runs();
  if (process.env['UPDATE'] === '1') writeFileSync(path, `${JSON.stringify(actual, null, 2)}\n`);
  expect(actual).toEqual(JSON.parse(readFileSync(path, 'utf8')));
});
