/** After any trouble a mesh not only agrees again but comes to rest: nobody is doubted, dialled or compared in depth any more. */

import { MeshNode, seededRng } from '@skein/core';
import type { Rng } from '@skein/core';
import { World, differences, type NodeLogic, type SimNode } from '@skein/sim';
import { expect, test } from 'vitest';
import { instance } from './fixture.ts';

const seeds = Array.from({ length: 12 }, (_, i) => i + 1);

class Trouble {
  readonly world: World;
  readonly nodes: readonly SimNode[];
  readonly messages = new Map<string, number>();
  readonly doubts: string[] = [];
  readonly #rng: Rng;

  constructor(seed: number) {
    this.#rng = seededRng(seed * 7919);
    this.world = new World({
      seed,
      network: seed % 4 === 3 ? 'wan' : 'lan',
      onEvent: (node, event) => {
        if (event.type === 'member-changed' && (event.to === 'suspect' || event.to === 'failed'))
          this.doubts.push(`${node.name}: ${event.name} ${event.to}`);
      },
      create: (...args) => this.#counted(...args),
    });
    this.nodes = this.world.mesh(4 + this.#rng.below(10));
    this.world.runFor(5000);
  }

  #counted(...args: ConstructorParameters<typeof MeshNode>): NodeLogic {
    const node = new MeshNode(...args);
    const step = node.step.bind(node);
    node.step = (input, now) => {
      if (input.type === 'message') this.messages.set(input.message.type, (this.messages.get(input.message.type) ?? 0) + 1);
      return step(input, now);
    };
    return node;
  }

  /** Lets faults and writes happen for so long, then mends the network and starts everybody who does not run. */
  run(durationMs: number): void {
    const { world, nodes } = this;
    const endMs = world.nowMs + durationMs;
    while (world.nowMs < endMs) {
      world.runFor(50 + this.#rng.below(3000));
      this.#strike(this.#any(), this.#any());
    }
    world.runFor(21_000);
    world.network.heal();
    for (const node of nodes) {
      if (node.process === 'paused') node.resume();
      else if (node.process === 'stopped') node.restart();
    }
    world.runFor(5000);
    for (const node of nodes) if (node.process === 'stopped') node.restart();
  }

  #any(): SimNode {
    return this.nodes[this.#rng.below(this.nodes.length)] as SimNode;
  }

  #later(action: () => void): void {
    this.world.at(this.world.nowMs + 300 + this.#rng.below(20_000), action);
  }

  #strike(node: SimNode, other: SimNode): void {
    const rng = this.#rng;
    const { network } = this.world;
    const kind = rng.below(11);
    if (node.process === 'stopped') {
      if (kind < 4) node.restart();
      return;
    }
    if (kind === 0) this.#later(network.cut([node], [other]));
    else if (kind === 1) this.#later(network.cut([node], this.nodes));
    else if (kind === 2) {
      const left = this.nodes.filter(() => rng.below(2) === 0);
      this.#later(
        network.split(
          left,
          this.nodes.filter((each) => !left.includes(each)),
        ),
      );
    } else if (node.isRunning) this.#act(kind, node, other);
  }

  #act(kind: number, node: SimNode, other: SimNode): void {
    const value = this.#rng.below(1000);
    if (kind === 3) node.crash({ keep: value % 3 === 0 ? 'nothing' : 'written' });
    else if (kind === 4) {
      node.pause();
      this.#later(() => {
        if (node.process === 'paused') node.resume();
      });
    } else if (kind === 5) node.leave();
    else if (kind === 6) node.dispatch({ type: 'force-leave', node: other.id });
    else if (kind === 7) node.dispatch({ type: 'set-tags', tags: { value: String(value) } });
    else if (kind === 8) node.dispatch({ type: 'apply-config', kind: 'route', name: `r-${value % 3}`, value: { value } });
    else
      node.dispatch({ type: 'register', instance: instance(`i-${value % 5}`, { port: value }), checks: [], replaceChecks: true });
  }
}

test.each(seeds)('agrees within a redial, and then exchanges probes only, seed %i', (seed) => {
  const trouble = new Trouble(seed);
  const { world, nodes } = trouble;
  trouble.run(90_000);
  expect(world.runUntil(() => differences(nodes).length === 0, 60_000)).toBeDefined();
  world.runFor(40_000);
  trouble.messages.clear();
  trouble.doubts.length = 0;
  const { dials } = world.network.figures;
  world.runFor(40_000);
  expect(differences(nodes)).toEqual([]);
  expect(trouble.doubts).toEqual([]);
  expect(world.network.figures.dials).toBe(dials);
  for (const type of ['gossip', 'sync-digest', 'sync-pull', 'ping-request'])
    expect([type, trouble.messages.get(type)]).toEqual([type, undefined]);
  expect(trouble.messages.get('ping')).toBeGreaterThan(0);
});
