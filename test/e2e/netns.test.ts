/**
 * Real agents, each on a host of its own (a network namespace), and trouble on the wire between them. The stories wait
 * for what agents believe, with deadlines that only a mesh that never gets there exceeds; how long each takes, beside
 * what the simulator says, is `npm run bench -- netns`.
 *
 * Needs root, /dev/net/tun, Python and util-linux. Where these are missing the tests say so and are skipped.
 */

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { RealStage } from './netns/real-stage.ts';
import { stories } from './netns/stories.ts';
import { Wire } from './netns/wire.ts';

const root = join(import.meta.dirname, '../..');
const size = 7;
const timeout = 120_000;

/** Why there can be no hosts here; undefined when there can. */
async function missing(): Promise<string | undefined> {
  let wire: Wire | undefined;
  try {
    wire = await Wire.lay(join(root, 'test/e2e/netns'), 1, 1);
    const [command, ...args] = wire.on(0, ['true']);
    await promisify(execFile)(command, args);
    return undefined;
  } catch (error) {
    return String(error);
  } finally {
    wire?.close();
  }
}

const reason = await missing();
if (reason !== undefined && process.env['SKEIN_REQUIRE_INTEROP'] === '1') throw new Error(reason);
const onHosts = test.skipIf(reason !== undefined);

let stage: RealStage;

beforeAll(async () => {
  if (reason !== undefined) return;
  expect(existsSync(join(root, 'packages/cli/dist/skein.js')), 'the bundle is missing: npm run build').toBe(true);
  stage = await RealStage.open({ root, size, seed: 1 });
}, timeout);

afterAll(() => stage?.close());

/** What the stories read in logs, the API says too. The last one ends with a host that is gone. */
let present = Array.from({ length: size }, (_, host) => host);
afterEach(async () => {
  if (reason === undefined) await stage.agreed(present);
}, timeout);

onHosts(
  'the sides of a partition drop each other, keep their own, and agree again by themselves when it heals',
  { timeout },
  async () => {
    expect(await stories.split.play(stage)).toMatchObject({ failed: 0 });
  },
);

onHosts(
  'a host that hears nothing is out of rotation, removes nobody, and is back when it hears again',
  { timeout },
  async () => {
    expect(await stories.oneWay.play(stage)).toMatchObject({ failed: 0 });
  },
);

onHosts('no member that runs is failed while 30 % of all packets are lost', { timeout }, async () => {
  expect(await stories.loss.play(stage)).toMatchObject({ failed: 0 });
});

onHosts('nobody is failed for a delay of 150 ms', { timeout }, async () => {
  expect(await stories.delay.play(stage)).toMatchObject({ failed: 0 });
});

onHosts('an agent that hangs is out of rotation, takes nobody with it, and is back when it runs again', { timeout }, async () => {
  expect(await stories.hang.play(stage)).toMatchObject({ failed: 0 });
});

onHosts('a host that falls silent for ever is failed by all others, and nobody else is', { timeout }, async () => {
  present = present.filter((host) => host !== 3);
  expect(await stories.silence.play(stage)).toMatchObject({ failed: 0 });
});
