/**
 * B10: ten thousand agents, 172 000 instances of 1000 services. One endpoint is removed: how long until the catalog of every
 * agent shows it. Then 200 endpoints a second are removed and come back. Consul publishes less than a second for the first,
 * with five servers, on a mesh of this size.
 *
 * The mesh begins settled, as `World.settled` makes it: nodes share what they all know until they learn something new. From
 * then on each is a node of its own, with its own merges, links and timers.
 *
 *     npm run simulate -- b10 [--quick] [--members N] [--changes N] [--seconds N]
 */

import { instanceId } from '@skein/core';
import type { Instance, MeshEvent, Registration } from '@skein/core';
import { World } from '@skein/sim';
import type { Experiment, ExperimentContext, ExperimentRow, SimNode } from '@skein/sim';
import { Spread } from './measure/spread.ts';

const services = 1000;
/** 172 000 on ten thousand hosts: 17 on each, and one more on every fifth. */
const instancesOn = (index: number): number => 17 + Number(index % 5 === 0);
/** The first comparisons of a settled mesh are over by then. */
const settleMs = 3000;
/** Between two single changes: longer than what follows from one, announcements and all. */
const restMs = 700;
/** A change that is not everywhere by then is counted as late, and not waited for. */
const withinMs = 1000;
const changesPerSecond = 200;
/** Those that change, each once in `withinMs`. What every agent keeps of them is its own, so they are few. */
const writers = changesPerSecond;
/** From the host of one single change to that of the next: a prime, so that all are different. */
const stride = 7919;

interface Phase {
  readonly spread: Spread;
  /** Sent by all, per agent and second. */
  readonly bytes: number;
  readonly messages: number;
}

const b10: Experiment = {
  name: 'b10',
  summary: 'Time until a removed endpoint is gone everywhere, 10 000 agents and 172 000 instances; 200 changes a second.',
  heapMiB: 12_000,
  words: {
    '--quick': { what: '500 members' },
    '--members': { what: 'agents', number: [writers, 20_000] },
    '--changes': { what: 'endpoints removed one by one', number: [1, 1000] },
    '--seconds': { what: 'of 200 changes each, in virtual time', number: [1, 60] },
  },
  run: (context) => {
    const isQuick = context.words.has('--quick');
    const members = context.words.number('--members') ?? (isQuick ? 500 : 10_000);
    const changes = context.words.number('--changes') ?? 20;
    const seconds = context.words.number('--seconds') ?? (isQuick ? 5 : 1);
    let spread: Spread | undefined;
    const mesh = settle(context, members, (node, event) => spread?.see(node, event));
    const phase = (run: (own: Spread) => void): Phase => {
      const own = new Spread(mesh.world, members);
      spread = own;
      const before = { ...mesh.world.network.figures };
      const sinceMs = mesh.world.nowMs;
      run(own);
      const after = mesh.world.network.figures;
      const agentSeconds = (members * (mesh.world.nowMs - sinceMs)) / 1000;
      return {
        spread: own,
        bytes: (after.bytes - before.bytes) / agentSeconds,
        messages: (after.messages - before.messages) / agentSeconds,
      };
    };
    const rest = phase(() => mesh.world.runFor(2000));
    const single = phase((own) => changeOneByOne(context, mesh, own, changes));
    const sustained = phase((own) => changeManyASecond(context, mesh, own, seconds));
    return {
      setup: {
        members,
        instances: mesh.nodes.reduce((sum, { index }) => sum + instancesOn(index), 0),
        services,
        network: 'lan, no loss',
        shared: 'what all nodes knew at the start: member rows, digests, catalogs, Views; each node keeps its own changes',
        changes,
        sustained: `${changesPerSecond} changes a second of ${writers} instances, for ${seconds} virtual seconds`,
      },
      rows: [
        ...spreadRows('one endpoint removed', single, '< 1 s (Consul, five servers)', '< 1000'),
        ...spreadRows(`${changesPerSecond} changes a second`, sustained),
        ...costRows('at rest', rest),
        ...costRows(`${changesPerSecond} changes a second`, sustained),
        {
          what: 'one endpoint removed, messages per agent and change',
          unit: 'messages',
          ours: ((single.messages - rest.messages) * (restMs + single.spread.lastMs)) / 1000,
        },
      ],
    };
  },
};

export default b10;

interface Mesh {
  readonly world: World;
  readonly nodes: readonly SimNode[];
}

function settle(context: ExperimentContext, members: number, onEvent: (node: SimNode, event: MeshEvent) => void): Mesh {
  const world = new World({ seed: context.seed, network: 'lan', traceLines: 0, onEvent });
  context.progress(`${members} agents learn of each other`);
  const nodes = world.settled(members, { registrations });
  for (let ms = 0; ms < settleMs; ms += 500) {
    context.progress(`${members} agents compare what they know`);
    world.runFor(500);
  }
  return { world, nodes };
}

function registrations(index: number): readonly Registration[] {
  return Array.from({ length: instancesOn(index) }, (_, number) => ({ type: 'instance', instance: endpoint(index, number) }));
}

function serviceOf(index: number, number: number): string {
  return `service-${(index * 18 + number) % services}`;
}

function endpoint(index: number, number: number): Instance {
  return {
    id: instanceId(`${serviceOf(index, number)}-${index}-${number}`),
    service: serviceOf(index, number),
    address: '',
    port: 8000 + number,
    tags: [],
    meta: {},
    weights: { passing: 1, warning: 1 },
    taggedAddresses: {},
    enableTagOverride: false,
    protocol: 'http',
    region: '',
    zone: '',
    kind: '',
    socketPath: '',
  };
}

function remove(node: SimNode, number: number): void {
  const result = node.dispatch({ type: 'deregister', id: endpoint(node.index, number).id });
  if (!result.ok) throw new Error(result.message);
}

function restore(node: SimNode, number: number): void {
  const instance = endpoint(node.index, number);
  const result = node.dispatch({ type: 'register', instance, checks: [], replaceChecks: false });
  if (!result.ok) throw new Error(result.message);
}

function changeOneByOne(context: ExperimentContext, { world, nodes }: Mesh, spread: Spread, changes: number): void {
  for (let change = 0; change < changes; change++) {
    const node = nodes[(change * stride) % nodes.length] as SimNode;
    spread.begin(serviceOf(node.index, 0));
    remove(node, 0);
    if (world.runUntil(() => spread.waiting === 0, withinMs) === undefined) spread.giveUp();
    confirm(world, nodes, node);
    world.runFor(restMs);
    context.progress(`${change + 1} of ${changes} endpoints removed, the slowest agent so far after ${spread.lastMs} ms`);
  }
}

/** An event says that a service changed; some agents are asked what they see. */
function confirm(world: World, nodes: readonly SimNode[], owner: SimNode): void {
  const { id, service } = endpoint(owner.index, 0);
  for (let sample = 0; sample < 3; sample++) {
    const node = nodes[world.randomness.below(nodes.length, { stream: 11, key: world.nowMs, counter: sample })];
    if (
      node
        ?.view()
        .service(service)
        ?.instances.some(({ instance }) => instance.id === id) === true
    )
      throw new Error(`${node.id} still has ${id}, though it said that ${service} changed`);
  }
}

/** Each writer takes one of its instances away, and a second later brings it back; the services are all different. */
function changeManyASecond(context: ExperimentContext, { world, nodes }: Mesh, spread: Spread, seconds: number): void {
  const gapMs = 1000 / changesPerSecond;
  const chosen = Array.from({ length: Math.min(writers, nodes.length) }, (_, i) => nodes[i] as SimNode);
  for (let change = 0; change < seconds * changesPerSecond; change++) {
    const node = chosen[change % chosen.length] as SimNode;
    spread.begin(serviceOf(node.index, 1));
    if (Math.floor(change / chosen.length) % 2 === 0) remove(node, 1);
    else restore(node, 1);
    world.runFor(gapMs);
    if (change % 20 === 19) context.progress(`${change + 1} of ${seconds * changesPerSecond} changes`);
  }
  world.runFor(withinMs);
  spread.giveUp();
}

function spreadRows(what: string, { spread }: Phase, published?: string, goal?: string): ExperimentRow[] {
  const row = (part: number, name: string): ExperimentRow => {
    const ours = spread.quantileMs(part);
    return { what: `${what}, ${name} of all agents`, unit: 'ms', ...(ours !== undefined && { ours }) };
  };
  return [
    row(0.5, 'p50'),
    row(0.99, 'p99'),
    // What has not reached so many is no figure, and misses any goal.
    { ...row(0.999, 'p99.9'), ...(goal !== undefined && { ours: spread.quantileMs(0.999) ?? Number.POSITIVE_INFINITY, goal }) },
    { ...row(1, 'last'), ...(published !== undefined && { published }) },
    { what: `${what}, not there within a second`, unit: 'agents and changes', ours: spread.late },
  ];
}

function costRows(what: string, { bytes, messages }: Phase): ExperimentRow[] {
  return [
    { what: `${what}, sent per agent`, unit: 'bytes/s', ours: bytes },
    { what: `${what}, sent per agent`, unit: 'messages/s', ours: messages },
  ];
}
