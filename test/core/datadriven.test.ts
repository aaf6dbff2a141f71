/** Runs the scripts of `test/datadriven`. To rewrite what they expect: UPDATE=1 npx vitest run --config test/vitest.config.ts datadriven */

import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Runner, formatScript, parseScript } from './script.ts';

const folder = join(import.meta.dirname, '../datadriven');
const names = readdirSync(folder).filter((name) => name.endsWith('.txt'));

test.each(names)('%s: the node does what its script says', (name) => {
  const path = join(folder, name);
  const text = readFileSync(path, 'utf8');
  const runner = new Runner();
  const seen = parseScript(text).map((step) => ({ ...step, expected: runner.run(step.command) }));
  if (process.env['UPDATE'] === '1') writeFileSync(path, formatScript(seen));
  else expect(formatScript(seen)).toBe(text);
});

describe('the runner', () => {
  const run = (...commands: readonly string[]): string[] => {
    const runner = new Runner();
    return commands.map((command) => runner.run(command));
  };

  test('refuses what is no command, no message, or an answer to a dial that nobody made', () => {
    expect(() => run('node', 'dance a')).toThrow('"dance" is no command');
    expect(() => run('node', 'from a song')).toThrow('"song" is no message');
    expect(() => run('node', 'dialed a ok')).toThrow('nobody dials a');
    expect(() => run('linked a')).toThrow('begins with "node"');
  });

  test('shows another script when the node does another thing', () => {
    const text = '# A remark.\nnode peers=a\n----\nconnect b within 2000\n';
    const runner = new Runner();
    const seen = parseScript(text).map((step) => ({ ...step, expected: runner.run(step.command) }));
    expect(formatScript(parseScript(text))).toBe(text);
    expect(formatScript(seen)).not.toBe(text);
  });
});
