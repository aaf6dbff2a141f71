/** One exchange carries no more than the transport takes, however large the mesh is, and what is left follows at once. */

import { limits, nodeId } from '@skein/core';
import type { NodeId, SyncMessage } from '@skein/core';
import { encodeMessage } from '@skein/transport/parts';
import { describe, expect, test } from 'vitest';
import { claim, fact, ids, keys } from './fixture.ts';
import { Owner, Solo, instanceRecord } from './solo.ts';

const [a, b] = ids as [NodeId, NodeId];
const template = claim(a).value;

/** Makes a node know this many members, and none of them gone. */
function teach(solo: Solo, from: NodeId, count: number): void {
  for (let i = 0; i < count; i += 500) {
    const members = Array.from({ length: Math.min(500, count - i) }, (_, j) => {
      const id = nodeId(`m${i + j}`);
      return fact(keys.notary(id).sign('member', { ...template, id, name: `name-${id}`, addresses: [] }));
    });
    solo.hear(from, { members });
  }
  solo.take();
}

interface Traffic {
  /** Of the largest message, encoded. */
  bytes: number;
  /** What each side wrote in each exchange. */
  readonly messages: Map<string, number>;
  readonly synced: NodeId[];
  opened: number;
}

/** Links two nodes and carries what they say on the sync lane until both are done. `mayOpen`: whose openings arrive. */
function converse(one: Solo, other: Solo, mayOpen: (id: NodeId) => boolean = () => true): Traffic {
  const traffic: Traffic = { bytes: 0, messages: new Map(), synced: [], opened: 0 };
  const [first, second] = [one.node.self, other.node.self];
  one.step({ type: 'peer', id: second, state: 'linked', epoch: 1 });
  other.step({ type: 'peer', id: first, state: 'linked', epoch: 1 });
  const post: { readonly to: Solo; readonly from: NodeId; readonly message: SyncMessage }[] = [];
  const collect = (sender: Solo, to: Solo): void => {
    for (const effect of sender.take()) {
      if (effect.type === 'emit' && effect.event.type === 'synced') traffic.synced.push(sender.node.self);
      if (effect.type !== 'send' || effect.lane !== 'sync') continue;
      const message = effect.message as SyncMessage;
      traffic.bytes = Math.max(traffic.bytes, encodeMessage(message).length);
      const opens = message.type === 'sync-open' || message.type === 'sync-pull';
      if (opens && !mayOpen(sender.node.self)) continue;
      if (opens) traffic.opened++;
      const key = `${sender.node.self} ${message.exchange}`;
      traffic.messages.set(key, (traffic.messages.get(key) ?? 0) + 1);
      post.push({ to, from: sender.node.self, message });
    }
  };
  for (;;) {
    collect(one, other);
    collect(other, one);
    const next = post.shift();
    if (next === undefined) return traffic;
    next.to.step({ type: 'message', from: next.from, message: next.message });
  }
}

const most = ({ messages }: Traffic): number => Math.max(...messages.values());
const size = (solo: Solo): number => [...solo.view.members()].length;

describe('an exchange with a newcomer to a mesh of thousands', () => {
  test.each([1000, 3000, 10_000])(
    'of %i members stays within the limit, and others follow at once until both know the same',
    (count) => {
      const [old, late] = [new Solo({ id: a }), new Solo({ id: b })];
      teach(old, b, count);
      const traffic = converse(old, late);
      expect(most(traffic)).toBeLessThanOrEqual(limits.exchangeMessages);
      expect([size(old), size(late)]).toEqual([count + 2, count + 2]);
      // Each carries some thousands; that it is in sync a node says once all of them came.
      expect(traffic.opened).toBeLessThanOrEqual(4 + count / 1500);
      expect(traffic.synced).toEqual([a, b]);
    },
  );

  test('also tells a peer that never asks, and waits for it to take in what it was given', () => {
    const [old, late] = [new Solo({ id: a }), new Solo({ id: b })];
    teach(old, b, 9000);
    const traffic = converse(old, late, (id) => id === a);
    expect(most(traffic)).toBeLessThanOrEqual(limits.exchangeMessages);
    expect(size(late)).toBe(9002);
    expect(traffic.opened).toBeLessThanOrEqual(4);
  });
});

test('an exchange begins no further message once it carries two megabytes, and what it owes is not pulled for ever', () => {
  const old = new Solo({ id: a });
  old.step({ type: 'peer', id: b, state: 'linked', epoch: 1 });
  const owners = Array.from({ length: 6 }, (_, i) => nodeId(`o${i}`));
  const meta = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, 'x'.repeat(500)]));
  for (const id of owners) {
    const records = Array.from({ length: 80 }, (_, i) => instanceRecord(`${id}-${i}`, { meta }));
    old.hear(b, { members: [fact(claim(id))], deltas: [new Owner(id).write(records)] });
  }
  old.take();
  const wants = owners.map((id) => ({ key: `c/${id}`, have: [] }));
  old.step({ type: 'message', from: b, message: { type: 'sync-pull', exchange: 7, wants } });
  const sent = old.take().flatMap((effect) => (effect.type === 'send' && effect.lane === 'sync' ? [effect.message] : []));
  const facts = sent.flatMap((message) => (message.type === 'sync-facts' ? [message] : []));
  const bytes = facts
    .flatMap((message) => message.facts.deltas)
    .flatMap((delta) => delta.upserts)
    .reduce((sum, sealed) => sum + sealed.bytes.length, 0);
  expect(bytes).toBeGreaterThan(limits.exchangeBytes / 2);
  expect(bytes).toBeLessThan(limits.exchangeBytes + limits.catalogBytesPerOwner);
  expect(facts.length).toBeLessThan(6);
  expect(facts.map(({ last }) => last)).toEqual(facts.map((_, i) => i === facts.length - 1));
  const late = new Solo({ id: b });
  converse(old, late);
  for (const id of owners) expect([...late.view.instancesOf(id)]).toHaveLength(80);
});

test.each([a, b])(
  'as many keys as there may be, all of the greatest length, pass in messages within the limit, held by %s',
  (holder) => {
    const [old, late] = [new Solo({ id: a }), new Solo({ id: b })];
    const full = holder === a ? old : late;
    for (let i = 0; i < limits.kvEntries; i++) {
      const name = `${i}/`.padEnd(limits.kvKeyBytes, 'k');
      expect(full.command({ type: 'apply-config', kind: 'kv', name, value: { value: '', flags: i } })).toEqual({ ok: true });
    }
    full.take();
    const traffic = converse(old, late);
    expect(traffic.bytes).toBeLessThanOrEqual(limits.syncMessageBytes);
    expect(most(traffic)).toBeLessThanOrEqual(limits.exchangeMessages);
    for (const { view } of [old, late]) expect([...view.kvEntries('')]).toHaveLength(limits.kvEntries);
    expect(traffic.synced).toEqual(expect.arrayContaining([a, b]));
  },
);
