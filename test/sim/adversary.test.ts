/** Members that lie with a valid key: what they say about others is refused, and what harm they do ends with them. */

import type { MeshEvent, NodeId } from '@skein/core';
import { World, differences } from '@skein/sim';
import type { Lie, SimNode } from '@skein/sim';
import { describe, expect, test } from 'vitest';
import { RecordingWorld, ping, stranger } from './recording-node.ts';
import { register, routable, routes, status, without } from './mesh-fixture.ts';

interface Stage {
  readonly world: World;
  readonly nodes: readonly SimNode[];
  readonly liar: SimNode;
  readonly honest: readonly SimNode[];
  /** What honest nodes emitted since the lies began. */
  readonly events: { readonly node: SimNode; readonly event: MeshEvent }[];
}

function lied(lie: Lie, seed: number, count = 8): Stage {
  const events: Stage['events'] = [];
  const world: World = new World({
    seed,
    onEvent: (node, event) => {
      if (event.type !== 'view-changed') events.push({ node, event });
    },
  });
  const nodes = world.mesh(count);
  for (const node of nodes) register(node, `web-${node.index}`);
  world.runFor(5000);
  expect(differences(nodes)).toEqual([]);
  const liar = nodes[seed % count] as SimNode;
  events.length = 0;
  liar.lie(lie);
  return { world, nodes, liar, honest: without(nodes, liar), events };
}

/** Honest members that honest members took for failed or left. */
function removed({ events, liar }: Stage): string[] {
  return events.flatMap(({ node, event }) =>
    node !== liar &&
    event.type === 'member-changed' &&
    event.id !== liar.id &&
    !isMadeUp(event.id) &&
    (event.to === 'failed' || event.to === 'left')
      ? [`${node.id}: ${event.id} ${event.to}`]
      : [],
  );
}

/** Whether it is one of those that liars speak of and that never were. */
function isMadeUp(id: NodeId): boolean {
  return id.includes('-nobody-');
}

/** Why honest nodes refused what the liar said. */
function refusals({ events, liar }: Stage): Set<string> {
  return new Set(
    events.flatMap(({ node, event }) =>
      event.type === 'message-refused' && event.from === liar.id && node !== liar ? [event.reason] : [],
    ),
  );
}

const seeds = [1, 2, 3];

describe('a liar', () => {
  const lies: readonly Lie[] = [
    'accuser',
    'stalker',
    'inflater',
    'zombie',
    'forger',
    'equivocator',
    'flooder',
    'minter',
    'silent-relay',
  ];
  test.each(lies)('(%s) removes nobody, and once it is honest again all agree', (lie) => {
    const stage = lied(lie, 5);
    stage.world.runFor(20_000);
    expect(removed(stage)).toEqual([]);
    stage.liar.lie(undefined);
    expect(stage.world.runUntil(() => differences(stage.nodes).length === 0, 60_000)).toBeDefined();
    for (const node of stage.honest) {
      const alive = [...node.view().members()].filter(({ id, status: of }) => of === 'alive' && !isMadeUp(id));
      expect(alive).toHaveLength(stage.nodes.length);
    }
  });

  test.each(lies)('(%s) says the same in every run of a seed', (lie) => {
    const run = (): string => {
      const { world } = lied(lie, 7, 4);
      world.runFor(3000);
      return world.traceHash();
    };
    expect(run()).toBe(run());
  });
});

describe('a forger', () => {
  test.each(seeds)('is refused by its signature, and nothing that it made up is believed, seed %i', (seed) => {
    const stage = lied('forger', seed);
    stage.world.runFor(30_000);
    expect(refusals(stage)).toContain('bad-signature');
    for (const node of stage.honest) {
      expect(routable(node, 'forged')).toEqual([]);
      expect(node.view().configEntry('route', 'forged')).toBeUndefined();
      expect(routable(node)).toHaveLength(8);
      for (const other of stage.honest) expect(status(node, other)).toBe('alive');
    }
  });
});

describe('an inflater', () => {
  test.each(seeds)('raises no incarnation but its own, seed %i', (seed) => {
    const stage = lied('inflater', seed);
    stage.world.runFor(30_000);
    expect(refusals(stage)).toContain('bad-signature');
    for (const node of stage.honest) {
      for (const other of stage.honest) {
        expect(node.view().member(other.id)?.record.incarnation).toBeLessThan(1000);
        expect(node.view().member(other.id)?.record.epoch).toBe(1);
      }
      // Its honest part hears what it did not say in this boot, and begins another epoch, which the liar inflates anew.
      const { epoch = 0, incarnation = 0 } = node.view().member(stage.liar.id)?.record ?? {};
      expect(epoch > 1 || incarnation > 1_000_000).toBe(true);
    }
  });
});

describe('a zombie', () => {
  test.each(seeds)('brings back neither the failed nor the left, for as long as it tries, seed %i', (seed) => {
    const stage = lied('zombie', seed);
    const { world, honest } = stage;
    const [left, failed] = honest as readonly [SimNode, SimNode];
    const others = without(honest, left, failed);
    left.leave();
    failed.powerOff();
    const isGone = (): boolean => others.every((node) => status(node, left) === 'left' && status(node, failed) === 'failed');
    expect(world.runUntil(isGone, 20_000)).toBeDefined();
    stage.events.length = 0;
    world.runFor(120_000);
    const back = stage.events.filter(
      ({ node, event }) =>
        node !== stage.liar && event.type === 'member-changed' && event.to === 'alive' && event.id !== stage.liar.id,
    );
    expect(back).toEqual([]);
    for (const node of others) expect(routes(node, failed)).toBe(false);
  });
});

describe('an equivocator', () => {
  test.each(seeds)('deceives about itself only, and honest nodes come to agree even on that, seed %i', (seed) => {
    const stage = lied('equivocator', seed);
    const { world, honest, liar } = stage;
    // Its true catalog and its many lies take turns in the views: what counts is what was ever told, and of whom.
    const told: string[] = [];
    for (let lookedMs = 0; lookedMs < 20_000; lookedMs += 500) {
      world.runFor(500);
      for (const node of honest) for (const { owner } of node.view().service('forged')?.instances ?? []) told.push(owner);
    }
    expect(new Set(told)).toEqual(new Set([liar.id]));
    for (const node of honest) {
      for (const other of honest) expect(node.view().member(other.id)?.status).toBe('alive');
      expect(routable(node)).toEqual(expect.arrayContaining(honest.map((other) => `web-${other.index}`)));
    }
    liar.powerOff();
    expect(world.runUntil(() => differences(honest).length === 0, 60_000)).toBeDefined();
  });
});

describe('a flooder', () => {
  test.each(seeds)('is answered and not amplified: honest nodes say no more to each other than they must, seed %i', (seed) => {
    const count = (stage: Stage): number => {
      const before = stage.world.network.figures.messages;
      stage.world.runFor(3000);
      return stage.world.network.figures.messages - before;
    };
    const usual = count(lied('silent-relay', seed));
    const flooded = lied('flooder', seed);
    const floods = 7 * 100 * 4 * 3;
    // Each of its messages may be answered, and a ping request asks one other for a ping, an ack and a report.
    expect(count(flooded)).toBeLessThan(floods * 4 + usual * 10);
    expect(removed(flooded)).toEqual([]);
  });
});

describe('a silent relay', () => {
  test('answers for itself, and hears no request to help', () => {
    const world = new RecordingWorld({ seed: 1 });
    const [a, b] = [world.addNode(), world.addNode()];
    world.link(a, b);
    b.lie('silent-relay');
    world.send(a, b, { type: 'ping-request', seq: 1, subject: stranger });
    world.send(a, b, ping(2));
    world.runFor(100);
    expect(world.heard(b)).toEqual(['ping 2']);
    b.lie(undefined);
    world.send(a, b, { type: 'ping-request', seq: 3, subject: stranger });
    world.runFor(100);
    expect(world.heard(b)).toEqual(['ping 2', 'ping-request 3']);
  });
});
