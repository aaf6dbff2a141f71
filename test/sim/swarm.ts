/**
 * A swarm: faults and writes drawn from a seed. Each seed has only some of the families of faults, since the
 * absence of one lets others run longer (swarm testing, Groce et al. 2012).
 */

import { seededRng } from '@skein/core';
import type { Rng } from '@skein/core';
import { World } from '@skein/sim';
import type { SimNode } from '@skein/sim';
import { apply, instance, register } from './mesh-fixture.ts';

export interface Swarm {
  readonly world: World;
  readonly nodes: readonly SimNode[];
}

type Action = (swarm: Swarm, rng: Rng) => void;

const families: readonly Action[] = [
  (swarm, rng) => {
    const node = any(swarm, rng);
    if (node.process === 'stopped') node.restart(rng.below(2) === 0 ? {} : { seeds: [] });
    else node.crash({ keep: 'all' });
  },
  (swarm, rng) => {
    const node = any(swarm, rng);
    if (node.process === 'stopped') node.restart();
    else node.powerOff();
  },
  (swarm, rng) => {
    const node = any(swarm, rng);
    if (node.process !== 'running') return;
    node.pause();
    swarm.world.at(swarm.world.nowMs + 50 + rng.below(15_000), () => {
      if (node.process === 'paused') node.resume();
    });
  },
  (swarm, rng) => {
    const left = swarm.nodes.filter(() => rng.below(2) === 0);
    const right = swarm.nodes.filter((node) => !left.includes(node));
    later(swarm, rng, swarm.world.network.split(left, right));
  },
  (swarm, rng) => later(swarm, rng, swarm.world.network.cut([any(swarm, rng)], swarm.nodes)),
  (swarm, rng) => {
    swarm.world.network.setDefault({ loss: rng.below(30) / 100 });
    later(swarm, rng, () => swarm.world.network.setDefault({ loss: 0 }));
  },
  (swarm, rng) => {
    const node = any(swarm, rng);
    if (node.isRunning) node.leave();
    else if (node.process === 'stopped') node.restart();
  },
];

const writes: readonly Action[] = [
  (swarm, rng) => {
    const node = any(swarm, rng);
    if (node.isRunning) node.dispatch({ type: 'register', ...registration(rng.below(6), rng.below(1000)) });
  },
  (swarm, rng) => {
    const node = any(swarm, rng);
    if (node.isRunning) node.dispatch({ type: 'deregister', id: instance(`web-${rng.below(6)}`).id });
  },
  (swarm, rng) => {
    const node = any(swarm, rng);
    const name = `route-${rng.below(3)}`;
    if (node.isRunning) node.dispatch({ type: 'apply-config', kind: 'route', name, value: { value: rng.below(1000) } });
  },
];

/** Makes a mesh and lets faults and writes happen to it for `durationMs`. At the end everybody runs on a sound network. */
export function runSwarm(seed: number, count: number, durationMs: number): Swarm {
  const rng = seededRng(seed ^ 0x5bd1e995);
  const swarm: Swarm = makeMesh(seed, count);
  const chosen = families.filter(() => rng.below(2) === 0);
  const endMs = swarm.world.nowMs + durationMs;
  while (swarm.world.nowMs < endMs) {
    swarm.world.runFor(100 + rng.below(4000));
    const actions = rng.below(2) === 0 && chosen.length > 0 ? chosen : writes;
    actions[rng.below(actions.length)]?.(swarm, rng);
  }
  swarm.world.network.heal();
  for (const node of swarm.nodes) {
    if (node.process === 'paused') node.resume();
    else if (node.process === 'stopped') node.restart();
  }
  // A leave that was under way ends, and the one who left comes back.
  swarm.world.runFor(5000);
  for (const node of swarm.nodes) if (node.process === 'stopped') node.restart();
  return swarm;
}

function makeMesh(seed: number, count: number): Swarm {
  const world = new World({ seed, network: seed % 4 === 3 ? 'wan' : 'lan' });
  const nodes = world.mesh(count);
  for (const node of nodes) register(node, `own-${node.index}`);
  apply(nodes[0] as SimNode, 'route-0', { value: -1 });
  world.runFor(5000);
  return { world, nodes };
}

function registration(index: number, port: number) {
  return { instance: instance(`web-${index}`, { port: 1000 + port }), checks: [], replaceChecks: true };
}

function any(swarm: Swarm, rng: Rng): SimNode {
  return swarm.nodes[rng.below(swarm.nodes.length)] as SimNode;
}

function later(swarm: Swarm, rng: Rng, action: () => void): void {
  swarm.world.at(swarm.world.nowMs + 500 + rng.below(30_000), action);
}
