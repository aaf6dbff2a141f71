/**
 * Serf beside us: agents with its `lan` profile on loopback. It has no catalog, so membership stands for routing, and a
 * user event that is not held back for coalescing stands for a change. Its log lines say when it saw what; their stamps have
 * whole seconds, so the time at which a line came is taken.
 */

import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import type { Agent, Contender, Suspicion } from './contender.ts';
import { freePorts } from './free-ports.ts';
import { Process } from './process.ts';
import { Sightings } from './sightings.ts';

const run = promisify(execFile);

/** The installed version, or undefined when there is no Serf here. */
export function serfVersion(): string | undefined {
  const says = /\d+\.\d+\.\d+\S*/.exec(output('serf', ['version']))?.[0];
  // The Debian package does not set the version that the program prints.
  const packaged = output('dpkg-query', ['--showformat=${Version}', '--show', 'serf']);
  return says === undefined || packaged === '' ? says : `Debian package ${packaged}, which says ${says}`;
}

function output(command: string, args: readonly string[]): string {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return '';
  }
}

interface SerfAgent extends Agent {
  readonly bind: string;
  readonly rpc: string;
  readonly seen: Sightings;
}

/** Two ports for each agent, chosen free in one go: Serf takes no port 0. */
export async function startSerf(agentsMax: number): Promise<Contender> {
  const ports = await freePorts(agentsMax * 2);
  const agents = new Map<string, SerfAgent>();
  const suspicions: Suspicion[] = [];
  const seenBy = (agent: Agent): Sightings => (agent as SerfAgent).seen;

  const launch = (name: string, seed: Agent | undefined): SerfAgent => {
    const [bind, rpc] = [`127.0.0.1:${ports.pop()}`, `127.0.0.1:${ports.pop()}`];
    const join = seed === undefined ? [] : [`-join=${(seed as SerfAgent).bind}`];
    const args = ['agent', `-node=${name}`, `-bind=${bind}`, `-rpc-addr=${rpc}`, '-profile=lan', '-log-level=info', ...join];
    const process = new Process('serf', args, { PATH: globalThis.process.env['PATH'] });
    const seen = new Sightings();
    process.onLine((line, atMs) => {
      const event = /serf: Event(MemberJoin|MemberFailed|MemberLeave|MemberReap): (\S+)/.exec(line);
      if (event !== null) seen.note(`${event[1]} ${event[2]}`, atMs);
      const user = /Received event: user-event: (\S+)/.exec(line);
      if (user !== null) seen.note(`change ${user[1]}`, atMs);
      if (line.includes('Serf agent running')) seen.note('ready', atMs);
      const suspect = /memberlist: Suspect (\S+) has failed/.exec(line);
      if (suspect?.[1] !== undefined) suspicions.push({ subject: suspect[1], atMs, told: `at ${name}: ${line}` });
    });
    const ended = process.exited.then(() => {
      throw new Error(`serf ${name} ended:\n${process.tail}`);
    });
    ended.catch(() => undefined);
    const agent = {
      name,
      process,
      bind,
      rpc,
      seen,
      listening: Promise.race([seen.when(`MemberJoin ${name}`), ended]),
      ready: Promise.race([seen.when('ready'), ended]),
    };
    agent.listening.catch(() => undefined);
    agent.ready.catch(() => undefined);
    agents.set(name, agent);
    return agent;
  };

  return {
    name: 'serf',
    changeIs: 'user event',
    launch,
    serve: () => Promise.resolve(),
    joined: (observer, subject) => seenBy(observer).when(`MemberJoin ${subject}`),
    routed: (observer, subject) => seenBy(observer).when(`MemberJoin ${subject}`),
    evicted: (observer, subject) => seenBy(observer).when(`MemberFailed ${subject}`),
    async change(agent, id) {
      const { rpc, seen } = agent as SerfAgent;
      await run('serf', ['event', '-coalesce=false', `-rpc-addr=${rpc}`, id]);
      // Its command takes some 20 ms to start, which is not the mesh's doing: its own agent shows an event as it takes it.
      return await seen.when(`change ${id}`);
    },
    unchange: () => Promise.resolve(),
    changed: (observer, id) => seenBy(observer).when(`change ${id}`),
    suspicions: () => suspicions,
    forget: (agent) => void agents.delete(agent.name),
    close: async () => void (await Promise.all([...agents.values()].map((agent) => agent.process.kill()))),
  };
}
