/** Outside programs: whether they are here, and running them for the length of a test. */

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TestContext } from 'vitest';

const run = promisify(execFile);
const built = fileURLToPath(new URL('../../node_modules/.cache/skein-interop/', import.meta.url));
const logBytesMax = 4000;

/** How a test is told what to do at its end: `onTestFinished`, in tests that run side by side that of their context. */
export type AtEnd = TestContext['onTestFinished'];

/** Why a Debian package's program cannot be run here. In CI that is a failure. */
export async function missing(program: string, args: readonly string[], debianPackage: string): Promise<string | undefined> {
  const isHere = await run(program, [...args]).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  );
  return isHere ? undefined : unless(`${program} is not installed: apt-get install ${debianPackage}`);
}

/** Why a program that `go-programs/build` compiles cannot be run here. In CI that is a failure. */
export function notBuilt(name: string): string | undefined {
  return existsSync(goProgram(name)) ? undefined : unless(`${name} is not built: test/interop/go-programs/build, which needs Go`);
}

/** The path of a program that `go-programs/build` compiles. */
export function goProgram(name: string): string {
  return join(built, name);
}

/** The reason, to skip a test for; in CI, where everything is installed, that is a failure. */
export function unless(reason: string): string {
  if (process.env['SKEIN_REQUIRE_INTEROP'] === '1') throw new Error(reason);
  return reason;
}

/** A directory that is removed when the test is over. */
export function scratchDirectory(atEnd: AtEnd): string {
  const directory = mkdtempSync(join(tmpdir(), 'skein-interop-'));
  atEnd(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export interface OutsideProgram {
  /** The end of what it wrote to both of its outputs. */
  log(): string;
  hasEnded(): boolean;
}

/** Starts it; ended with the test at the latest. */
export function startProgram(atEnd: AtEnd, program: string, args: readonly string[], cwd: string): OutsideProgram {
  const child = spawn(program, [...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, HOME: cwd } });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (log = (log + text).slice(-logBytesMax)));
  }
  child.once('error', (error) => (log += error.message));
  const hasEnded = (): boolean => child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
  atEnd(async ({ task }) => {
    if (task.result?.state === 'fail') console.error(`${program} wrote:\n${log}`);
    if (hasEnded()) return;
    child.kill('SIGKILL');
    await once(child, 'close');
  });
  return { log: () => log, hasEnded };
}
