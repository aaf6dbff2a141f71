/**
 * The packages as users install them: packed, installed in a folder outside the repository, and given the test that the
 * README shows. Nothing is fetched; the test runner and the compiler are those of the repository.
 */

import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'skein-packed-'));
const names = ['core', 'traffic', 'sim'];

/** A user's environment: none of what the surrounding test run sets. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(?:VITEST|NODE_OPTIONS|NODE_ENV|CHAOS_|npm_)/.test(name)),
);

beforeAll(() => {
  const npm = (args: readonly string[], cwd: string): string =>
    execFileSync('npm', args, { cwd, env, encoding: 'utf8', stdio: 'pipe' });
  const workspaces = names.flatMap((name) => ['--workspace', `@skein/${name}`]);
  npm(['pack', '--silent', '--ignore-scripts', '--pack-destination', folder, ...workspaces], root);
  const tarballs = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }));
  npm(['install', '--offline', '--no-audit', '--no-fund', '--silent', ...tarballs.map((name) => `./${name}`)], folder);
  symlinkSync(join(root, 'node_modules/vitest'), join(folder, 'node_modules/vitest'));
  mkdirSync(join(folder, 'test'));
  writeFileSync(join(folder, 'test/orders.test.ts'), example('README.md'));
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The test that a page shows. */
function example(page: string): string {
  const [, code = ''] = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(root, page), 'utf8')) ?? [];
  return code;
}

/** Whatever `exports` and `bin` of a package name, as paths in it. */
function entries(name: string): readonly string[] {
  const { exports, bin } = manifest(name);
  const paths = [...Object.values(exports).flatMap((conditions) => Object.values(conditions)), ...Object.values(bin ?? {})];
  return paths.map((path) => path.replace(/^\.\//, ''));
}

interface Manifest {
  readonly exports: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly scripts?: Readonly<Record<string, string>>;
}

function manifest(name: string): Manifest {
  return JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8')) as Manifest;
}

interface Packed {
  readonly name: string;
  readonly files: readonly { readonly path: string }[];
}

function node(args: readonly string[], more: Readonly<Record<string, string>> = {}): { status: number | null; output: string } {
  const run = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', env: { ...env, NO_COLOR: '1', ...more } });
  return { status: run.status, output: run.stdout + run.stderr };
}

test("a user's chaos test of a 9-node mesh, which the README shows, passes in a fresh folder, with no settings", () => {
  expect(example('packages/sim/README.md')).toBe(example('README.md'));
  expect(example('README.md')).toContain('nodes: 9');
  const { status, output } = node(['node_modules/vitest/vitest.mjs', 'run'], { CHAOS_RUNS: '3' });
  expect([status, output]).toEqual([0, expect.stringContaining('1 passed')]);
  // Told, so that a slow one is seen, and not held against a machine that is busy.
  const [, whole, own] = /Duration +(\S+) .*\btests (\S+?)[,)]/.exec(output) ?? [];
  console.log(`a user's chaos test of a 9-node mesh: 3 seeds in ${own}, ${whole} with the start of the test runner`);
});

test.each(['nodenext', 'bundler'])('its types hold in strict TypeScript with moduleResolution %s', (moduleResolution) => {
  const module = moduleResolution === 'nodenext' ? 'nodenext' : 'esnext';
  const strict = { strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true };
  const compilerOptions = { ...strict, module, moduleResolution, target: 'es2022', types: [], noEmit: true };
  const wrong = `import { simulate } from '@skein/sim';\nsimulate({ nodes: 3 }, (sim) => sim.at('1s').crush(sim.all()));\n`;
  writeFileSync(join(folder, 'wrong.ts'), wrong);
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['test', 'wrong.ts'] }));
  const { output } = node([join(root, 'node_modules/typescript/bin/tsc'), '-p', '.']);
  expect(output.trim().split('\n')).toEqual([expect.stringMatching(/^wrong\.ts\(2,.*'crush' does not exist/)]);
});

test('a plain module simulates without a test runner, and gets the same run each time', () => {
  const story = `import { replay, simulate } from '@skein/sim';
const report = simulate({ nodes: 5, seed: 'mine' }, (sim) => sim.at('1s').pause(sim.random(2)).for('3s'));
const again = replay(JSON.parse(JSON.stringify(report.plan)));
console.log(report.passed, report.traceHash === again.traceHash);`;
  writeFileSync(join(folder, 'story.mjs'), story);
  expect(node(['story.mjs'])).toEqual({ status: 0, output: 'true true\n' });
});

test('a package carries its license, a page, its types and all that its exports name, and no leftovers of the build', () => {
  for (const name of names) {
    const installed = join(folder, 'node_modules/@skein', name);
    const { exports } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as { exports: Record<string, object> };
    const paths = Object.values(exports).flatMap((conditions) => Object.values(conditions) as string[]);
    const missing = ['README.md', 'LICENSE', ...paths].filter((path) => !existsSync(join(installed, path)));
    expect([name, missing]).toEqual([name, []]);
    expect(readFileSync(join(installed, 'LICENSE'), 'utf8')).toBe(readFileSync(join(root, 'LICENSE'), 'utf8'));
    const files = readdirSync(installed, { recursive: true, encoding: 'utf8' });
    expect(files.filter((file) => /tsbuildinfo$|\.test\./.test(file))).toEqual([]);
  }
});

test('npm pack lists all that the exports and the command of each package name', () => {
  const all = readdirSync(join(root, 'packages'));
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts', '--workspaces'];
  const packed = JSON.parse(execFileSync('npm', args, { cwd: root, env, encoding: 'utf8', stdio: 'pipe' })) as Packed[];
  expect(packed.map(({ name }) => name).sort()).toEqual(all.map((name) => `@skein/${name}`).sort());
  for (const name of all) {
    const listed = packed.find((each) => each.name === `@skein/${name}`)?.files.map(({ path }) => path) ?? [];
    expect([name, entries(name).filter((path) => !listed.includes(path))]).toEqual([name, []]);
    expect([name, manifest(name).scripts?.['prepack']]).toEqual([name, expect.stringContaining('tsc -b --force')]);
  }
});

test('packing a clone that was never built builds it first', { timeout: 120_000 }, () => {
  const clone = join(folder, 'clone');
  mkdirSync(join(clone, 'packages'), { recursive: true });
  for (const file of ['package.json', 'tsconfig.json']) cpSync(join(root, file), join(clone, file));
  symlinkSync(join(root, 'node_modules'), join(clone, 'node_modules'));
  for (const name of names)
    cpSync(join(root, 'packages', name), join(clone, 'packages', name), {
      recursive: true,
      filter: (path) => !/[/\\]dist$|\.tsbuildinfo$/.test(path),
    });
  // The others that it needs are built with it.
  const output = execFileSync('npm', ['pack', '--dry-run', '--json'], {
    cwd: join(clone, 'packages/sim'),
    env,
    encoding: 'utf8',
    stdio: 'pipe',
  });
  const [packed] = JSON.parse(output.slice(output.indexOf('['))) as Packed[];
  const listed = packed?.files.map(({ path }) => path) ?? [];
  expect(entries('sim').filter((path) => !listed.includes(path))).toEqual([]);
});
