/**
 * The packages as users install them: packed, installed in a folder outside the repository, and given the test that the
 * README shows. Nothing is fetched; the test runner and the compiler are those of the repository.
 */

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
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

function node(args: readonly string[], more: Readonly<Record<string, string>> = {}): { status: number | null; output: string } {
  const run = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', env: { ...env, NO_COLOR: '1', ...more } });
  return { status: run.status, output: run.stdout + run.stderr };
}

test('the test that the README shows passes in a fresh folder, with the packed packages and no settings', () => {
  expect(example('packages/sim/README.md')).toBe(example('README.md'));
  const { status, output } = node(['node_modules/vitest/vitest.mjs', 'run'], { CHAOS_RUNS: '3' });
  expect([status, output]).toEqual([0, expect.stringContaining('1 passed')]);
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
