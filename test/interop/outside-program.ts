/** Programs and packages that tests need from outside: where they are, or why a test is skipped. */

import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TestContext } from 'vitest';
import type { Ending } from './interop-agent.ts';

export const run = promisify(execFile);
export const systemPython = '/usr/bin/python3';
const buildTimeoutMs = 240_000;
const goSource = fileURLToPath(new URL('consul-go/', import.meta.url));

/** Skips the test for this reason; in CI, where everything is installed, that is a failure. */
function skipFor(reason: string, { skip }: Pick<TestContext, 'skip'>): never {
  if (process.env['SKEIN_REQUIRE_INTEROP'] === '1') throw new Error(reason);
  return skip(reason);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 500) : 'unknown';
}

/** Builds the program with HashiCorp's client, which needs Go and, the first time, the network. Its path. */
export async function goClient(context: Pick<TestContext, 'skip'> & Ending): Promise<string> {
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
  const binary = join(scratch('skein-consul-go-', context), 'consul-go');
  await run('go', ['build', '-o', binary, '.'], { cwd: goSource, timeout: buildTimeoutMs });
  return binary;
}

/**
 * Unpacks one of Debian's Consul clients for Python, which exclude each other as installed packages. The folder to
 * import it from.
 */
export async function pythonClient(name: string, context: Pick<TestContext, 'skip'> & Ending): Promise<string> {
  try {
    await run(systemPython, ['-c', 'import requests, six']);
  } catch {
    return skipFor(`Debian's Python lacks what ${name} imports: apt-get install python3-requests python3-six`, context);
  }
  const directory = scratch('skein-python-', context);
  try {
    await run('apt-get', ['download', '-q', name], { cwd: directory, timeout: buildTimeoutMs });
    const [file = ''] = readdirSync(directory);
    await run('dpkg', ['-x', file, '.'], { cwd: directory });
  } catch (error) {
    return skipFor(`${name} cannot be fetched (apt-get update; apt-get download ${name}): ${messageOf(error)}`, context);
  }
  return join(directory, 'usr', 'lib', 'python3', 'dist-packages');
}

/** A folder that goes with the test. */
function scratch(prefix: string, { onTestFinished }: Ending): string {
  const directory = mkdtempSync(join(tmpdir(), prefix));
  onTestFinished(() => Promise.resolve(rmSync(directory, { recursive: true, force: true })));
  return directory;
}
