/** Load on one agent by the tools of the field: wrk on HTTP, dnsperf on DNS. What the agent's process spends is read beside it. */

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Server } from './server.ts';

const run = promisify(execFile);

export interface Load {
  readonly perSecond: number;
  /** Of one core of the agent's CPU time: what it could do if nothing else held it up. */
  readonly perCpuSecond: number;
  readonly p99Ms: number;
}

const warmUpS = 3;

export async function loadHttp(server: Server, path: string, seconds: number, connections: number): Promise<Load> {
  const url = `http://${server.http}${path}`;
  const args = (s: number): string[] => ['-t1', `-c${connections}`, `-d${s}s`, '--latency', url];
  await run('wrk', args(warmUpS));
  const beforeMs = server.process.usage().cpuMs;
  const { stdout } = await run('wrk', args(seconds));
  const cpuS = (server.process.usage().cpuMs - beforeMs) / 1000;
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`wrk on ${url} met errors:\n${stdout}`);
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1]);
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]);
  const [, p99 = '', unit = ''] = /99%\s+([\d.]+)(us|ms|s)/.exec(stdout) ?? [];
  const p99Ms = Number(p99) * (unit === 'us' ? 0.001 : unit === 's' ? 1000 : 1);
  return { perSecond, perCpuSecond: requests / cpuS, p99Ms };
}

/** dnsperf says mean and deviation only; its verbose lines, one a query, have what a quantile needs. */
export async function loadDns(server: Server, name: string, type: string, seconds: number): Promise<Load> {
  const folder = mkdtempSync(join(tmpdir(), 'skein-bench-dns-'));
  const file = join(folder, 'queries');
  writeFileSync(file, `${name} ${type}\n`);
  const args = (s: number): string[] => [
    '-s',
    '127.0.0.1',
    '-p',
    String(server.dnsPort),
    '-d',
    file,
    '-l',
    String(s),
    '-c',
    '4',
    '-q',
    '64',
  ];
  try {
    await run('dnsperf', args(warmUpS));
    const beforeMs = server.process.usage().cpuMs;
    const { stdout } = await run('dnsperf', args(seconds));
    const cpuS = (server.process.usage().cpuMs - beforeMs) / 1000;
    const completed = Number(/Queries completed:\s+(\d+)/.exec(stdout)?.[1]);
    const lost = Number(/Queries lost:\s+(\d+)/.exec(stdout)?.[1]);
    if (lost > completed / 1000 || !/NOERROR \d+ \(100\.00%\)/.test(stdout))
      throw new Error(`dnsperf on ${server.name} met errors:\n${stdout}`);
    const perSecond = Number(/Queries per second:\s+([\d.]+)/.exec(stdout)?.[1]);
    const verbose = await run('dnsperf', [...args(2), '-v', '-Q', String(Math.floor(perSecond / 2))], { maxBuffer: 1 << 28 });
    const times = [...verbose.stdout.matchAll(/^> NOERROR \S+ \S+ ([\d.]+)/gm)].map((match) => Number(match[1]) * 1000);
    times.sort((a, b) => a - b);
    return { perSecond, perCpuSecond: completed / cpuS, p99Ms: times[Math.ceil(times.length * 0.99) - 1] ?? Number.NaN };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What is missing to make load, by program. */
export async function missingTools(): Promise<string[]> {
  const missing: string[] = [];
  for (const tool of ['wrk', 'dnsperf']) {
    // Both say how they are used when asked with nothing, with a status of their own.
    const found = await run(tool, ['-h']).then(
      () => true,
      (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
    );
    if (!found) missing.push(tool);
  }
  return missing;
}
