/** Consul's clients for Go and Python: built and unpacked, or why a test is skipped. */

import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TestContext } from 'vitest';
import { scratchDirectory, unless } from './outside-program.ts';

export const run = promisify(execFile);
export const systemPython = '/usr/bin/python3';
const buildTimeoutMs = 240_000;
const goSource = fileURLToPath(new URL('consul-go/', import.meta.url));

function skipFor(reason: string, { skip }: Pick<TestContext, 'skip'>): never {
  return skip(unless(reason));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 500) : 'unknown';
}

/** Builds the program with HashiCorp's client, which needs Go and, the first time, the network. Its path. */
export async function goClient(context: Pick<TestContext, 'skip' | 'onTestFinished'>): Promise<string> {
  try {
    await run('go', ['version']);
  } catch {
    return skipFor('Go is not installed: apt-get install golang-go, or https://go.dev/dl', context);
  }
  try {
    await run('go', ['mod', 'download'], { cwd: goSource, timeout: buildTimeoutMs });
  } catch (error) {
    return skipFor(`the modules of the Go program cannot be fetched: ${messageOf(error)}`, context);
  }
  const binary = join(scratchDirectory(context.onTestFinished), 'consul-go');
  // As `go-programs/build` does: what both have in common is then compiled already.
  const flags = ['-ldflags=-s -w', '-gcflags=all=-N -l'];
  const env = { ...process.env, CGO_ENABLED: '0' };
  await run('go', ['build', ...flags, '-o', binary, '.'], { cwd: goSource, timeout: buildTimeoutMs, env });
  return binary;
}

/**
 * Unpacks one of Debian's Consul clients for Python, which exclude each other as installed packages. The folder to
 * import it from.
 */
export async function pythonClient(name: string, context: Pick<TestContext, 'skip' | 'onTestFinished'>): Promise<string> {
  try {
    await run(systemPython, ['-c', 'import requests, six']);
  } catch {
    return skipFor(`Debian's Python lacks what ${name} imports: apt-get install python3-requests python3-six`, context);
  }
  const directory = scratchDirectory(context.onTestFinished);
  try {
    await run('apt-get', ['download', '-q', name], { cwd: directory, timeout: buildTimeoutMs });
    const [file = ''] = readdirSync(directory);
    await run('dpkg', ['-x', file, '.'], { cwd: directory });
  } catch (error) {
    return skipFor(`${name} cannot be fetched (apt-get update; apt-get download ${name}): ${messageOf(error)}`, context);
  }
  return join(directory, 'usr', 'lib', 'python3', 'dist-packages');
}
