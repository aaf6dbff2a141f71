/**
 * The scripts of `skein completion` in the shells they are for, which ask the real command, which asks an agent. Of the
 * shells that are not here the tests are skipped.
 */

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test, type TestContext } from 'vitest';

const run = promisify(execFile);
const bundle = fileURLToPath(new URL('../../packages/cli/dist/skein.js', import.meta.url));
const timeoutMs = 60_000;

interface Place {
  readonly directory: string;
  readonly env: NodeJS.ProcessEnv;
}

/** A directory with a file `orders.yaml`, `skein` on the path, and an agent that knows two services. */
async function place(): Promise<Place> {
  const directory = mkdtempSync(join(tmpdir(), 'skein-completion-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  writeFileSync(join(directory, 'skein'), `#!/bin/sh\nexec '${process.execPath}' '${bundle}' "$@"\n`);
  chmodSync(join(directory, 'skein'), 0o755);
  writeFileSync(join(directory, 'orders.yaml'), '');
  const answers: Readonly<Record<string, unknown>> = {
    '/v1/catalog/services': { orders: [], billing: [] },
    '/v1/kv/?keys&separator=%2F': ['limits/'],
    '/v1/mesh/members': [{ name: 'birch:2', status: 'alive' }],
  };
  const agent = createServer((request, response) => response.end(JSON.stringify(answers[request.url ?? ''])));
  agent.listen(0, '127.0.0.1');
  await once(agent, 'listening');
  onTestFinished(() => void agent.close());
  const { port } = agent.address() as AddressInfo;
  return {
    directory,
    env: {
      PATH: `${directory}${delimiter}${process.env['PATH'] ?? ''}`,
      HOME: directory,
      TERM: 'dumb',
      SKEIN_HTTP_ADDR: `127.0.0.1:${port}`,
    },
  };
}

async function requireShell(shell: string, { skip }: TestContext): Promise<void> {
  const isHere = await run(shell, ['--version']).then(
    () => true,
    () => false,
  );
  const reason = `${shell} is not installed: apt-get install ${shell}`;
  if (!isHere && process.env['SKEIN_REQUIRE_INTEROP'] === '1') throw new Error(reason);
  skip(!isHere, reason);
}

/** What a script of a shell prints, line by line. */
async function printed(shell: string, args: readonly string[], { directory, env }: Place): Promise<readonly string[]> {
  const { stdout } = await run(shell, [...args], { cwd: directory, env, timeout: timeoutMs });
  return stdout.split(/\r?\n/).filter((line) => line !== '');
}

/** Calls the function that Tab calls, with what bash sets then. `COMP_WORDS` is what readline makes of the line. */
const bashProbe = `
source <(skein completion bash)
COMP_LINE=$1 COMP_POINT=\${#1} COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
_skein
printf '%s\\n' "\${COMPREPLY[@]}"
`;

test.for([
  ['skein mem', ['members']],
  ['skein instances o', ['orders']],
  ['skein checks --status=cri', ['critical']],
  ['skein checks --status ', ['passing', 'warning', 'critical']],
  ['skein force-leave birch:', ['2']],
  ['skein service register ord', ['orders.yaml']],
  ['skein kv get ', ['limits/']],
  ['skein instances --http-addr 127.0.0.1:1 ', []],
  ['skein nonsense ', []],
] as const)('bash completes "%s" to %j', { timeout: timeoutMs }, async ([line, values], context) => {
  await requireShell('bash', context);
  expect(await printed('bash', ['--norc', '-c', bashProbe, 'probe', line], await place())).toEqual(values);
});

/** The same for zsh: what is handed to the function that shows candidates. */
const zshProbe = `
compdef() { : }
source <(skein completion zsh)
_describe() { print -rl -- "\${described[@]}" }
_files() { print -r -- :files }
words=("$@") CURRENT=$# PREFIX=\${words[-1]}
_skein || true
`;

test.for([
  [['skein', 'mem'], ['members:who is in the mesh, as this agent sees it']],
  [['skein', 'instances', 'o'], ['orders']],
  [
    ['skein', 'checks', '--status', ''],
    ['passing', 'warning', 'critical'],
  ],
  [['skein', 'force-leave', 'birch'], ['birch\\:2:alive']],
  [['skein', 'service', 'register', 'ord'], [':files']],
  [['skein', 'nonsense', ''], []],
] as const)('zsh completes %j to %j', { timeout: timeoutMs }, async ([words, values], context) => {
  await requireShell('zsh', context);
  expect(await printed('zsh', ['-f', '-c', zshProbe, 'probe', ...words], await place())).toEqual(values);
});

test.for([
  ['skein mem', ['members\twho is in the mesh, as this agent sees it']],
  ['skein instances o', ['orders']],
  ['skein checks --status=cri', ['--status=critical']],
  ['skein service register ord', ['orders.yaml']],
  ['skein nonsense ', []],
] as const)('fish completes "%s" to %j', { timeout: timeoutMs }, async ([line, values], context) => {
  await requireShell('fish', context);
  const script = 'skein completion fish | source; complete -C "$argv"';
  const lines = await printed('fish', ['--no-config', '-c', script, line], await place());
  expect(lines.map((text) => text.trimEnd())).toEqual(values);
});
