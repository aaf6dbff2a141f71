/** Who is gone by the word of one teller alone is looked for. */

import { MeshNode, nodeId, type Effect, type Gossip, type NodeId } from '@skein/core';
import { Hearsay } from '@skein/core/parts';
import { World } from '@skein/sim';
import { describe, expect, test } from 'vitest';
import { accusation, claim, ids } from './fixture.ts';
import { Table } from './table.ts';

const [, a, b, c, d, e] = ids as [NodeId, NodeId, NodeId, NodeId, NodeId, NodeId];
const nobody = (): boolean => false;

describe('members told to be gone', () => {
  const told = (): { table: Table; hearsay: Hearsay } => {
    const table = new Table().hear(claim(a));
    for (const id of [b, c, d, e]) table.hear(claim(id), a, true, 5);
    const hearsay = new Hearsay(table.turn, (id) => table.membership.get(id));
    for (const member of table.membership.all()) hearsay.heardOf(member, 5);
    return { table, hearsay };
  };

  test('are dialled one after the other, each once', () => {
    const { table, hearsay } = told();
    expect(table.turn.deadlines.next()).toBeGreaterThanOrEqual(table.turn.now + 2000);
    expect(table.turn.deadlines.next()).toBeLessThan(table.turn.now + 4050);
    const dialled = [0, 1, 2, 3, 4].map(() => hearsay.due(nobody));
    expect(dialled).toEqual([b, c, d, e, undefined]);
  });

  test('are not dialled when somebody accuses them, they answered, restarted or are dialled anyway', () => {
    const { table, hearsay } = told();
    table.accused(accusation(a, b));
    table.membership.heardFrom(c, 1);
    table.hear(claim(d, { epoch: 2 }));
    expect(hearsay.due((id) => id === e)).toBeUndefined();
  });

  test('are none in a mesh where nobody is', () => {
    const table = new Table().hear(claim(a)).hear(claim(b));
    const hearsay = new Hearsay(table.turn, (id) => table.membership.get(id));
    for (const member of table.membership.all()) hearsay.heardOf(member, 5);
    expect(table.turn.deadlines.has('hearsay')).toBe(false);
  });
});

describe('a newcomer to a large mesh', () => {
  const liar = nodeId('n0001');
  const gone = (facts: Gossip): Gossip => ({
    ...facts,
    members: facts.members.map((member) => (member.record.value.id === liar ? member : { ...member, absentMs: 5 })),
  });
  /** What a node sends, with everybody else told to be gone. */
  const lie = (effect: Effect): Effect => {
    if (effect.type !== 'send') return effect;
    if (effect.message.type === 'gossip') return { ...effect, message: gone(effect.message) };
    if (effect.message.type !== 'sync-facts') return effect;
    return { ...effect, message: { ...effect.message, facts: gone(effect.message.facts) } };
  };
  class Liar extends MeshNode {
    override step(...input: Parameters<MeshNode['step']>): readonly Effect[] {
      return super.step(...input).map(lie);
    }
  }

  test('is not kept from the others by a liar that lets it in and has all of them gone', () => {
    const config = { fullMeshLeave: 8, fullMeshReturn: 4, rings: 2, ringReach: 2 };
    const world = new World({
      seed: 5,
      network: 'lan',
      create: (options, now) => new (options.notary.id === liar ? Liar : MeshNode)(options, now),
    });
    const nodes = world.mesh(30, { config });
    world.runFor(20_000);
    const late = world.addNode({ seeds: nodes[1]!.addresses, config });
    const out = (): number => nodes.filter(({ id }) => late.view().member(id)?.reachable !== true).length;
    world.runFor(1500);
    // The lie does its work at first: only its neighbours answer the newcomer by themselves.
    expect(out()).toBeGreaterThan(nodes.length / 3);
    expect(world.runUntil(() => out() === 0, 12_000)).toBeDefined();
  });
});
