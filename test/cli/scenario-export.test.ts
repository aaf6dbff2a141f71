/** What the file of a user says of a mesh beside its script, and what its script may not do to the command. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { skein } from './fake-io.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'skein-export-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, more: string): string {
  const path = join(folder, name);
  writeFileSync(path, `export default { name: 'mine', summary: 'Mine.', nodes: 2, script() {}, ${more} };`);
  return path;
}

test.each([
  ['seeds: 3', 'seeds: is not an option of a scenario: seeds are chosen where it is run, as by skein sim --seed 1 --runs 3'],
  ['properties: []', 'properties: is not an option of a scenario: there are name, summary, script, nodes, zones'],
  ['noeds: 3', 'noeds: is not an option of a scenario'],
  ['nodes: 0', 'nodes: 0 is no count from 1 to 2048'],
  ['config: { probeIntervalMss: 3 }', 'config.probeIntervalMss'],
  ["network: 'lann'", 'network'],
])('a file that exports a scenario with %s is refused by its export, and its script is not blamed', async (option, message) => {
  const path = file(`option-${option.replace(/\W/g, '-')}.mjs`, option);
  const { exitCode, out, err } = await skein(['sim', path], {});
  expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
  expect(err).toContain(`${path}: its default export: ${message}`);
  expect(err).not.toContain('the script of');
});

test('a drawn scenario with an option that nothing reads is refused, too', async () => {
  const drawn = { name: 'drawn', summary: 'Drawn.', plan: () => undefined, nodes: 5 };
  const { exitCode, err } = await skein(['sim', 'drawn'], { simulations: { drawn: { default: drawn } } });
  expect(exitCode).toBe(2);
  expect(err).toContain('drawn: its default export: nodes: is not an option of a scenario: there are name, summary, plan');
});

test('a script or a property that ends the process is refused by what it did', async () => {
  const script = await skein(['sim', file('exit.mjs', 'script: () => process.exit(0)')], {});
  expect(script.exitCode).toBe(2);
  expect(script.err).toContain('process.exit() is not for simulations, which would end without a result');
  const property = await skein(['sim', file('exits.mjs', "script: (sim) => sim.always('x', () => process.exit(0))")], {});
  expect(property.exitCode).toBe(2);
  expect(property.err).toContain("the property 'x' cannot be meant: process.exit() is not for simulations");
});
