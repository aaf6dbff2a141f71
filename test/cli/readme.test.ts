import { existsSync, readFileSync } from 'node:fs';
import { agentErrors } from '@skein/agent';
import { errorTable } from '@skein/core';
import { expect, test } from 'vitest';
import { skein } from './fake-io.ts';

const root = new URL('../../', import.meta.url);
const readme = readFileSync(new URL('README.md', root), 'utf8');

/** Rows of the table whose head starts with these columns, cells trimmed. */
function tableUnder(...head: readonly string[]): readonly (readonly string[])[] {
  const lines = readme.split('\n');
  const cells = (line: string): readonly string[] =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
  const at = lines.findIndex((line) => cells(line).join('|') === head.join('|'));
  const end = lines.findIndex((line, index) => index > at && !line.startsWith('|'));
  return at === -1 ? [] : lines.slice(at + 2, end).map(cells);
}

test('the README lists every error of the API with its status and meaning', () => {
  const expected = Object.entries(errorTable).map(([code, { status, meaning }]) => [`\`${code}\``, String(status), meaning]);
  expect(tableUnder('code', 'status', 'meaning')).toEqual(expected);
});

test('the README lists every reason that keeps an agent from starting', () => {
  const expected = Object.entries(agentErrors).map(([code, meaning]) => [`\`${code}\``, meaning]);
  expect(tableUnder('code', 'meaning')).toEqual(expected);
});

test('the README begins with how to start and how to test', () => {
  const [title, , start, second] = readme.split('\n');
  expect(title).toBe('# Skein');
  expect(start).toContain('npm install && npm start');
  expect(second).toContain('npm test');
});

test('every file that the README links to exists', () => {
  const links = [...readme.matchAll(/\]\((?!https?:)([^)#]+)/g)].map((match) => match[1] ?? '');
  expect(links.length).toBeGreaterThan(10);
  expect(links.filter((link) => !existsSync(new URL(link, root)))).toEqual([]);
});

test('every flag that the README passes to the command exists', async () => {
  const help = [
    await skein(['agent', '--help']),
    await skein(['leave', '--help']),
    await skein(['demo', '--help']),
    await skein(['sim', '--help']),
  ];
  const known = help.map(({ out }) => out).join('\n');
  const shell = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].map((match) => match[1]).join('\n');
  const flags = new Set(shell.match(/(?<= )--[a-z-]+/g));
  expect(flags.size).toBeGreaterThan(5);
  expect([...flags].filter((flag) => !known.includes(flag))).toEqual([]);
});
