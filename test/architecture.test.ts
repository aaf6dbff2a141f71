/**
 * The rules that keep the architecture: layers, purity, sizes, the public API as text. Each rule is checked on the
 * repository here, and `architecture/checks.test.ts` shows that each check can fail.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { apiText } from './architecture/api-text.ts';
import { cycleFaults } from './architecture/cycles.ts';
import { importFaults, isAdapter, manifestFaults, outsideImportFaults, purePackages } from './architecture/layers.ts';
import { purityFaults } from './architecture/purity.ts';
import { fileDocFaults, indexFaults, nameFaults, silencedFaults, sizeFaults, textFaults } from './architecture/tidiness.ts';
import { readPackages, readSources, readTexts, referencesOf, root } from './architecture/workspace.ts';

const update = 'UPDATE=1 npx vitest run --config test/vitest.config.ts architecture.test';
const packages = readPackages();
const packageFiles = packages.flatMap((pack) => pack.files);
const outside = [...readSources('test'), ...readSources('simulations')];

test('a package imports only what the table of layers allows it, through exports, and only transport touches libp2p', () => {
  expect(importFaults(packages)).toEqual([]);
});

test('dependencies and project references agree with the table of layers', () => {
  expect(manifestFaults(packages, referencesOf('tsconfig.json'))).toEqual([]);
});

test('tests, benchmarks and simulations use packages through their exports', () => {
  expect(outsideImportFaults(outside, packages)).toEqual([]);
});

test('no value is imported in a circle between the files of a package', () => {
  expect(packages.flatMap((pack) => cycleFaults(pack.files))).toEqual([]);
});

test('the pure packages have no clock, timer, randomness, locale, promise or console of their own', () => {
  const pure = packages.filter((pack) => purePackages.includes(pack.name)).flatMap((pack) => pack.files);
  expect(purityFaults(pure.filter((file) => !isAdapter(file.path)))).toEqual([]);
});

test('no file is longer than 500 lines, the two central stories 700', () => {
  expect(sizeFaults([...packageFiles, ...outside])).toEqual([]);
});

test('every file of a package begins with a comment that says what it holds', () => {
  expect(fileDocFaults(packageFiles)).toEqual([]);
});

test('a file is named for the one noun it holds', () => {
  expect(nameFaults(packageFiles)).toEqual([]);
});

test('an index.ts is only re-exports', () => {
  expect(indexFaults(packageFiles)).toEqual([]);
});

test('no file mentions a path of one machine, the host of a registry, or unfinished work', () => {
  expect(textFaults(readTexts(''))).toEqual([]);
});

test('the lock file has the programs of every platform, and the address of none', () => {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { optionalDependencies?: Record<string, string>; resolved?: string; link?: boolean }>;
  };
  const needed = Object.values(lock.packages).flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies));
  expect(needed.filter((name) => /darwin|win32|linux/.test(name)).length).toBeGreaterThan(60);
  expect(needed.filter((name) => lock.packages[`node_modules/${name}`] === undefined)).toEqual([]);
  const addressed = Object.entries(lock.packages).filter(([, { link, resolved }]) => link !== true && resolved !== undefined);
  expect(addressed.map(([path]) => path)).toEqual([]);
});

test('no test is switched off, and none switches off the others', () => {
  expect(silencedFaults(readSources('test'))).toEqual([]);
});

test('the public API of each package is the one that its api.txt documents', { timeout: 180_000 }, () => {
  const built = spawnSync(
    process.execPath,
    ['node_modules/typescript/bin/tsc', '-b', ...packages.map(({ name }) => `packages/${name}`), 'packages/sim/src/adapter'],
    {
      cwd: root,
      encoding: 'utf8',
    },
  );
  expect(built.stdout, 'the packages do not compile, so their API is unknown').toBe('');
  for (const { name, entries } of packages) {
    const dist = join(root, 'packages', name, 'dist');
    const files = Object.fromEntries(Object.entries(entries).map(([entry, types]) => [entry, types.replace('./dist/', '')]));
    const read = (path: string): string | undefined =>
      existsSync(join(dist, path)) ? readFileSync(join(dist, path), 'utf8') : undefined;
    const documented = join(root, 'packages', name, 'api.txt');
    const actual = `Public API of @skein/${name}, from its declarations. To change it knowingly: ${update}\n\n${apiText(files, read)}`;
    if (process.env['UPDATE'] === '1') writeFileSync(documented, actual);
    const known = existsSync(documented) ? readFileSync(documented, 'utf8') : '';
    expect.soft(actual, `the public API of ${name} changed. When that is meant: ${update}`).toBe(known);
  }
});
