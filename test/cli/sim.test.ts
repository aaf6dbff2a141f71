import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { always, planSize, replay } from '@skein/sim';
import type { Experiment, Failure, FaultPlan, Scenario } from '@skein/sim';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pageOf } from '../sim/page-fixture.ts';
import { skein } from './fake-io.ts';

const forms: Scenario = {
  name: 'forms',
  summary: 'A mesh forms.',
  nodes: 3,
  rest: 0,
  script: () => {},
};
const fails: Scenario = {
  ...forms,
  name: 'fails',
  script: (sim) => {
    sim.service('orders', { on: [0] });
    sim.load('orders', { every: '100ms' });
    sim.at('1s').eventually('everybody runs', { within: '1s' }, (scene) => scene.nodes.every((node) => node.isRunning));
    sim.at('1s').eventually('pigs fly', { within: '100ms' }, () => false);
  },
};
const breaks: Scenario = {
  ...forms,
  name: 'breaks',
  script: () => {
    throw new Error('the script itself is wrong');
  },
};
const slips: Scenario = {
  ...forms,
  name: 'slips',
  script: (sim) => {
    sim.always('x', (scene) => scene.nodes[7]!.isRunning);
    sim.at('1s').pause(sim.node(0)).for('1s');
  },
};
const rare: Scenario = { ...forms, name: 'rare', script: (sim) => sim.sometimes('pigs fly', () => false) };
const writes: Scenario = {
  ...forms,
  name: 'writes',
  nodes: 6,
  script: (sim) => {
    sim.service('pay', { on: sim.node(1, 2) });
    sim.at('3s').pause(sim.node(5)).for('1s');
    sim.at('4s').deregister(1, 'pay-1');
    sim.always('two are found', (scene) => scene.nodes.every((node) => scene.routable(node, 'pay').length === 2));
  },
};
const needsFour: Scenario = { ...forms, name: 'needs-four', nodes: 4, script: (sim) => void sim.node(3) };
const measures: Experiment = {
  name: 'measures',
  summary: 'Counts its words.',
  words: {
    '--quick': { what: 'less of it', not: ['--members'] },
    '--members': { what: 'of the mesh', number: [2, 100] },
    '--only': { what: 'one side', choice: ['in', 'out'] },
  },
  run: (context) => {
    const { seed, words } = context;
    const said = Number(words.has('--quick')) + Number(words.choice('--only') === 'out') + (words.number('--members') ?? 0);
    context.progress('half way');
    return {
      setup: { seed, nodes: 128 },
      rows: [
        { what: 'words', unit: 's', ours: said, anchors: { swim: 12.4567 }, published: '12.2-12.5', goal: '<= 2 s' },
        { what: 'slow', unit: 'ms', ours: 2500, goal: '<= 2 s' },
        { what: 'hard to say', unit: 'x', goal: 'at most half' },
      ],
    };
  },
};
const simulations = Object.fromEntries(
  [forms, fails, breaks, slips, rare, writes, needsFour, measures].map((each) => [each.name, { default: each }]),
);

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'skein-sim-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test('without a name it lists what there is, as a table and as JSON', async () => {
  const { exitCode, out } = await skein(['sim'], { simulations });
  expect(exitCode).toBe(0);
  expect(out).toMatch(/forms +scenario +A mesh forms\./);
  expect(out).toMatch(/measures +experiment +Counts its words\./);
  const { out: json } = await skein(['sim', '--json'], { simulations });
  expect(JSON.parse(json)).toContainEqual({ name: 'forms', kind: 'scenario', summary: 'A mesh forms.' });
});

test('a scenario that holds says so with its seed, and exits with 0', async () => {
  const { exitCode, out, err } = await skein(['sim', 'forms', '--seed', '1F', '--nodes', '4'], { simulations });
  expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' });
  expect(out).toMatch(/the mesh forms +yes +0\.\d{3} s/);
  expect(out).toMatch(/forms held: 4 nodes, .* seed 0000001f, trace [0-9a-f]{16}/);
});

test('a scenario that fails names the promise, what was found, and the command that shows it again, and exits with 1', async () => {
  const { exitCode, out } = await skein(['sim', 'fails', '--seed', 'ff', '--runs', '2'], { simulations });
  expect(exitCode).toBe(1);
  expect(out).toMatch(/everybody runs +2 of 2 +0\.000 s +0\.000 s/);
  expect(out).toMatch(/pigs fly +0 of 2/);
  expect(out).toMatch(/requests to orders answered +- +100 % of \d\d/);
  expect(out).toMatch(
    /seed 000000ff, at \d\.\d{3} s: pigs fly\n  it did not come true\n  again: skein sim fails --seed 000000ff\n/,
  );
  expect(out).toContain('again: skein sim fails --seed 00000100\n');
});

test('what has to happen in some run fails a campaign in which it never did, and says so', async () => {
  const { exitCode, out } = await skein(['sim', 'rare', '--runs', '3'], { simulations });
  expect(exitCode).toBe(1);
  expect(out).toMatch(/pigs fly +0 of 3/);
  expect(out).toContain('rare failed: 3 nodes');
  expect(out).toContain('\npigs fly\n  it happened in none of the 3 runs, and a `sometimes` has to happen in one at least');
  expect(out).toContain('  again: skein sim rare --seed 00000001 --runs 3\n');
  const { out: json } = await skein(['sim', 'rare', '--runs', '3', '--json'], { simulations });
  expect(JSON.parse(json)).toMatchObject({ passed: false, findings: [{ what: 'pigs fly' }], smallest: null });
  const { exitCode: one, out: told } = await skein(['sim', 'rare'], { simulations });
  expect(one).toBe(1);
  expect(told).toContain('again: skein sim rare --seed 00000001 --runs 1\n');
});

test('what has to happen in some run may be missing where one seed is looked at', async () => {
  const { exitCode, out } = await skein(['sim', 'rare', '--seed', '7'], { simulations });
  expect(exitCode).toBe(0);
  expect(out).toMatch(/pigs fly +not here/);
  const { out: json } = await skein(['sim', 'rare', '--seed', '7', '--json'], { simulations });
  const { rows } = JSON.parse(json) as { rows: { what: string; ours: number; goal: string | null }[] };
  expect(rows.find(({ what }) => what.startsWith('pigs'))).toMatchObject({ ours: 0, goal: null });
});

test('a scenario that fails ends with the smallest story that still fails, to be pasted, and the command for the whole', async () => {
  const { exitCode, out, err } = await skein(['sim', 'writes', '--seed', '2'], { simulations });
  expect(exitCode).toBe(1);
  expect(out).toContain('two are found: it did not hold (seed 00000002, chaos, 4.000 s of chaos)');
  expect(out).toContain("chaos('two are found', { nodes: 2, seed: '00000002'");
  expect(out).toContain("sim.at('4s').deregister(0, 'pay-0');");
  expect(out).not.toContain('sim.pause');
  expect(out).toMatch(/The whole run again: skein sim writes --seed 00000002\n$/);
  expect(err).toMatch(/^writes: making it small, run 1: /);
  const { out: whole } = await skein(['sim', 'writes', '--seed', '2', '--no-shrink'], { simulations });
  expect(whole).toContain('two are found\n  it did not hold\n');
  expect(whole).not.toContain('small');
});

test('--json has the smallest plan that still fails, as data that can be replayed', async () => {
  const { out, err } = await skein(['sim', 'writes', '--json'], { simulations, isTerminal: true });
  expect(err).toBe('');
  const { findings, smallest } = JSON.parse(out) as {
    findings: object[];
    smallest: { plan: FaultPlan; failure: Failure; runs: number; story: string };
  };
  expect(findings).toMatchObject([{ seed: '00000001', what: 'two are found', found: 'it did not hold' }]);
  expect(planSize(smallest.plan)).toEqual({ nodes: 2, faults: 0, writes: 1 });
  expect(smallest.failure).toMatchObject({ property: 'two are found', phase: 'chaos', chaosMs: 4000 });
  const bothFound = always('two are found', (scene) => scene.nodes.every((node) => scene.routable(node, 'pay').length === 2));
  expect(replay(smallest.plan, { properties: [bothFound] }).failures).toEqual([smallest.failure]);
});

test('Ctrl-C in a campaign shows what ran, says how much that was, and is no success', async () => {
  let interrupt = (): void => {};
  let told = 0;
  const counted = { ...forms, name: 'counted', script: () => (++told === 2 ? interrupt() : undefined) };
  const world = {
    simulations: { counted: { default: counted } },
    onInterrupt: (stop: () => void) => void (interrupt = stop),
  };
  const { exitCode, out } = await skein(['sim', 'counted', '--runs', '9'], world);
  expect(exitCode).toBe(1);
  expect(told).toBe(2);
  expect(out).toMatch(/the mesh forms +2 of 2/);
  expect(out).toContain('counted stopped after 2 of 9 runs');
  told = 0;
  const { out: json } = await skein(['sim', 'counted', '--runs', '9', '--json'], world);
  expect(JSON.parse(json)).toMatchObject({ setup: { runs: 2 }, passed: false, findings: [] });
});

test('a script that throws is a failure that names the scenario and the seed', async () => {
  const { exitCode, err } = await skein(['sim', 'breaks'], { simulations });
  expect(exitCode).toBe(1);
  expect(err).toContain('the script of breaks, with seed 00000001: the script itself is wrong');
});

test('a property that throws is told by its name, with the command that shows it again', async () => {
  const { exitCode, err } = await skein(['sim', 'slips'], { simulations });
  expect(exitCode).toBe(1);
  expect(err).toContain("slips: the property 'x' threw TypeError:");
  expect(err).toContain('again: skein sim slips --seed 00000001');
  expect(err).not.toContain('the script of');
});

test('run by npm, the command to show it again is one for npm', async () => {
  const { out } = await skein(['sim', 'fails'], { simulations, env: { npm_lifecycle_event: 'simulate' } });
  expect(out).toContain('again: npm run simulate -- fails --seed 00000001\n');
  expect(out).toContain('The whole run again: npm run simulate -- fails --seed 00000001\n');
  const asked = await skein(['sim', 'measures', '--quik'], { simulations, env: { npm_lifecycle_event: 'simulate' } });
  expect(asked.err).toContain('see: npm run simulate -- measures --help');
});

test('run by npx, the command to show it again is one for npx', async () => {
  const { out } = await skein(['sim', 'fails'], { simulations, env: { npm_command: 'exec', npm_lifecycle_event: 'npx' } });
  expect(out).toContain('again: npx skein sim fails --seed 00000001\n');
});

test('the command to show it again quotes a path that a shell would take apart', async () => {
  mkdirSync(join(folder, "it's mine"));
  const path = file("it's mine/no way.mjs", storyOf("sim.at('1s').eventually('x', { within: '1s' }, () => false)"));
  const { out } = await skein(['sim', path], {});
  expect(out).toContain(`again: skein sim '${path.replace("'", "'\\''")}' --seed 00000001\n`);
});

test('--json prints one object of name, setup and rows, and nothing else', async () => {
  const { out, err } = await skein(['sim', 'fails', '--runs', '3', '--json'], { simulations, isTerminal: true });
  const report = JSON.parse(out);
  expect(err).toBe('');
  expect(report).toMatchObject({ name: 'fails', setup: { seed: '00000001', runs: 3, nodes: 3 }, passed: false });
  expect(report.rows.find(({ what }: { what: string }) => what === 'pigs fly: runs in which it held')).toMatchObject({
    unit: 'runs',
    ours: 0,
    goal: '>= 3',
  });
  expect(Object.keys(report.rows[0])).toEqual(['what', 'unit', 'ours', 'anchors', 'published', 'goal']);
  expect(report.findings).toHaveLength(3);
});

test('--html writes the timeline of the first run that failed', async () => {
  const { written, out } = await skein(['sim', 'fails', '--seed', '7', '--html', 'run.html'], { simulations });
  const page = pageOf(written['run.html'] ?? '');
  expect(page.faults).toEqual([]);
  expect(JSON.parse(page.scripts[0]?.text ?? '')).toMatchObject({
    seed: '00000007',
    command: 'skein sim fails --seed 00000007',
  });
  const { marks } = JSON.parse(page.scripts[0]?.text ?? '');
  expect(marks.map(({ kind, what }: { kind: string; what: string }) => `${kind} ${what}`)).toEqual([
    'phase chaos',
    'held the mesh forms',
    'held everybody runs',
    'failed pigs fly',
    'phase calm',
    'phase converge',
  ]);
  expect(out).toContain('timeline of seed 00000007: run.html');
});

test('an experiment shows ours beside the others, and exits with 1 where a goal that can be read is missed', async () => {
  const { exitCode, out } = await skein(['sim', 'measures', '--only', 'out', '--quick', '--seed', '5'], { simulations });
  expect(exitCode).toBe(1);
  expect(out).toContain('measures missed 1 of the 2 goals that can be judged');
  expect(out).toMatch(/WHAT +UNIT +OURS +SWIM +PUBLISHED +GOAL +VERDICT/);
  expect(out).toMatch(/words +s +2 +12\.46 +12\.2-12\.5 +<= 2 s +met/);
  expect(out).toMatch(/slow +ms +2500 .* +<= 2 s +missed/);
  expect(out).toMatch(/hard to say +x +- .* +at most half +-/);
});

test('an experiment whose goals are all met exits with 0', async () => {
  const met = { ...measures, run: () => ({ setup: {}, rows: [{ what: 'a', unit: 's', ours: 1, goal: '<= 2 s' }] }) };
  const { exitCode, out } = await skein(['sim', 'measures', '--json'], { simulations: { measures: { default: met } } });
  expect(exitCode).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ passed: true });
});

test('help after the name of an experiment says which words it takes, and help without one is of the command', async () => {
  const { exitCode, out } = await skein(['sim', 'measures', '--help'], { simulations });
  expect(exitCode).toBe(0);
  expect(out).toContain('Counts its words.');
  expect(out).toMatch(
    /--quick +less of it; not with --members\n +--members N +of the mesh \(2 to 100\)\n +--only in\|out +one side/,
  );
  const { out: own } = await skein(['sim', '--help'], { simulations });
  expect(own).toContain('Usage: skein sim [options] [simulation] [words...]');
});

test('words that an experiment declares wrongly are refused by name', async () => {
  const path = file('wordy.mjs', `export default { name: 'a', summary: 'b', run() {}, words: { '--seed': { what: 'x' } } };`);
  const { exitCode, err } = await skein(['sim', path], {});
  expect(exitCode).toBe(2);
  expect(err).toContain('"--seed" is a word of the command itself');
});

test('an experiment that needs more heap than the process has, runs in one of its own that has it', async () => {
  const twin = join(folder, 'twin.mjs');
  const seen = join(folder, 'seen.json');
  writeFileSync(
    twin,
    `import { writeFileSync } from 'node:fs';
     writeFileSync(${JSON.stringify(seen)}, JSON.stringify([...process.execArgv, ...process.argv.slice(2)]));
     process.exitCode = 3;`,
  );
  const heapMiB = 1_000_000;
  const own = { ...simulations, large: { default: { ...measures, name: 'large', heapMiB } } };
  const self = [process.execPath, '--max-old-space-size=100', twin] as const;
  const { exitCode } = await skein(['sim', 'large', '--members=7', '--json'], { simulations: own, self });
  expect(exitCode).toBe(3);
  const given = ['sim', 'large', '--seed', '1', '--json', '--members=7'];
  expect(JSON.parse(readFileSync(seen, 'utf8'))).toEqual([
    '--max-old-space-size=100',
    `--max-old-space-size=${heapMiB}`,
    ...given,
  ]);
});

test('the JSON of an experiment has every field of every row, and its page has a plot for each unit', async () => {
  const { out, err, written } = await skein(['sim', 'measures', '--json', '--html', 'm.html'], { simulations });
  expect(err).toBe('');
  expect(JSON.parse(out)).toEqual({
    name: 'measures',
    setup: { seed: '00000001', nodes: 128 },
    rows: [
      { what: 'words', unit: 's', ours: 0, anchors: { swim: 12.4567 }, published: '12.2-12.5', goal: '<= 2 s' },
      { what: 'slow', unit: 'ms', ours: 2500, anchors: {}, published: null, goal: '<= 2 s' },
      { what: 'hard to say', unit: 'x', ours: null, anchors: {}, published: null, goal: 'at most half' },
    ],
    passed: false,
  });
  const page = pageOf(written['m.html'] ?? '');
  expect(page.faults).toEqual([]);
  expect(page.elements.filter((name) => name === 'svg')).toHaveLength(2);
});

test('progress of many runs goes to standard error: a line that is written over on a terminal, plain lines elsewhere', async () => {
  const line = 'forms: run 1 of 2, seed 00000001';
  expect((await skein(['sim', 'forms', '--runs', '2'], { simulations })).err).toMatch(new RegExp(`^${line}\n`));
  expect(
    (await skein(['sim', 'forms', '--runs', '2'], { simulations, isTerminal: true })).err.startsWith(`\r\u001b[2K${line}`),
  ).toBe(true);
});

test.each([
  [['fomrs'], 'no simulation is called "fomrs"; did you mean "forms"?'],
  [['xyzzy'], 'no simulation is called "xyzzy"\n  there are: breaks, fails, forms, measures, needs-four, rare, slips, writes'],
  [['forms', '--seed', '123456789'], '1 to 8 hexadecimal digits'],
  [['forms', '--seed', '0xff'], 'without 0x: ff'],
  [['forms', '--seed', ''], 'a word as seed has 1 to 64 letters'],
  [['forms', '--nodes', '0'], 'a whole number from 1 to 2048'],
  [['forms', '--nodes', '2049'], 'a whole number from 1 to 2048'],
  [['forms', '--runs', '1e3'], 'a whole number from 1 to 1000000'],
  [['forms', '--html', ''], 'it has to be the path of a file, such as run.html'],
  [['measures', '--html='], 'it has to be the path of a file, such as run.html'],
  [['forms', '--sede', '1'], "unknown option '--sede'"],
  [['forms', 'again'], "unexpected argument 'again'"],
  [['--sede', '1'], "unknown option '--sede'"],
  [['measures', '--nodes', '5'], 'measures is an experiment and takes no --nodes'],
  [['measures', '--quik'], `unknown option '--quik'; did you mean "--quick"?\n  measures takes: --quick, --members, --only`],
  [['measures', 'junk'], "unexpected argument 'junk'"],
  [['measures', '--members', '-4'], '--members -4: it has to be a whole number from 2 to 100'],
  [['measures', '--members', '1e1'], 'a whole number from 2 to 100'],
  [['measures', '--members', '101'], 'a whole number from 2 to 100'],
  [['measures', '--members'], 'nothing follows --members'],
  [['measures', '--members', '5', '--members', '6'], '--members is said twice'],
  [['measures', '--only', 'up'], '--only up: it has to be one of in, out'],
  [['measures', '--members', '5', '--quick'], '--quick and --members cannot be said together'],
  [['needs-four', '--nodes', '3'], 'node(3): this mesh has nodes 0 to 2'],
  [['./none.mjs'], './none.mjs: there is no such file'],
])('%j is wrong usage: exit code 2, and what to do instead', async (args, message) => {
  const { exitCode, out, err } = await skein(['sim', ...args], { simulations });
  expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
  expect(err).toContain(message);
});

test('a folder is refused by its name, and nothing of how modules are loaded is told', async () => {
  const { exitCode, err } = await skein(['sim', folder + '/'], {});
  expect(exitCode).toBe(2);
  expect(err).toBe(`skein: ${folder}/ is a folder\n  give a file in it, such as ./chaos/my-scenario.mjs; each runs by itself\n`);
});

test('a drawn mesh of one node is refused with what to say instead', async () => {
  const { default: swarm } = await import('../../simulations/swarm.ts');
  const { exitCode, err } = await skein(['sim', 'swarm', '--nodes', '1'], { simulations: { swarm: { default: swarm } } });
  expect(exitCode).toBe(2);
  expect(err).toContain('the plan of swarm, on 1 node with seed 00000001: what is drawn parts nodes from each other');
  expect(err).toContain('--nodes 2');
});

test('a file of a user runs by its path', async () => {
  const script = `export default { name: 'mine', summary: 'Mine.', nodes: 2, script: (sim) => sim.eventually('it forms', {}, () => true) };`;
  const path = file('mine.mjs', script);
  const { exitCode, out } = await skein(['sim', path], {});
  expect(exitCode).toBe(0);
  expect(out).toMatch(/it forms +yes/);
});

test.each([
  ['none.mjs', 'export const scenario = {};', 'has no default export'],
  ['text.mjs', `export default 'forms';`, 'exports a string by default'],
  ['nameless.mjs', 'export default { script: () => {} };', 'its default export has no name'],
  ['idle.mjs', `export default { name: 'a', summary: 'b' };`, 'neither a script nor a plan nor a run function'],
  ['broken.mjs', 'export default {', 'cannot be loaded'],
  ['lost.mjs', `import 'not-installed-anywhere';`, 'cannot be loaded'],
])('%s: a file that is no simulation is refused by name with what it lacks', async (name, text, message) => {
  const path = file(name, text);
  const { exitCode, err } = await skein(['sim', path], {});
  expect(exitCode).toBe(2);
  expect(err).toContain(name);
  expect(err).toContain(message);
});

test.each([
  ['syntax.mjs', 'export default {\n  summary: ;\n};', 2, 2],
  ['throws.mjs', "\n\nthrow new Error('while it loads');", 3, 2],
  ['script.mjs', storyOf("\nthrow new Error('in the script')"), 2, 1],
  ['wrong-run.mjs', "export default { name: 'a', summary: 'b', run() {\n null.x; } };", 2, 1],
])(
  '%s: an error in a file of a user comes with its line, and no hint about what is not missing',
  async (name, text, line, code) => {
    const path = file(name, text);
    const { exitCode, err } = await skein(['sim', path], {});
    expect(exitCode).toBe(code);
    expect(err).toContain(`${path}:${line}: `);
    expect(err).not.toContain('install');
  },
);

test('a file that lacks @skein/sim says what to install, and one that lacks something else does not', async () => {
  const { err } = await skein(['sim', file('lacks.mjs', `import '@skein/sim';`)], {});
  expect(err).toContain('install @skein/sim');
  expect((await skein(['sim', file('lacks2.mjs', `import 'nothing-of-this-name';`)], {})).err).not.toContain(
    'install @skein/sim',
  );
});

test.each([
  ['Math.random()', 'Math.random() is not for simulations'],
  ['Date.now()', 'Date: the real time is not for simulations'],
  ['performance.now()', 'scene.nowMs is the time'],
])('a file of a user that asks for %s is refused, since no seed would give its run again', async (text, message) => {
  const scenario = await skein(['sim', file(`chance-${text}.mjs`, storyOf(`sim.at(1000 + (${text} % 5))`))], {});
  expect(scenario.exitCode).toBe(2);
  expect(scenario.err).toContain(message);
  const path = file(
    `figure-${text}.mjs`,
    `export default { name: 'a', summary: 'b', run: () => ({ setup: { a: ${text} }, rows: [] }) };`,
  );
  const experiment = await skein(['sim', path], {});
  expect(experiment.exitCode).toBe(2);
  expect(experiment.err).toContain(message);
  const asks = storyOf(`sim.always('x', () => ${text} >= 0); sim.at('1s').pause([0]).for('1s');`);
  const property = await skein(['sim', file(`property-${text}.mjs`, asks)], {});
  expect(property.exitCode).toBe(2);
  expect(property.err).toContain(`the property 'x' cannot be meant: `);
  expect(property.err).toContain(message);
});

function storyOf(script: string): string {
  return `export default { name: 'mine', summary: 'Mine.', nodes: 2, script: (sim) => {${script}} };`;
}

test.each([
  ['undefined', 'run returned no object'],
  ['{ setup: {}, rows: { what: 1 } }', 'rows is no list'],
  ['{ rows: [] }', 'setup is no object'],
  ['{ setup: {}, rows: [{ what: "a", unit: "s" }, { what: "a", unit: 5 }] }', 'rows[1].unit is no text'],
  ['{ setup: {}, rows: [{ what: "a", unit: "s", ours: "5" }] }', 'rows[0].ours is no number'],
  ['{ setup: {}, rows: [{ what: "a", unit: "s", anchors: { swim: "x" } }] }', 'rows[0].anchors'],
  ['{ setup: {}, rows: [], plots: [{ title: "a" }] }', 'plots[0] is no plot'],
  ['Promise.resolve({ setup: {}, rows: [] })', 'run is async'],
])('an experiment whose run returns %s is refused with what is wrong', async (value, message) => {
  const path = file(
    `returns-${value.replace(/\W/g, '-')}.mjs`,
    `export default { name: 'a', summary: 'b', run: () => (${value}) };`,
  );
  const { exitCode, out, err } = await skein(['sim', path], {});
  expect({ exitCode, out }).toEqual({ exitCode: 1, out: '' });
  expect(err).toContain(message);
});
