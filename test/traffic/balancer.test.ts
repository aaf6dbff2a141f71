import { expect, test } from 'vitest';
import { seededRng } from '@skein/core';
import { Balancer, type Lease, type Outcome, type PickRefusal } from '@skein/traffic';
import { type FakeInstance, FakeMesh } from './fake-view.ts';

/** A balancer over one service, `s`, and a clock that tests move. */
class Bench {
  readonly mesh = new FakeMesh();
  readonly balancer: Balancer;
  nowMs = 0;

  constructor(instances: readonly FakeInstance[], seed = 1, maxInFlight = 1024) {
    this.balancer = new Balancer({ rng: seededRng(seed), maxInFlight });
    this.mesh.setService('s', instances);
  }

  pick(exclude: readonly Lease[] = []): Lease | PickRefusal {
    return this.balancer.pick(this.mesh.view(), 's', exclude, this.nowMs);
  }

  take(exclude: readonly Lease[] = []): Lease {
    const lease = this.pick(exclude);
    if (typeof lease === 'string') throw new Error(lease);
    return lease;
  }

  name(lease: Lease): string {
    return this.balancer.instance(lease)?.instance.id ?? 'gone';
  }

  /** Picks until the instance comes up, giving the others back, and ends that attempt with `outcome`. */
  hit(id: string, outcome: Outcome): ReturnType<Balancer['done']> {
    const others: Lease[] = [];
    for (let tries = 0; tries < 1000; tries++) {
      const lease = this.take();
      if (this.name(lease) === id) {
        for (const other of others) this.balancer.done(other, 'cancelled', this.nowMs);
        return this.balancer.done(lease, outcome, this.nowMs);
      }
      others.push(lease);
    }
    throw new Error(`${id} is never picked`);
  }

  states(): Record<string, string> {
    return Object.fromEntries(
      this.balancer.inspect(this.mesh.view(), 's', this.nowMs).map((each) => [each.instance.instance.id, each.state]),
    );
  }

  /** How often each instance is picked when every request ends at once. */
  shares(picks: number): Record<string, number> {
    const counts: Record<string, number> = {};
    for (let i = 0; i < picks; i++) {
      const lease = this.take();
      counts[this.name(lease)] = (counts[this.name(lease)] ?? 0) + 1;
      this.balancer.done(lease, 'success', this.nowMs);
    }
    return counts;
  }
}

const three: readonly FakeInstance[] = [
  { id: 'a', node: 'n1' },
  { id: 'b', node: 'n2' },
  { id: 'c', node: 'n3' },
];
const numbered = (count: number): FakeInstance[] => Array.from({ length: count }, (_, index) => ({ id: `i${index}` }));

test('a service that is not in the catalog, and one without a usable instance, are told apart', () => {
  const bench = new Bench([]);
  expect(bench.pick()).toBe('no-instances');
  bench.mesh.setService('s', [{ id: 'a', routable: false }]);
  expect(bench.pick()).toBe('none-routable');
  bench.mesh.setService('s', []);
  expect(bench.pick()).toBe('no-instances');
});

test('an instance that is not routable is never picked, and is as soon as a view says it is', () => {
  const bench = new Bench([{ id: 'a', routable: false }, { id: 'b' }]);
  expect(Object.keys(bench.shares(200))).toEqual(['b']);
  bench.mesh.setService('s', [{ id: 'a' }, { id: 'b', routable: false }]);
  expect(Object.keys(bench.shares(200))).toEqual(['a']);
});

test('idle instances of one weight share evenly', () => {
  const shares = new Bench(three).shares(9000);
  for (const id of ['a', 'b', 'c']) expect(Math.abs((shares[id] ?? 0) - 3000)).toBeLessThan(250);
});

test('idle instances share by weight; a warning one has its other weight, and 0 is for need only', () => {
  const bench = new Bench([
    { id: 'a', weight: 1 },
    { id: 'b', weight: 3 },
    { id: 'c', weight: 9, status: 'warning', warningWeight: 1 },
    { id: 'd', weight: 0 },
  ]);
  const shares = bench.shares(10_000);
  expect(shares['d']).toBeUndefined();
  for (const [id, part] of [
    ['a', 2000],
    ['b', 6000],
    ['c', 2000],
  ] as const)
    expect(Math.abs((shares[id] ?? 0) - part)).toBeLessThan(300);
  bench.mesh.setService('s', [{ id: 'd', weight: 0 }]);
  expect(bench.name(bench.take())).toBe('d');
});

test('of two, the one with fewer requests in flight takes the next', () => {
  const bench = new Bench(three.slice(0, 2));
  const counts = { a: 0, b: 0 };
  for (let i = 0; i < 100; i++) counts[bench.name(bench.take()) as 'a' | 'b']++;
  expect(counts).toEqual({ a: 50, b: 50 });
});

test('requests in flight settle in proportion to the weights', () => {
  const bench = new Bench([
    { id: 'a', weight: 1 },
    { id: 'b', weight: 3 },
  ]);
  const counts = { a: 0, b: 0 };
  for (let i = 0; i < 400; i++) counts[bench.name(bench.take()) as 'a' | 'b']++;
  expect(Math.abs(counts.a - 100)).toBeLessThanOrEqual(2);
});

test('the same seed and the same calls give the same picks', () => {
  const run = (seed: number): string[] => {
    const bench = new Bench(numbered(10), seed);
    return Array.from({ length: 100 }, () => bench.name(bench.take()));
  };
  expect(run(5)).toEqual(run(5));
  expect(run(5)).not.toEqual(run(6));
});

test('state survives views, and an instance that moved to another address starts afresh', () => {
  const bench = new Bench(three);
  for (let i = 0; i < 5; i++) bench.hit('a', 'server-error');
  const lease = bench.take();
  bench.mesh.setService('s', [...three, { id: 'd' }]).touch();
  expect(bench.states()).toEqual({ a: 'ejected', b: 'open', c: 'open', d: 'open' });
  expect(bench.name(lease)).not.toBe('gone');
  bench.mesh.setService('s', [{ id: 'a', node: 'n1', port: 81 }, ...three.slice(1)]);
  expect(bench.states()['a']).toBe('open');
});

test('the end of a request to an instance that has left changes nothing', () => {
  const bench = new Bench([{ id: 'a' }]);
  const lease = bench.take();
  bench.mesh.setService('s', [{ id: 'b' }]);
  expect(bench.name(bench.take())).toBe('b');
  expect(bench.name(lease)).toBe('gone');
  expect(bench.balancer.done(lease, 'connect-failed', 0)).toBeUndefined();
  expect(bench.states()).toEqual({ b: 'open' });
});

test('a retry goes to an instance that was not tried, until all were', () => {
  const bench = new Bench(three);
  const tried: Lease[] = [];
  for (let i = 0; i < 3; i++) tried.push(bench.take(tried));
  expect(new Set(tried.map((lease) => bench.name(lease))).size).toBe(3);
  expect(bench.pick(tried)).toBe('all-excluded');
});

test('a retry uses a blocked instance before it gives up', () => {
  const bench = new Bench(three.slice(0, 2));
  bench.hit('a', 'connect-failed');
  const first = bench.take();
  expect(bench.name(first)).toBe('b');
  expect(bench.name(bench.take([first]))).toBe('a');
});

test('an instance takes no more than the limit, and when all are full the service is overloaded', () => {
  const bench = new Bench(three, 1, 2);
  const leases = Array.from({ length: 6 }, () => bench.take());
  expect(bench.pick()).toBe('overloaded');
  bench.balancer.done(leases[0] as Lease, 'success', 0);
  expect(bench.name(bench.take())).toBe(bench.name(leases[0] as Lease));
});

test('a failed connection makes an instance avoided at once, and one trial a second later brings it back', () => {
  const bench = new Bench(three);
  expect(bench.hit('a', 'connect-failed')).toBe('avoided');
  expect(bench.shares(300)['a']).toBeUndefined();
  bench.nowMs = 999;
  expect(bench.shares(100)['a']).toBeUndefined();
  bench.nowMs = 1000;
  const trial = bench.take();
  expect(bench.name(trial)).toBe('a');
  expect(bench.shares(100)['a']).toBeUndefined();
  expect(bench.balancer.done(trial, 'success', 1000)).toBe('returned');
  expect(bench.shares(300)['a']).toBeGreaterThan(50);
});

test('three failed connections eject: each counts twice', () => {
  const bench = new Bench(three);
  expect(bench.hit('a', 'connect-failed')).toBe('avoided');
  bench.nowMs = 1000;
  expect(bench.hit('a', 'connect-failed')).toBeUndefined();
  bench.nowMs = 2000;
  expect(bench.hit('a', 'connect-failed')).toBe('ejected');
});

test.each(['server-error', 'timeout', 'broken'] as const)(
  'five times %s in a row eject, four and a success do not',
  (outcome) => {
    const bench = new Bench(three);
    for (let i = 0; i < 4; i++) expect(bench.hit('a', outcome)).toBeUndefined();
    expect(bench.hit('a', 'success')).toBeUndefined();
    for (let i = 0; i < 4; i++) expect(bench.hit('a', outcome)).toBeUndefined();
    expect(bench.hit('a', outcome)).toBe('ejected');
    expect(bench.states()['a']).toBe('ejected');
  },
);

test('mistakes of the caller and requests given up neither count nor clear', () => {
  const bench = new Bench(three);
  for (let i = 0; i < 4; i++) bench.hit('a', 'server-error');
  for (let i = 0; i < 20; i++) bench.hit('a', i % 2 === 0 ? 'client-error' : 'cancelled');
  expect(bench.states()['a']).toBe('open');
  expect(bench.hit('a', 'server-error')).toBe('ejected');
});

/** Fails an instance until it is ejected; answers the length. */
function eject(bench: Bench, id: string): number {
  for (let i = 0; i < 5; i++) if (bench.hit(id, 'server-error') === 'ejected') break;
  const state = bench.balancer.inspect(bench.mesh.view(), 's', bench.nowMs).find((each) => each.instance.instance.id === id);
  return (state?.blockedUntilMs ?? 0) - bench.nowMs;
}

test('ejections last 10 s times their number and up to a fifth more, 300 s at most', () => {
  const bench = new Bench(three);
  const lengths: number[] = [eject(bench, 'a')];
  for (let n = 2; n <= 32; n++) {
    bench.nowMs += (lengths.at(-1) ?? 0) + 1;
    expect(bench.hit('a', 'server-error')).toBe('ejected');
    lengths.push((bench.balancer.inspect(bench.mesh.view(), 's', bench.nowMs)[0]?.blockedUntilMs ?? 0) - bench.nowMs);
  }
  for (const [index, lengthMs] of lengths.entries()) {
    expect(lengthMs).toBeGreaterThanOrEqual(Math.min(300_000, 10_000 * (index + 1)) - 0.001);
    expect(lengthMs).toBeLessThanOrEqual(Math.min(300_000, 12_000 * (index + 1)) + 0.001);
  }
  expect(new Set(lengths.map((lengthMs) => lengthMs % 10_000)).size).toBeGreaterThan(10);
});

test('quiet time makes the next ejection shorter', () => {
  const bench = new Bench(three);
  bench.nowMs += eject(bench, 'a') + 1;
  expect(bench.hit('a', 'success')).toBe('returned');
  expect(eject(bench, 'a')).toBeGreaterThanOrEqual(20_000);
  bench.nowMs += 24_001;
  expect(bench.hit('a', 'success')).toBe('returned');
  bench.nowMs += 20_000;
  expect(eject(bench, 'a')).toBeLessThanOrEqual(12_000);
});

test('an ejected instance gets one trial; a caller that gives up leaves it open, a mistake of the caller lifts the block', () => {
  const bench = new Bench(three);
  bench.nowMs += eject(bench, 'a') + 1;
  expect(bench.states()['a']).toBe('on-trial');
  const first = bench.take();
  expect(bench.name(first)).toBe('a');
  expect(bench.balancer.done(first, 'cancelled', bench.nowMs)).toBeUndefined();
  const second = bench.take();
  expect(bench.name(second)).toBe('a');
  expect(bench.balancer.done(second, 'client-error', bench.nowMs)).toBe('returned');
});

test('a retry is never a trial', () => {
  const bench = new Bench(three);
  const earlier = bench.hit('b', 'success');
  expect(earlier).toBeUndefined();
  let other = bench.take();
  while (bench.name(other) === 'a') other = bench.take();
  bench.nowMs += eject(bench, 'a') + 1;
  for (let i = 0; i < 50; i++) {
    const lease = bench.take([other]);
    expect(bench.name(lease)).not.toBe('a');
    bench.balancer.done(lease, 'success', bench.nowMs);
  }
});

test.each([
  [1, 0],
  [2, 1],
  [3, 1],
  [5, 1],
  [9, 1],
  [10, 2],
  [25, 5],
])('of %i instances that all fail, %i are ejected', (count, ejected) => {
  const bench = new Bench(numbered(count));
  for (let i = 0; i < count * 40; i++) bench.balancer.done(bench.take(), 'server-error', 0);
  expect(Object.values(bench.states()).filter((state) => state === 'ejected').length).toBe(ejected);
});

test('a service whose every connection fails is still tried', () => {
  const bench = new Bench(three);
  for (let i = 0; i < 30; i++) bench.balancer.done(bench.take(), 'connect-failed', 0);
  expect(typeof bench.pick()).toBe('number');
});

test('an instance whose checks pass again is not held to what we saw before', () => {
  const bench = new Bench(three);
  eject(bench, 'a');
  bench.mesh.setService('s', [{ id: 'a', node: 'n1', routable: false }, ...three.slice(1)]);
  expect(bench.states()['a']).toBe('not-routable');
  bench.mesh.setService('s', three);
  expect(bench.states()['a']).toBe('open');
  expect(bench.shares(300)['a']).toBeGreaterThan(50);
});

test('an instance that refuses at once draws almost no traffic', () => {
  const bench = new Bench(three);
  let swallowed = 0;
  const inFlight: Lease[] = [];
  for (let ms = 0; ms < 10_000; ms++) {
    bench.nowMs = ms;
    const lease = bench.take();
    if (bench.name(lease) === 'a') {
      swallowed++;
      bench.balancer.done(lease, 'connect-failed', ms);
      continue;
    }
    inFlight.push(lease);
    if (inFlight.length > 20) bench.balancer.done(inFlight.shift() as Lease, 'success', ms);
  }
  expect(swallowed).toBeLessThanOrEqual(3);
});
