/** The rules of the reference protocol, one member at a time. */

import { retransmitLimit, suspicionMinUs, suspicionUs, swimProfiles } from '@skein/sim';
import { expect, test } from 'vitest';
import { Desk, claim } from './swim-desk.ts';

const quiet = { probeIntervalMs: 3_600_000 };

test('the suspicion timer starts at beta times its least, and shrinks with the logarithm of the confirmations', () => {
  const minUs = suspicionMinUs(swimProfiles.lifeguard, 128);
  expect(minUs).toBe(10_535_000);
  const after = [0, 1, 2, 3, 4].map((count) => suspicionUs(count, 3, minUs, 6 * minUs) / 1000);
  expect(after).toEqual([63_210, 36_872, 21_466, 10_535, 10_535]);
  expect(suspicionUs(0, 0, minUs, 6 * minUs)).toBe(minUs);
});

test('the least suspicion time is alpha probe intervals for up to ten members', () => {
  expect(suspicionMinUs(swimProfiles.memberlistLan, 3)).toBe(4_000_000);
  expect(suspicionMinUs(swimProfiles.memberlistWan, 1000)).toBe(90_000_000);
});

test('a claim is sent 4 * ceil(log10(n + 1)) times, and never again', () => {
  expect([8, 64, 128, 1000, 10_000].map((size) => retransmitLimit(swimProfiles.memberlistLan, size))).toEqual([4, 8, 12, 16, 20]);
  const desk = new Desk(quiet, 20);
  desk.hear(claim('alive', 5, 2, 5));
  desk.pass(60_000);
  expect(desk.said('alive').length).toBe(8);
});

test('a newer claim about a member takes the place of the one that waits', () => {
  const desk = new Desk({ ...quiet, confirmations: 0 }, 20);
  desk.hear(claim('suspect', 5, 1, 3));
  desk.hear(claim('alive', 5, 2, 5));
  desk.pass(5000);
  expect(desk.said('suspect')).toEqual([]);
  expect(desk.said('alive').length).toBe(8);
});

test('an accusation counts from the known incarnation on, an alive claim only above it', () => {
  const desk = new Desk({ ...quiet, confirmations: 0 }, 20);
  desk.hear(claim('alive', 5, 3, 5));
  desk.hear(claim('suspect', 5, 2, 3));
  expect(desk.node.status(5)).toBe('alive');
  desk.hear(claim('suspect', 5, 3, 3));
  expect(desk.node.status(5)).toBe('suspect');
  desk.hear(claim('alive', 5, 3, 5));
  expect(desk.node.status(5)).toBe('suspect');
  desk.hear(claim('alive', 5, 4, 5));
  expect(desk.node.status(5)).toBe('alive');
});

test('an accused member outbids the accusation, and feels less healthy', () => {
  const desk = new Desk(quiet, 20);
  desk.hear(claim('suspect', 0, 4, 3));
  expect(desk.node.incarnation).toBe(5);
  expect(desk.node.healthScore).toBe(1);
  desk.pass(2000);
  expect(desk.said('alive').every((said) => said.subject === 0 && said.incarnation === 5)).toBe(true);
  expect(desk.said('alive').length).toBeGreaterThan(0);
});

test('confirmations by others bring the verdict forward, the same accuser twice does not, and K of them are told on', () => {
  const verdictMs = (accusers: readonly number[]): { readonly atMs: number | undefined; readonly told: number } => {
    const desk = new Desk({}, 127);
    for (const accuser of accusers) desk.hear(claim('suspect', 5, 1, accuser));
    const atMs = desk.runUntilChange('failed', 70_000);
    return { atMs, told: new Set(desk.said('suspect').map((said) => said.from)).size };
  };
  expect(verdictMs([3])).toEqual({ atMs: 63_210, told: 1 });
  expect(verdictMs([3, 3]).atMs).toBe(63_210);
  expect(verdictMs([3, 4]).atMs).toBe(36_872);
  expect(verdictMs([3, 4, 6, 7, 8]).atMs).toBe(10_535);
});

test('whom another takes for failed is only suspected by the one that is told in a full exchange, whoever left has left', () => {
  const desk = new Desk(quiet, 20);
  const members = [
    { member: 5, status: 'failed', incarnation: 1, address: 5 },
    { member: 6, status: 'left', incarnation: 1, address: 6 },
    { member: 40, status: 'alive', incarnation: 1, address: 40 },
  ] as const;
  desk.node.answer({ type: 'state', members, bytes: 300 }, 0, () => {});
  expect([5, 6, 40].map((member) => desk.node.status(member))).toEqual(['suspect', 'left', 'alive']);
});

test('a probe that fails costs as much health as nacks are missing, or one where none is expected', () => {
  const scoreAfter = (nackAfterMs: number, nacks: number): number => {
    const desk = new Desk({ nackAfterMs, streamPing: false }, 9);
    let told = 0;
    desk.pass(1999, (sent) => {
      for (const { packet } of sent) {
        const [message] = packet.messages;
        if (message?.type === 'indirect-ping' && told++ < nacks) desk.hear({ type: 'nack', seq: message.seq, bytes: 13 });
      }
    });
    return desk.node.healthScore;
  };
  expect([0, 1, 2, 3].map((nacks) => scoreAfter(500, nacks))).toEqual([3, 2, 1, 0]);
  expect(scoreAfter(0, 0)).toBe(1);
});

test('bad health makes the probe interval longer, and an answered probe makes it shorter again', () => {
  const desk = new Desk({ streamPing: false }, 9);
  desk.hear(claim('suspect', 0, 1, 3), claim('suspect', 0, 2, 3), claim('suspect', 0, 3, 3));
  expect(desk.node.healthScore).toBe(3);
  desk.pass(3999);
  expect(desk.changes).toEqual([]);
  desk.pass(1000);
  expect(desk.changes.map(({ to }) => to)).toEqual(['suspect']);
  expect(desk.node.healthScore).toBe(6);
  desk.passInPeace(30_000);
  expect(desk.node.healthScore).toBe(0);
});

test('a buddy tells a suspected member of its suspicion with each ping, long after it was gossiped', () => {
  const accusedIn = (buddy: boolean): boolean[] => {
    const desk = new Desk({ buddy }, 20);
    desk.passInPeace(1000);
    desk.hear(claim('suspect', 5, 1, 3));
    desk.passInPeace(2000);
    desk.sent.length = 0;
    desk.passInPeace(30_000);
    const pings = desk.sent.filter(({ to, packet }) => to === 5 && packet.messages[0]?.type === 'ping');
    return pings.map(({ packet }) => packet.messages.some((message) => message.type === 'suspect' && message.subject === 5));
  };
  expect(new Set(accusedIn(true))).toEqual(new Set([true]));
  expect(new Set(accusedIn(false))).toEqual(new Set([false]));
});

test('an ack through a helper, or over TCP, saves a member that does not answer itself', () => {
  const direct = new Desk({ streamPing: false }, 9);
  direct.pass(5000, (sent) => {
    for (const { packet } of sent) {
      const [message] = packet.messages;
      if (message?.type === 'indirect-ping') direct.hear({ type: 'ack', seq: message.seq, bytes: 22 });
    }
  });
  expect(direct.said('indirect-ping').length).toBeGreaterThan(0);
  expect(direct.changes).toEqual([]);
  const stream = new Desk({}, 9);
  stream.pass(5000, () => {
    for (const { ask } of stream.exchanges.splice(0)) {
      if (ask.request.type === 'ping') ask.done({ type: 'ack', seq: ask.request.seq, bytes: 22 });
    }
  });
  expect(stream.changes).toEqual([]);
});

test('a helper passes an ack on, and tells when there was none in time', () => {
  const desk = new Desk(quiet, 9);
  const asked = { type: 'indirect-ping', seq: 77, target: 5, address: 5, source: 3, nack: true, bytes: 127 } as const;
  desk.hear(asked);
  const [ping] = desk.said('ping');
  desk.hear({ type: 'ack', seq: ping?.seq ?? 0, bytes: 22 });
  expect(desk.sent.at(-1)).toMatchObject({ to: 3, packet: { messages: [{ type: 'ack', seq: 77 }] } });
  desk.hear(asked);
  desk.pass(499);
  expect(desk.said('nack')).toEqual([]);
  desk.pass(1);
  expect(desk.said('nack')).toEqual([{ type: 'nack', seq: 77, bytes: 13 }]);
});

test('while its threads are stopped a member sends nothing, its timers give verdicts, and afterwards all that waited goes out', () => {
  const desk = new Desk({ confirmations: 0 }, 20);
  desk.hear(claim('suspect', 5, 1, 3));
  desk.node.setBlocked(true, 0);
  desk.pass(30_000);
  expect(desk.sent).toEqual([]);
  expect(desk.node.status(5)).toBe('failed');
  desk.node.setBlocked(false, desk.nowUs);
  expect(desk.said('ping').length).toBeGreaterThan(0);
  expect(desk.changes.filter((change) => change.to === 'suspect').length).toBe(2);
});

test('a failed name is taken by another address only after the reclaim time', () => {
  const statusAfter = (reclaimMs: number): string => {
    const desk = new Desk({ ...quiet, reclaimMs }, 20);
    desk.hear(claim('failed', 5, 1, 3));
    desk.pass(10_000);
    desk.hear({ ...claim('alive', 5, 1, 5), address: 44 });
    return desk.node.status(5);
  };
  expect([0, 20_000, 5000].map(statusAfter)).toEqual(['failed', 'failed', 'alive']);
});
