/**
 * The measurements on one mesh of one size: start-up, rest, joining, a change to all, a killed agent and a stopped one.
 * Agents that join, and then are killed or stopped, come on top of the settled ones.
 */

import { quantile } from '../report/quantile.ts';
import type { Agent, Contender } from './contender.ts';
import { nowMs } from './process.ts';
import { pause, within } from './sightings.ts';

export interface Plan {
  readonly size: number;
  /** How many of the settled agents are started at once, from exec until the first agent lists them. */
  readonly atOnce: number;
  /** How many agents join and are killed; as many join and are stopped. */
  readonly rounds: number;
  readonly changes: number;
  readonly restMs: number;
}

/** Numbers by name; undefined is what could not be measured. Times in ms. */
export type Figures = Readonly<Record<string, number | undefined>>;

const settleMs = 4000;
/** Long enough for a change that is taken back to be forgotten by all. */
const betweenChangesMs = 500;
const deadlineMs = 90_000;
/** Suspicions of one member closer together than this are one episode. */
const episodeMs = 10_000;

export async function measure(mesh: Contender, plan: Plan, progress: (text: string) => void): Promise<Figures> {
  const say = (text: string): void => progress(`${mesh.name}, ${plan.size} agents: ${text}`);
  try {
    say('starting');
    const { agents, readyMs } = await startAll(mesh, plan, say);
    const first = agents[0] as Agent;
    say('settling');
    await pause(settleMs);
    const settledMs = nowMs();
    const rest = await atRest(agents, plan.restMs, say);
    const changes = await timeChanges(mesh, agents, plan.changes, say);
    const joins: Join[] = [];
    const kills: number[] = [];
    const stops: number[] = [];
    const victims = new Map<string, number>();
    for (let round = 0; round < plan.rounds * 2; round++) {
      const isKill = round % 2 === 0;
      const extra = mesh.launch(`extra-${round}`, first);
      joins.push(await timeJoin(mesh, agents, extra));
      await mesh.serve(extra);
      await seenByAll(agents, `${extra.name} is routed to`, (agent) => mesh.routed(agent, extra.name));
      await pause(settleMs / 2);
      victims.set(extra.name, nowMs());
      const evictedMs = await timeEviction(mesh, agents, extra, isKill ? 'SIGKILL' : 'SIGSTOP');
      (isKill ? kills : stops).push(evictedMs);
      say(
        `${extra.name}: joined in ${last(joins)} ms, ${isKill ? 'killed' : 'stopped'}, out of rotation in ${Math.round(evictedMs)} ms`,
      );
      await extra.process.kill();
      mesh.forget(extra);
    }
    return {
      readyP50Ms: quantile(readyMs, 0.5),
      ...rest,
      changeP50Ms: quantile(changes.times, 0.5),
      changeP99Ms: quantile(changes.times, 0.99),
      observerMs: changes.observerMs,
      joinP50Ms: quantile(
        joins.map((join) => join.fromExecMs),
        0.5,
      ),
      joinWorstMs: quantile(
        joins.map((join) => join.fromExecMs),
        1,
      ),
      joinListeningP50Ms: quantile(
        joins.map((join) => join.fromListeningMs),
        0.5,
      ),
      joinListeningWorstMs: quantile(
        joins.map((join) => join.fromListeningMs),
        1,
      ),
      killP50Ms: quantile(kills, 0.5),
      killWorstMs: quantile(kills, 1),
      stopP50Ms: quantile(stops, 0.5),
      stopWorstMs: quantile(stops, 1),
      falseSuspicions: falseSuspicions(mesh, settledMs, victims, say),
    };
  } finally {
    await mesh.close();
  }
}

async function startAll(
  mesh: Contender,
  plan: Plan,
  say: (text: string) => void,
): Promise<{ agents: Agent[]; readyMs: number[] }> {
  const agents: Agent[] = [];
  const readyMs: number[] = [];
  const start = async (): Promise<void> => {
    const agent = mesh.launch(`agent-${agents.length}`, agents[0]);
    agents.push(agent);
    const atMs = await within(agent.ready, deadlineMs, () => `${agent.name} is ready\n${agent.process.tail}`);
    readyMs.push(atMs - agent.process.startedMs);
    if (readyMs.length % 8 === 0) say(`${readyMs.length} are ready`);
    await seenByAll(agents.slice(0, 1), `${agent.name} is seen`, (first) => mesh.joined(first, agent.name));
  };
  await start();
  const starter = async (): Promise<void> => {
    while (agents.length < plan.size) await start();
  };
  await Promise.all(Array.from({ length: plan.atOnce }, starter));
  for (const agent of agents) await seenByAll(agents, `${agent.name} is seen`, (observer) => mesh.joined(observer, agent.name));
  return { agents, readyMs };
}

async function atRest(agents: readonly Agent[], restMs: number, say: (text: string) => void): Promise<Figures> {
  say(`at rest for ${restMs / 1000} s`);
  const before = agents.map((agent) => agent.process.usage().cpuMs);
  const startMs = nowMs();
  await pause(restMs);
  const after = agents.map((agent) => agent.process.usage());
  const elapsedMs = nowMs() - startMs;
  const pss = after.flatMap((usage) => usage.pssMiB ?? []);
  return {
    rssMiB: mean(after.map((usage) => usage.rssMiB)),
    pssMiB: pss.length === after.length ? mean(pss) : undefined,
    cpuPercent: mean(after.map((usage, at) => (100 * (usage.cpuMs - (before[at] ?? 0))) / elapsedMs)),
  };
}

/** From when one agent gets a change until the last one shows it. */
async function timeChanges(
  mesh: Contender,
  agents: readonly Agent[],
  count: number,
  say: (text: string) => void,
): Promise<{ times: number[]; observerMs: number }> {
  say(`${count} changes (${mesh.changeIs})`);
  const times: number[] = [];
  let spentMs = 0;
  for (let at = 0; at < count; at++) {
    const id = `change-${at}`;
    const origin = agents[at % agents.length] as Agent;
    const all = seenByAll(agents, id, (agent) => mesh.changed(agent, id));
    const beforeMs = ownCpuMs();
    const startMs = await mesh.change(origin, id);
    times.push((await all) - startMs);
    spentMs += ownCpuMs() - beforeMs;
    await mesh.unchange(origin);
    await pause(betweenChangesMs);
  }
  return { times, observerMs: spentMs / count };
}

interface Join {
  readonly fromExecMs: number;
  readonly fromListeningMs: number;
}

async function timeJoin(mesh: Contender, agents: readonly Agent[], extra: Agent): Promise<Join> {
  const lastMs = await seenByAll(agents, `${extra.name} is seen`, (agent) => mesh.joined(agent, extra.name));
  const listeningMs = await within(extra.listening, deadlineMs, () => `${extra.name} listens\n${extra.process.tail}`);
  await within(extra.ready, deadlineMs, () => `${extra.name} is ready\n${extra.process.tail}`);
  return { fromExecMs: lastMs - extra.process.startedMs, fromListeningMs: lastMs - listeningMs };
}

async function timeEviction(
  mesh: Contender,
  agents: readonly Agent[],
  victim: Agent,
  signal: 'SIGKILL' | 'SIGSTOP',
): Promise<number> {
  const startMs = nowMs();
  victim.process.signal(signal);
  return (await seenByAll(agents, `${victim.name} is gone`, (agent) => mesh.evicted(agent, victim.name))) - startMs;
}

/** When the last of them saw it. Rejects when one of them ends. */
async function seenByAll(agents: readonly Agent[], what: string, when: (agent: Agent) => Promise<number>): Promise<number> {
  const times = agents.map((agent) => {
    const story = (how: string): string => `${what}, at ${agent.name}, ${how}\n${agent.process.tail}`;
    const ended = agent.process.exited.then(() => {
      throw new Error(story('which ended'));
    });
    return within(Promise.race([when(agent), ended]), deadlineMs, () => story('which still runs'));
  });
  return Math.max(...(await Promise.all(times)));
}

/** Episodes in which a healthy agent was suspected, each of which is told; a victim counts as healthy until it is harmed. */
function falseSuspicions(
  mesh: Contender,
  settledMs: number,
  victims: ReadonlyMap<string, number>,
  say: (text: string) => void,
): number {
  const lastAtMs = new Map<string, number>();
  let episodes = 0;
  for (const { subject, atMs, told } of mesh.suspicions()) {
    if (atMs < settledMs || atMs >= (victims.get(subject) ?? Infinity)) continue;
    if (atMs - (lastAtMs.get(subject) ?? -Infinity) > episodeMs) {
      episodes++;
      say(`suspected though healthy: ${told}`);
    }
    lastAtMs.set(subject, atMs);
  }
  return episodes;
}

/** CPU time of this process, which watches all agents on the same machine. */
function ownCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function last(joins: readonly Join[]): number {
  return Math.round(joins.at(-1)?.fromExecMs ?? 0);
}
