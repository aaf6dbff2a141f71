/** How well a node thinks it is, by what made it think so, in the time that its probes then take. */

import { nodeId, type NodeId, type ProbeOutcome } from '@skein/core';
import { Awareness } from '@skein/core/parts';
import { World, type SimNode } from '@skein/sim';
import { describe, expect, test } from 'vitest';
import { accusation, claim, fact, ids } from './fixture.ts';
import { Solo } from './solo.ts';

const [, a, b, c, d] = ids as [NodeId, NodeId, NodeId, NodeId, NodeId];

describe('local health', () => {
  test('gets worse up to eight and better down to none, and stretches timeouts by as many times', () => {
    const awareness = new Awareness();
    awareness.worsen(3);
    expect([awareness.score, awareness.stretch(500)]).toEqual([3, 2000]);
    awareness.worsen(20);
    expect([awareness.score, awareness.stretch(500)]).toEqual([8, 4500]);
    for (let i = 0; i < 20; i++) awareness.improve();
    expect([awareness.score, awareness.stretch(500)]).toEqual([0, 500]);
  });

  test('is never made better by what makes it worse, nor a timeout shorter than it is set', () => {
    const awareness = new Awareness();
    awareness.worsen(2);
    awareness.worsen(-5);
    expect(awareness.score).toBe(2);
    for (let i = 0; i < 3; i++) awareness.improve();
    awareness.setLag(-10_000, 500);
    expect([awareness.stretch(500), awareness.allowLag(500), awareness.slow(500)]).toEqual([500, 500, 500]);
  });

  test('suffers from an event loop that lags by more than 200 ms, and is half gone after a stall longer than a probe', () => {
    const awareness = new Awareness();
    for (const lagMs of [0, 200, 200]) awareness.setLag(lagMs, 500);
    expect(awareness.score).toBe(0);
    awareness.setLag(201, 500);
    expect(awareness.score).toBe(1);
    awareness.setLag(501, 500);
    expect(awareness.score).toBe(4);
    awareness.setLag(0, 500);
    expect([awareness.score, awareness.stretch(500)]).toEqual([4, 2500]);
  });
});

/** A node linked to three that are up, and to a fourth that says nothing, once it has asked them about that one. */
function asking(): Solo {
  const solo = new Solo();
  for (const id of [a, b, c, d]) {
    solo.step({ type: 'peer', id, state: 'linked', epoch: 1 });
    solo.hear(id, { members: [fact(claim(id))] });
  }
  return solo;
}

/** Answers pings of all but `d` until a probe of `d` was handed to helpers; returns the number of that probe. */
function untilAsked(solo: Solo): { readonly seq: number; readonly helpers: readonly NodeId[] } {
  for (let i = 0; i < 2000; i++) {
    const requests = [];
    for (const effect of solo.take()) {
      if (effect.type !== 'send') continue;
      const { to, message } = effect;
      if (message.type === 'ping' && to !== d)
        solo.step({
          type: 'message',
          from: to,
          message: { type: 'ack', seq: message.seq, root: message.root, epoch: 1, incarnation: 0, coordinate: undefined },
        });
      if (message.type === 'ping-request') requests.push({ to, seq: message.seq });
    }
    if (requests[0] !== undefined) return { seq: requests[0].seq, helpers: requests.map(({ to }) => to) };
    solo.pass(10);
  }
  throw new Error('no helper was asked');
}

test('a node tells how well it is', () => {
  const solo = asking();
  expect(solo.node.healthScore).toBe(0);
  solo.step({ type: 'clock', lagMs: 600, wallMs: 0 });
  expect(solo.node.healthScore).toBe(4);
});

describe('a helper', () => {
  test('relays so many probes for one asker at a time and no more, and others are served', () => {
    const solo = asking();
    solo.pass(50).take();
    const ask = (from: NodeId, times: number): number => {
      for (let seq = 0; seq < times; seq++)
        solo.step({ type: 'message', from, message: { type: 'ping-request', seq, subject: d } });
      return solo.take().filter((effect) => effect.type === 'send' && effect.to === d && effect.message.type === 'ping').length;
    };
    expect([ask(a, 5000), ask(b, 3)]).toEqual([64, 3]);
    solo.step({ type: 'peer', id: d, state: 'linked', epoch: 1 }).take();
    expect([ask(a, 100), ask(b, 3)]).toEqual([64, 3]);
  });
});

/** Time passes, and all but `d` answer. Returns the numbers of the pings that `d` got. */
function live(solo: Solo, ms: number): readonly number[] {
  const unanswered: number[] = [];
  for (let passed = 0; passed <= ms; passed += 10) {
    for (const effect of solo.take()) {
      if (effect.type !== 'send' || effect.message.type !== 'ping') continue;
      if (effect.to === d) unanswered.push(effect.message.seq);
      else answer(solo, effect.to, effect.message.seq);
    }
    if (passed < ms) solo.pass(10);
  }
  return unanswered;
}

function answer(solo: Solo, from: NodeId, seq: number): void {
  const ack = { type: 'ack', seq, root: 0, epoch: 1, incarnation: 0, coordinate: undefined } as const;
  solo.step({ type: 'message', from, message: ack });
}

describe('helpers that were asked', () => {
  const verdict = (nacks: number): { readonly accused: boolean; readonly dialled: boolean } => {
    const solo = asking();
    const { seq, helpers } = untilAsked(solo);
    for (const from of helpers.slice(0, nacks))
      solo.step({ type: 'message', from, message: { type: 'ping-report', seq, subject: d, outcome: 'silent' } });
    solo.pass(600);
    // We are not deaf: somebody talks to us.
    solo.step({ type: 'message', from: helpers[0]!, message: { type: 'have', entries: [] } });
    solo.pass(300);
    const dialled = solo.take().some((effect) => effect.type === 'connect' && effect.to === d && effect.fresh);
    return { accused: solo.view.member(d)?.status === 'suspect', dialled };
  };

  test('and of whom most say nothing make it our own problem: a dial decides, and nobody is accused before', () => {
    expect([0, 1].map(verdict)).toEqual([0, 1].map(() => ({ accused: false, dialled: true })));
    expect([2, 3].map(verdict)).toEqual([2, 3].map(() => ({ accused: true, dialled: false })));
  });
});

describe('a helper that told that it has no answer', () => {
  const asks = { type: 'message', from: a, message: { type: 'ping-request', seq: 9, subject: d } } as const;
  /** Whether it takes the subject out of its rotation when the asker accuses it. */
  const witnesses = (answersMs: number, lagMs: number): boolean => {
    const solo = asking();
    for (let round = 0; round < 3; round++) {
      solo.step(asks);
      for (const seq of live(solo, answersMs)) answer(solo, d, seq);
    }
    // No probe of its own is under way, which would decide by itself.
    for (const seq of live(solo, 250)) answer(solo, d, seq);
    if (lagMs > 0) solo.step({ type: 'clock', lagMs, wallMs: 0 });
    solo.step(asks);
    live(solo, 410);
    expect(solo.view.member(d)?.reachable).toBe(true);
    solo.hear(a, { accusations: [accusation(a, d)] });
    return solo.view.member(d)?.reachable === false;
  };

  test('is a witness at once only where it is well, and answers never take so long', () => {
    expect(witnesses(10, 0)).toBe(true);
    expect(witnesses(300, 0)).toBe(false);
    expect(witnesses(10, 600)).toBe(false);
  });
});

describe('a member without a link', () => {
  const accused = (outcomes: readonly ProbeOutcome[]): boolean => {
    const solo = new Solo({});
    for (const id of [a, b, c]) {
      solo.step({ type: 'peer', id, state: 'linked', epoch: 1 });
      solo.hear(id, { members: [fact(claim(id))] });
    }
    solo.hear(a, { members: [fact(claim(d))] });
    const { seq, helpers } = untilAsked(solo);
    for (const [at, outcome] of outcomes.entries()) {
      const message = { type: 'ping-report', seq, subject: d, outcome } as const;
      solo.step({ type: 'message', from: helpers[at]!, message });
    }
    return solo.view.member(d)?.status === 'suspect';
  };

  test('is accused on the word of two helpers, not of one', () => {
    expect(accused(['silent', 'unlinked', 'unlinked'])).toBe(false);
    expect(accused(['silent', 'silent', 'unlinked'])).toBe(true);
  });
});

describe('a member under accusation', () => {
  test('is told with the ping that probes it', () => {
    const solo = asking();
    solo.pass(50).hear(a, { accusations: [accusation(a, d)] });
    solo.pass(1500);
    const sent = solo.take().flatMap((effect) => (effect.type === 'send' && effect.to === d ? [effect.message] : []));
    const told = sent.findIndex((message) => message.type === 'gossip' && message.accusations.length > 0);
    expect(told).toBeGreaterThanOrEqual(0);
    expect(sent.slice(0, told).some((message) => message.type === 'ping') || sent[told + 1]?.type === 'ping').toBe(true);
  });
});

describe('after a stall', () => {
  test('a suspicion that others confirm in what waited is not over before its refutation was read', () => {
    const solo = asking();
    solo.pass(50);
    const others = ['x1', 'x2', 'x3'].map(nodeId);
    for (const id of others) solo.hear(a, { members: [fact(claim(id))] });
    solo.hear(a, { accusations: [accusation(a, d)] });
    solo.now += 10_000;
    solo.step({ type: 'tick' });
    solo.hear(a, { accusations: others.map((id) => accusation(id, d)) });
    solo.pass(100);
    expect(solo.view.member(d)?.status).toBe('suspect');
    solo.hear(d, { members: [fact(claim(d, { incarnation: 1 }))] });
    expect(solo.view.member(d)?.status).toBe('alive');
  });

  test('the outcome of a dial, though it is the first to be heard, accuses nobody: a probe after what waited was read does', () => {
    const solo = asking();
    solo.pass(50).step({ type: 'peer', id: d, state: 'lost' });
    const refuseDials = (): void => {
      for (const effect of solo.take())
        if (effect.type === 'connect' && effect.to === d)
          solo.step({ type: 'dialed', dial: effect.dial, outcome: { ok: false, reason: 'refused', detail: '' } });
    };
    const suspectedMs = (stallMs: number): number => {
      const from = (solo.now += stallMs);
      for (refuseDials(); solo.view.member(d)?.status === 'alive' && solo.now < from + 30_000; refuseDials())
        solo.hear(a, {}).pass(50);
      return solo.now - from;
    };
    expect(suspectedMs(70_000)).toBeGreaterThan(5000);
    expect(solo.view.member(d)).toMatchObject({ status: 'suspect', reachable: false });
    expect(solo.now).toBeLessThan(90_000);
  });

  test('an asker is not told that its subject was silent before the answer of that one was read', () => {
    const told = (wait: (solo: Solo) => unknown): string[] => {
      const solo = asking();
      solo.pass(50).take();
      solo.step({ type: 'message', from: a, message: { type: 'ping-request', seq: 77, subject: d } });
      const ping = solo
        .take()
        .flatMap((effect) => (effect.type === 'send' && effect.message.type === 'ping' ? [effect.message] : []));
      wait(solo);
      const ack = { type: 'ack', seq: ping[0]?.seq ?? 0, root: 0, epoch: 1, incarnation: 0, coordinate: undefined } as const;
      solo.step({ type: 'message', from: d, message: ack });
      return solo
        .take()
        .flatMap((effect) => (effect.type === 'send' && effect.message.type === 'ping-report' ? [effect.message.outcome] : []));
    };
    expect(told((solo) => solo.pass(450))).toEqual(['silent', 'reached']);
    const stall = (solo: Solo): void => {
      solo.now += 2000;
      solo.step({ type: 'tick' });
    };
    expect(told(stall)).toEqual(['reached']);
  });

  test.each([700, 3000, 20_000])('of %i ms nobody else is failed, in either order of timers and data', (stallMs) => {
    for (let seed = 0; seed < 4; seed++) {
      const failed: string[] = [];
      const world = new World({
        seed,
        network: 'lan',
        onEvent: (node, event) => {
          if (event.type === 'member-changed' && event.to === 'failed') failed.push(`${node.name}: ${event.name}`);
        },
      });
      const nodes = world.mesh(6);
      world.runFor(5000 + 97 * seed);
      const [stalled, ...others] = nodes as [SimNode, ...SimNode[]];
      stalled.pause();
      world.runFor(stallMs);
      stalled.resume();
      world.runFor(30_000);
      expect(failed.filter((line) => !line.endsWith(': host-0'))).toEqual([]);
      for (const node of others) expect(node.view().member(stalled.id)?.reachable).toBe(true);
      for (const node of others) expect(stalled.view().member(node.id)?.reachable).toBe(true);
    }
  });
});
