/** Who is linked with whom: everybody in a small mesh, neighbours on rings in a large one. */

import { nodeId, profiles, type NodeId } from '@skein/core';
import { Topology } from '@skein/core/parts';
import { describe, expect, test } from 'vitest';

const ids = Array.from({ length: 200 }, (_, i) => nodeId(`n${i}`));

/** A node's topology over a set of present members that the test changes, and whom it wants to be linked with. */
function topologyOf(self: NodeId, present: Set<NodeId>) {
  const wanted = new Set<NodeId>();
  const topology = new Topology(self, 'm', profiles.lan, {
    present: () => [...present].filter((id) => id !== self),
    presentCount: () => present.size - Number(present.has(self)),
    wanted: (id) => wanted.add(id),
    unwanted: (id) => wanted.delete(id),
  });
  return {
    topology,
    wanted,
    add: (id: NodeId) => {
      present.add(id);
      topology.add(id);
    },
    remove: (id: NodeId) => {
      present.delete(id);
      topology.remove(id);
    },
  };
}

function formed(self: NodeId, members: readonly NodeId[]) {
  const node = topologyOf(self, new Set([self]));
  for (const id of members) node.add(id);
  return node;
}

describe('a small mesh', () => {
  test('links everybody with everybody', () => {
    const { topology, wanted } = formed(ids[0]!, ids.slice(1, 20));
    expect(topology.isFull).toBe(true);
    expect(wanted.size).toBe(19);
  });

  test('becomes a large one above one size and small again below another, so that it does not go to and fro', () => {
    const node = formed(ids[0]!, ids.slice(1, 1 + profiles.lan.fullMeshLeave));
    expect(node.topology.isFull).toBe(true);
    node.add(ids[100]!);
    expect(node.topology.isFull).toBe(false);
    node.remove(ids[100]!);
    expect(node.topology.isFull).toBe(false);
    for (let i = profiles.lan.fullMeshLeave; i >= profiles.lan.fullMeshReturn; i--) node.remove(ids[i]!);
    expect(node.topology.isFull).toBe(true);
    expect(node.wanted).toEqual(new Set(ids.slice(1, profiles.lan.fullMeshReturn)));
  });
});

describe('a mesh that was large and is small', () => {
  const { fullMeshLeave } = profiles.lan;
  const shrunk = () => {
    const node = formed(ids[0]!, ids.slice(1, 2 + fullMeshLeave));
    node.remove(ids[1]!);
    return node;
  };

  test('links everybody with everybody again once it was small for five minutes', () => {
    const { topology, wanted } = shrunk();
    expect([topology.isFull, topology.isSmall]).toEqual([false, true]);
    topology.lookAgain(1000);
    topology.lookAgain(300_999);
    expect(topology.isFull).toBe(false);
    topology.lookAgain(301_000);
    expect(topology.isFull).toBe(true);
    expect(wanted).toEqual(new Set(ids.slice(2, 2 + fullMeshLeave)));
  });

  test('does not for as long as it is large now and then, whether or not that is when it is looked at', () => {
    const node = shrunk();
    node.topology.lookAgain(0);
    node.add(ids[100]!);
    node.remove(ids[100]!);
    node.topology.lookAgain(300_000);
    expect(node.topology.isFull).toBe(false);
    node.topology.lookAgain(599_999);
    expect(node.topology.isFull).toBe(false);
    node.topology.lookAgain(600_000);
    expect(node.topology.isFull).toBe(true);
    // And its time begins anew when it was a large one again.
    node.add(ids[100]!);
    node.remove(ids[100]!);
    node.topology.lookAgain(600_001);
    node.topology.lookAgain(900_000);
    expect(node.topology.isFull).toBe(false);
  });

  test('of more members than a full mesh has is left as it is', () => {
    const { topology } = formed(ids[0]!, ids.slice(1, 2 + fullMeshLeave));
    topology.lookAgain(0);
    topology.lookAgain(10_000_000);
    expect(topology.isFull).toBe(false);
  });
});

describe('a large mesh', () => {
  const { rings, ringReach } = profiles.lan;
  const nodes = new Map(ids.map((self) => [self, formed(self, ids)]));
  const at = (id: NodeId) => nodes.get(id)!;

  test('links each member with as many as the rings have places, whatever the size', () => {
    for (const { wanted } of nodes.values()) {
      expect(wanted.size).toBeLessThanOrEqual(2 * rings * ringReach);
      expect(wanted.size).toBeGreaterThan(rings * ringReach);
    }
  });

  test('both sides of a link want it', () => {
    for (const [self, { wanted }] of nodes) for (const id of wanted) expect(at(id).wanted.has(self)).toBe(true);
  });

  test('whoever heard of the members in another order links with the same ones', () => {
    for (const self of ids.slice(0, 10)) expect(formed(self, ids.toReversed()).wanted).toEqual(at(self).wanted);
  });

  test('those said to watch the same subject do watch it, and are linked with us', () => {
    for (const { topology, wanted } of nodes.values()) {
      for (const subject of topology.subjects()) {
        const observers = topology.coObservers(subject);
        expect(observers.length).toBeGreaterThanOrEqual(ringReach - 1);
        for (const observer of observers) {
          expect(at(observer).topology.isSubject(subject)).toBe(true);
          expect(wanted.has(observer)).toBe(true);
        }
      }
    }
  });

  test('the place of a neighbour that is gone is taken by the next on the ring', () => {
    const present = new Set(ids);
    const node = topologyOf(ids[0]!, new Set([ids[0]!]));
    for (const id of ids) node.add(id);
    for (const gone of [...node.wanted].slice(0, 10)) {
      node.remove(gone);
      present.delete(gone);
    }
    expect(node.wanted).toEqual(formed(ids[0]!, [...present]).wanted);
  });

  test('stays in one piece when a random half of its members is gone', () => {
    const left = new Set(ids.filter((_, i) => (i * 7919) % 200 < 100));
    const [first] = left;
    const reached = new Set([first!]);
    for (const id of reached) for (const next of at(id).wanted) if (left.has(next)) reached.add(next);
    expect(reached.size).toBe(left.size);
  });
});
