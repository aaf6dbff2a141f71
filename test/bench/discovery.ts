/**
 * Discovery as clients see it: how fast news reaches them, what waiting clients cost, and how many requests and DNS queries
 * one agent answers, beside Consul's agent where there is one (`consul` in the path, or CONSUL_BIN).
 *
 *     npm run bench -- discovery [--only=spread,parked,http,dns,view] [--agents=32] [--rounds=30] [--waiters=10000] [--seconds=10]
 */

import type { Bench, BenchContext, Row } from './report/row.ts';
import { loadDns, loadHttp, missingTools } from './discovery/load.ts';
import type { Load } from './discovery/load.ts';
import { park } from './discovery/parked.ts';
import { consulVersion, end, serve, startConsul, startSkein } from './discovery/server.ts';
import type { Server } from './discovery/server.ts';
import { measureSpread } from './discovery/spread.ts';
import { follow, measureFeed } from './discovery/view-stream.ts';
import type { FollowCost } from './discovery/view-stream.ts';
import { measureAgent } from './sim/one-agent.ts';

const parts = ['spread', 'parked', 'http', 'dns', 'view'] as const;
type Part = (typeof parts)[number];

const httpInstances = 100;
const dnsInstances = 10;
const connections = 16;

const bench: Bench = {
  summary: 'what clients of discovery see: news, waiting, HTTP and DNS under load; beside Consul where there is one',
  async run(context) {
    const options = parse(context.args);
    const consul = consulVersion();
    const missing = await missingTools();
    const rows: Row[] = [];
    if (options.only.has('spread')) rows.push(...(await spreadRows(context, options)));
    if (options.only.has('parked')) rows.push(...(await parkedRows(context, options)));
    const isLoaded = missing.length === 0;
    if (isLoaded && options.only.has('http')) rows.push(...(await httpRows(context, options, consul !== undefined)));
    if (isLoaded && options.only.has('dns')) rows.push(...(await dnsRows(context, options, consul !== undefined)));
    if (options.only.has('view')) rows.push(...(await viewRows(context)));
    const setup = {
      consul: consul === undefined ? 'none here (install it, or name it in CONSUL_BIN)' : `${consul}, -dev`,
      load: isLoaded ? 'wrk, one thread; dnsperf, 4 clients, 64 queries open' : `left out, install ${missing.join(' and ')}`,
      http: `GET /v1/health/service/web, ${httpInstances} instances with a check each, ${connections} connections`,
      dns: `SRV web.service.consul, ${dnsInstances} instances with an address of their own; p99 at half the load`,
      perCpuSecond: 'what was answered for each second of CPU that the whole process of the agent used',
    };
    return { setup, rows };
  },
};

export default bench;

async function spreadRows({ root, progress }: BenchContext, { agents, rounds }: Options): Promise<Row[]> {
  const spread = await measureSpread(root, agents, rounds, progress);
  const what = `${agents} agents`;
  return [
    { what: `${what}: registered, until blocking queries on all show it, p50`, unit: 'ms', ours: spread.registrationP50Ms },
    { what: `${what}: the same, p99`, unit: 'ms', ours: spread.registrationP99Ms, goal: '<= 100' },
    { what: `${what}: check critical, until DNS of none names it, p50`, unit: 'ms', ours: spread.dnsP50Ms },
    { what: `${what}: the same, p99`, unit: 'ms', ours: spread.dnsP99Ms, goal: '<= 100' },
  ];
}

async function parkedRows({ root, progress }: BenchContext, { waiters }: Options): Promise<Row[]> {
  progress(`skein: ${waiters} clients wait`);
  const server = await startSkein(root);
  try {
    const parked = await park(server, waiters);
    const what = `${waiters} blocking queries wait`;
    return [
      { what: `${what}: memory of each`, unit: 'KiB', ours: parked.kibPerWaiter },
      { what: `${what}: CPU of the agent`, unit: '% of a core', ours: parked.idlePercent },
      { what: 'nobody waits: CPU of the agent', unit: '% of a core', ours: parked.idlePercentBefore },
      { what: `${what}: one service changes, answers`, unit: 'count', ours: parked.woken, goal: `${parked.concerned}` },
      { what: `${what}: the same, the last one`, unit: 'ms', ours: parked.lastWokenMs },
    ];
  } finally {
    await end(server);
  }
}

async function httpRows(context: BenchContext, { seconds }: Options, consul: boolean): Promise<Row[]> {
  const measured = await onEach(context, consul, async (server) => {
    await serve(server, 'web', httpInstances);
    return await loadHttp(server, '/v1/health/service/web', seconds, connections);
  });
  return loadRows(`health/service of ${httpInstances} instances`, measured);
}

async function dnsRows(context: BenchContext, { seconds }: Options, consul: boolean): Promise<Row[]> {
  const measured = await onEach(context, consul, async (server) => {
    await serve(server, 'web', dnsInstances);
    return await loadDns(server, 'web.service.consul', 'SRV', seconds);
  });
  return loadRows(`DNS SRV of ${dnsInstances} instances`, measured);
}

interface Pair {
  readonly ours: Load;
  readonly consul: Load | undefined;
}

/** One after the other, each with the machine to itself. */
async function onEach(
  { root, progress }: BenchContext,
  consul: boolean,
  measure: (server: Server) => Promise<Load>,
): Promise<Pair> {
  const one = async (start: () => Promise<Server>): Promise<Load> => {
    const server = await start();
    progress(`${server.name} under load`);
    try {
      return await measure(server);
    } finally {
      await end(server);
    }
  };
  return { ours: await one(() => startSkein(root)), consul: consul ? await one(startConsul) : undefined };
}

function loadRows(what: string, { ours, consul }: Pair): Row[] {
  const row = (name: string, unit: string, pick: (load: Load) => number, goal?: string): Row => ({
    what: `${what}: ${name}`,
    unit,
    ours: pick(ours),
    anchors: consul === undefined ? {} : { consul: pick(consul) },
    ...(goal === undefined ? {} : { goal }),
  });
  return [
    row('answered', '1/s', (load) => load.perSecond),
    row('answered', '1/CPU s', (load) => load.perCpuSecond, '>= consul'),
    row('p99', 'ms', (load) => load.p99Ms, '<= consul'),
  ];
}

async function viewRows({ root, progress }: BenchContext): Promise<Row[]> {
  progress('a view of 1000 nodes with 10 instances each');
  const { perMember, perMemberRead, loadMs, updateMs } = await measureAgent(1000, 10);
  progress('the same view as a stream');
  const stream = await measureFeed(1000, 10);
  const streams = 1000;
  progress(`skein: ${streams} clients follow the view`);
  const server = await startSkein(root);
  let followed: FollowCost;
  try {
    followed = await follow(server, streams);
  } finally {
    await end(server);
  }
  const what = '1000 nodes, 10 instances each';
  const who = `${streams} clients follow the view`;
  return [
    { what: `${what}: memory of one agent`, unit: 'MiB', ours: (perMember * 1000) / 2 ** 20 },
    { what: `${what}: the same, all of its view read`, unit: 'MiB', ours: (perMemberRead * 1000) / 2 ** 20 },
    { what: `${what}: decoded, verified and taken in`, unit: 'CPU ms', ours: loadMs },
    { what: `${what}: one instance changes, until the view of its service shows it`, unit: 'CPU ms', ours: updateMs },
    { what: `${what}: a snapshot for clients that follow`, unit: 'MiB', ours: stream.snapshotMiB },
    { what: `${what}: the same, made`, unit: 'CPU ms', ours: stream.snapshotMs },
    { what: `${what}: one instance changes, the delta for all who follow`, unit: 'us', ours: stream.deltaUs },
    { what: `${what}: the same`, unit: 'bytes', ours: stream.deltaBytes },
    { what: `${who}: memory of each`, unit: 'KiB', ours: followed.kibPerStream },
    { what: `${who}: CPU of the agent`, unit: '% of a core', ours: followed.idlePercent },
    { what: `${who}: an instance is registered, until all have it`, unit: 'ms', ours: followed.allToldMs },
  ];
}

interface Options {
  readonly only: ReadonlySet<Part>;
  readonly agents: number;
  readonly rounds: number;
  readonly waiters: number;
  readonly seconds: number;
}

function parse(args: readonly string[]): Options {
  const given = new Map(args.map((arg) => [arg.split('=')[0] ?? '', arg.split('=')[1] ?? '']));
  const known = ['--only', '--agents', '--rounds', '--waiters', '--seconds'];
  for (const key of given.keys())
    if (!known.includes(key)) throw new Error(`unknown option ${key}; there are ${known.join(', ')}`);
  const count = (key: string, fallback: number, most: number): number => {
    const text = given.get(key);
    if (text === undefined) return fallback;
    if (!/^[1-9]\d{0,5}$/.test(text) || Number(text) > most)
      throw new Error(`${key} takes a number from 1 to ${most}, not '${text}'`);
    return Number(text);
  };
  const only = given.get('--only')?.split(',') ?? parts;
  const wrong = only.find((each) => !parts.some((part) => part === each));
  if (wrong !== undefined) throw new Error(`--only takes ${parts.join(', ')}, not '${wrong}'`);
  return {
    only: new Set(only as readonly Part[]),
    agents: count('--agents', 32, 64),
    rounds: count('--rounds', 30, 1000),
    waiters: count('--waiters', 10_000, 16_000),
    seconds: count('--seconds', 10, 600),
  };
}
