/** The public chaos tests, as a user writes them. */

import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { drawPlan } from '@skein/sim';
import { chaos } from '@skein/sim/vitest';
import { afterAll, expect, test } from 'vitest';

chaos('orders survive a zone outage', { nodes: 9, zones: ['a', 'b', 'c'], seeds: 3 }, (sim) => {
  sim.service('orders', { on: sim.zone('a', 'b') });
  sim.load('orders', { every: '100ms', retries: 2 });
  sim.at('5s').split(sim.zone('a'), sim.zone('b', 'c')).for('10s');
  sim
    .at('20s')
    .crash(sim.random(1, sim.zone('b')), { keep: 'nothing' })
    .restart('5s');
  sim.during('30s', '35s').link(sim.zone('b'), sim.zone('c'), { loss: 0.2, p99: '50ms' });
  sim.at('40s').calm();
  sim.eventually('everybody finds all six', { within: '20s' }, (scene) =>
    scene.nodes.every((node) => scene.routable(node, 'orders').length === 6),
  );
  sim.sometimes('a side of the split knows only its own', (scene) =>
    scene.nodes.some((node) => node.isRunning && scene.routable(node, 'orders').length === 3),
  );
  sim.expect('orders').availability({ atLeast: 0.99 });
});

chaos.random('random trouble on a few nodes', { nodesMin: 3, nodesMax: 6, chaosMs: 20_000, seeds: 5 });

chaos.replay('a stored plan', JSON.parse(JSON.stringify(drawPlan(2, { nodesMax: 10, chaosMs: 10_000 }))));

const folder = join(import.meta.dirname, '../../node_modules/.cache/skein-chaos');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a test file of a user in a process of its own, and returns what vitest printed. */
function runUserTest(name: string, body: string, env: Readonly<Record<string, string>> = {}): { status: number; output: string } {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}.test.ts`);
  writeFileSync(file, `import { chaos } from '@skein/sim/vitest';\n${body}`);
  const config = `const conditions = ['@skein/source', 'default'];
export default { root: import.meta.dirname, resolve: { conditions }, ssr: { resolve: { conditions } } };`;
  writeFileSync(join(folder, 'vitest.config.mjs'), config);
  const run = spawnSync(
    process.execPath,
    [join(folder, '../../vitest/vitest.mjs'), 'run', '--config', join(folder, 'vitest.config.mjs'), `${name}.test.ts`],
    { cwd: folder, encoding: 'utf8', env: { ...process.env, NO_COLOR: '1', ...env } },
  );
  return { status: run.status ?? -1, output: run.stdout + run.stderr };
}

const pigs = `chaos('pigs fly', { nodes: 6, seeds: 4 }, (sim) => {
  sim.at('3s').crash(sim.node(5)).restart('2s');
  sim.at('4s').pause(sim.node(1)).for('1s');
  sim.never('somebody is paused', (scene) => scene.nodes.some((node) => node.process === 'paused'));
});`;

test('a failing test prints its cause, a scenario to paste, and the seed that CHAOS_SEED runs again', { timeout: 60_000 }, () => {
  const { status, output } = runUserTest('fails', pigs);
  expect(status).toBe(1);
  expect(output).toContain('somebody is paused: it was so (seed ');
  expect(output).toContain("sim.at('4s').pause(sim.node(0))");
  const again = /CHAOS_SEED=(\S+)/.exec(output)?.[1] ?? '';
  const second = runUserTest('fails', pigs, { CHAOS_SEED: again });
  expect(second.output).toContain('somebody is paused: it was so (seed ');
});

test('a property that throws is told with its name, its seed and the command that runs it again', { timeout: 60_000 }, () => {
  const { status, output } = runUserTest(
    'throws',
    `chaos('slips', { nodes: 3, seeds: 3 }, (sim) => {
  sim.at('1s').pause(sim.node(0)).for('1s');
  sim.always('x', (scene) => scene.nodes[7].isRunning);
});`,
  );
  expect(status).toBe(1);
  expect(output).toMatch(
    /the property 'x' threw TypeError: .*reading 'isRunning'\) \(chaos, \d+\.\d{3} s of chaos; seed: '[0-9a-f]{8}'/,
  );
  expect(output).toMatch(/The whole run again: CHAOS_SEED=[0-9a-f]{8} npx vitest run -t 'slips'/);
  expect(output).toContain('Caused by: TypeError');
});

test('an environment that cannot be meant is refused by the name of its variable', { timeout: 60_000 }, () => {
  const mistaken = (env: Readonly<Record<string, string>>): string => runUserTest('environment', pigs, env).output;
  expect(mistaken({ CHAOS_SEED: 'zz!!' })).toContain('CHAOS_SEED=zz!! is no seed');
  expect(mistaken({ CHAOS_CHECK_DETERMINISM: 'yes' })).toContain('CHAOS_CHECK_DETERMINISM=yes is neither 1 (yes) nor 0 (no)');
});

test(
  'a variable that is set to nothing is not set, and hexadecimal digits are a seed in either case',
  { timeout: 60_000 },
  () => {
    const story = `chaos('story', { nodes: 3 }, (sim) => {
  sim.at('1s').pause(sim.node(0)).for('1s');
  sim.always('shown', (scene) => scene.plan.seed !== 'deadbeef');
});`;
    const unset = { CHAOS_SEED: '', CHAOS_RUNS: '', CHAOS_SECONDS: '', CHAOS_CHECK_DETERMINISM: '' };
    expect(runUserTest('unset', story, unset)).toMatchObject({ status: 0 });
    expect(runUserTest('upper', story, { CHAOS_SEED: 'DEADBEEF' }).output).toContain('shown: it did not hold (seed deadbeef');
  },
);

test(
  'a test of which all trouble was skipped fails, and one that waited in vain says what was thrown',
  { timeout: 60_000 },
  () => {
    const { status, output } = runUserTest(
      'vain',
      `import { expect } from 'vitest';
chaos('all in vain', { nodes: 3, seeds: 2 }, (sim) => void sim.at('1s').restart(sim.all()));
chaos('half in vain', { nodes: 3 }, (sim) => {
  sim.at('1s').restart(sim.all());
  sim.at('2s').crash(sim.node(1)).restart('1s');
});
chaos('waits', { nodes: 3 }, (sim) => {
  sim.at('1s').crash(sim.node(1)).restart('1s');
  sim.sometimes('pigs fly', () => { expect('pigs').toBe('birds'); return true; });
});`,
    );
    expect(status).toBe(1);
    expect(output).toContain(
      'in 2 runs every fault was skipped, 6 in all, so nothing was put to the test, in the first of them: restart node 0…2 at 1s (it was running)',
    );
    expect(output).toMatch(
      /this never happened, so the rest may have proved nothing: pigs fly \(at last: expected 'pigs' to be 'birds'/,
    );
    expect(output).toMatch(/Tests +2 failed \| 1 passed/);
  },
);

test('a replay can be checked to be the same twice', { timeout: 60_000 }, () => {
  const plan = JSON.stringify(drawPlan(2, { nodesMax: 10, chaosMs: 1000 }));
  const replayed = `import { MeshNode } from '@skein/core';
let boots = 0;
const create = (options, now) => new MeshNode({ ...options, config: { ...options.config, probeIntervalMs: 500 + boots++ } }, now);
chaos.replay('moody', ${plan}, { create });`;
  expect(runUserTest('replayed', replayed, { CHAOS_CHECK_DETERMINISM: '1' }).output).toMatch(
    /two runs of seed 00000002 (?:part|changed)/,
  );
});

test('what cannot be meant fails its own test, and no other test of the file', { timeout: 60_000 }, () => {
  const plan = JSON.stringify({ ...drawPlan(2), core: [] });
  const { status, output } = runUserTest(
    'refused',
    `chaos.random('nine', { nodes: 9 });
chaos.random('less', { nodesMin: 9, nodesMax: 5 });
chaos.replay('nobody', ${plan});
chaos.replay('nothing', null);
chaos('untold', { nodes: 3 });
chaos('endless', { nodes: 3, seeds: 1e12 }, () => {});
chaos('sound', { nodes: 3, rest: 0 }, () => {});`,
  );
  expect(status).toBe(1);
  expect(output).toContain('ScenarioError: a drawn plan: nodes is not an option; there are nodesMin, nodesMax, chaosMs');
  expect(output).toContain('nodesMin 9, nodesMax 5: are no counts');
  expect(output).toContain('PlanError: core: calm at 2m: nobody is selected');
  expect(output).toContain('the script is missing');
  expect(output).toContain('seeds: 1000000000000 are too many: 1000000 are the most');
  expect(output).toMatch(/Tests +6 failed \| 1 passed/);
});

test('CHAOS_RUNS beside CHAOS_SEED runs so many seeds from that one on', { timeout: 60_000 }, () => {
  const story = `chaos('seeds', { nodes: 2, rest: 0 }, (sim) => {
  sim.always('shown', (scene) => { seen.add(scene.plan.seed); return true; });
  sim.sometimes('second', (scene) => seen.size > 1);
});
const seen = new Set();
afterAll(() => console.log('seen', [...seen].join(' ')));`;
  const run = (env: Readonly<Record<string, string>>) =>
    runUserTest('seeds', `import { afterAll } from 'vitest';\n${story}`, env);
  const one = run({ CHAOS_SEED: '1f' });
  expect(one.status).toBe(0);
  expect(one.output).toMatch(/seen 0000001f$/m);
  const three = run({ CHAOS_SEED: '1f', CHAOS_RUNS: '3' });
  expect(three.status).toBe(0);
  expect(three.output).toMatch(/seen 0000001f [0-9a-f]{8} [0-9a-f]{8}$/m);
});

test('what is real is refused in a story, and a story can be checked to be the same twice', { timeout: 60_000 }, () => {
  const story = (body: string): string => `let round = 0;
chaos('story', { nodes: 3 }, (sim) => { sim.at('1s').pause(sim.node(0)).for('1s'); sim.always('x', (scene) => { ${body}; return true; }); });`;
  expect(runUserTest('real', story('Math.random()')).output).toContain('random() is not for simulations');
  expect(runUserTest('clock', story('Date.now()')).output).toContain('the real time is not for simulations');
  const env = { CHAOS_CHECK_DETERMINISM: '1' };
  expect(runUserTest('steady', story(''), env).status).toBe(0);
  const moody = `let round = 0;
chaos('moody', { nodes: 3 }, (sim) => { sim.at('1s').pause(sim.node(round++ % 3)).for('1s'); });`;
  const { status, output } = runUserTest('moody', moody, env);
  expect(status).toBe(1);
  expect(output).toMatch(/one script told two plans for seed \w+: faults\[0\] is .*"node":1.*, then .*"node":2/);
});

test('two runs that do the same and are judged differently are not the same', { timeout: 60_000 }, () => {
  const counts = `let told = 0;
chaos('counts', { nodes: 3 }, (sim) => {
  const k = ++told;
  sim.eventually('p', { within: '5s' }, () => k % 2 === 1);
});
let asked = 0;
chaos('hopes', { nodes: 3 }, (sim) => {
  const k = ++asked;
  sim.sometimes('q', () => k % 2 === 0);
});`;
  const { status, output } = runUserTest('counts', counts, { CHAOS_CHECK_DETERMINISM: '1' });
  expect(status).toBe(1);
  expect(output).toMatch(/did the same, and 'p' came out as failed \(it did not come true\) at \d+ ms, then as held/);
  expect(output).toMatch(/did the same, and 'q' came out as .* which happened, then as .* which never happened/);
});
