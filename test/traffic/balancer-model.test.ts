/** The balancer against a model that keeps one object per instance and recomputes everything at each step. */

import { expect, test } from 'vitest';
import * as fc from 'fast-check';
import { seededRng } from '@skein/core';
import { Balancer, type Lease, type Outcome, type Transition } from '@skein/traffic';
import { FakeMesh } from './fake-view.ts';

const outcomes: readonly Outcome[] = [
  'success',
  'client-error',
  'server-error',
  'timeout',
  'connect-failed',
  'broken',
  'cancelled',
];
const maxInFlight = 3;

interface Modelled {
  routable: boolean;
  weight: number;
  inFlight: number;
  failures: number;
  block: 'none' | 'avoided' | 'ejected';
  untilMs: number;
  trialing: boolean;
}

interface Attempt {
  readonly lease: Lease;
  readonly on: Modelled;
  readonly trial: boolean;
}

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('pick' as const), retryOf: fc.nat(5) }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('done' as const), which: fc.nat(), outcome: fc.constantFrom(...outcomes) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 500, 1000, 12_000, 60_000) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('view' as const),
      ids: fc.uniqueArray(fc.nat(6), { maxLength: 7 }),
      down: fc.array(fc.nat(6), { maxLength: 2 }),
      unweighted: fc.array(fc.nat(6), { maxLength: 1 }),
    }),
  },
);

class Model {
  readonly mesh = new FakeMesh();
  readonly balancer: Balancer;
  readonly instances = new Map<string, Modelled>();
  readonly attempts: Attempt[] = [];
  nowMs = 0;

  constructor(seed: number) {
    this.balancer = new Balancer({ rng: seededRng(seed), maxInFlight });
  }

  setView(ids: readonly number[], down: readonly number[], unweighted: readonly number[]): void {
    const wanted = ids.map((id) => ({
      id: `i${id}`,
      routable: !down.includes(id),
      weight: unweighted.includes(id) ? 0 : 1 + (id % 2),
    }));
    this.mesh.setService('s', wanted);
    for (const id of this.instances.keys()) if (!wanted.some((each) => each.id === id)) this.instances.delete(id);
    for (const { id, routable, weight } of wanted) {
      const known = this.instances.get(id);
      if (known === undefined) {
        this.instances.set(id, { routable, weight, inFlight: 0, failures: 0, block: 'none', untilMs: 0, trialing: false });
        continue;
      }
      if (routable && !known.routable) Object.assign(known, { block: 'none', failures: 0 });
      Object.assign(known, { routable, weight });
    }
    // Views are seen when they are asked for, so that a flap between two requests goes unseen in both.
    this.balancer.inspect(this.mesh.view(), 's', this.nowMs);
  }

  pick(retryOf: number): void {
    const earlier = this.attempts.slice(0, retryOf > 2 ? 0 : retryOf);
    const got = this.balancer.pick(
      this.mesh.view(),
      's',
      earlier.map((each) => each.lease),
      this.nowMs,
    );
    const routable = [...this.instances.values()].filter((each) => each.routable);
    const excluded = (each: Modelled): boolean => earlier.some((attempt) => attempt.on === each);
    const due = routable.filter((each) => each.block !== 'none' && this.nowMs >= each.untilMs && !each.trialing);
    const open = routable.filter((each) => each.block === 'none' && each.weight > 0);
    const reserve = routable.filter((each) => !open.includes(each));
    const usable = (list: Modelled[]): Modelled[] => list.filter((each) => !excluded(each) && each.inFlight < maxInFlight);
    const name = typeof got === 'string' ? got : (this.balancer.instance(got)?.instance.id ?? 'gone');
    const picked = this.instances.get(name);
    const trial = earlier.length === 0 && due.length > 0;
    if (trial) expect(due).toContain(picked);
    else if (usable(open).length > 0) expect(usable(open)).toContain(picked);
    else if (this.instances.size === 0) expect(got).toBe('no-instances');
    else if (routable.length === 0) expect(got).toBe('none-routable');
    else if (open.some((each) => !excluded(each))) expect(got).toBe('overloaded');
    else if (usable(reserve).length > 0) expect(usable(reserve)).toContain(picked);
    else expect(got).toBe(reserve.some((each) => !excluded(each)) ? 'overloaded' : 'all-excluded');
    if (typeof got === 'string' || picked === undefined) return;
    picked.inFlight++;
    if (trial) picked.trialing = true;
    this.attempts.push({ lease: got, on: picked, trial });
  }

  done(which: number, outcome: Outcome): void {
    const [attempt] = this.attempts.splice(which % Math.max(1, this.attempts.length), 1);
    if (attempt === undefined) return;
    const here = [...this.instances.entries()].find(([, each]) => each === attempt.on);
    const transition = this.balancer.done(attempt.lease, outcome, this.nowMs);
    if (here === undefined) {
      expect(transition).toBeUndefined();
      return;
    }
    const [id, on] = here;
    on.inFlight--;
    expect(transition).toBe(this.judge(on, outcome, attempt.trial));
    const state = this.balancer.inspect(this.mesh.view(), 's', this.nowMs).find((each) => each.instance.instance.id === id);
    if (transition === 'ejected') {
      const lengthMs = (state?.blockedUntilMs ?? 0) - this.nowMs;
      expect(lengthMs).toBeGreaterThanOrEqual(10_000 - 0.001);
      expect(lengthMs).toBeLessThanOrEqual(300_000 + 0.001);
      on.untilMs = state?.blockedUntilMs ?? 0;
    }
    expect([state?.inFlight, state?.failures]).toEqual([on.inFlight, on.failures]);
  }

  judge(on: Modelled, outcome: Outcome, trial: boolean): Transition | undefined {
    if (trial) on.trialing = false;
    const was = on.block;
    if (outcome === 'cancelled') return undefined;
    if (outcome === 'success' || outcome === 'client-error') {
      if (trial) {
        Object.assign(on, { block: 'none', failures: 0 });
        return was === 'none' ? undefined : 'returned';
      }
      if (outcome === 'success' && was === 'none') on.failures = 0;
      return undefined;
    }
    if (was === 'ejected' && !trial) return undefined;
    on.failures += outcome === 'connect-failed' ? 2 : 1;
    const routable = [...this.instances.values()].filter((each) => each.routable);
    const ejected = routable.filter((each) => each.block === 'ejected').length;
    const room = ejected < Math.max(1, Math.floor(routable.length / 5)) && routable.length - ejected >= 2;
    if (was === 'ejected' || (on.failures >= 5 && room)) {
      on.block = 'ejected';
      return 'ejected';
    }
    if (outcome !== 'connect-failed' && !trial) return undefined;
    Object.assign(on, { block: 'avoided', untilMs: this.nowMs + 1000 });
    return was === 'avoided' ? undefined : 'avoided';
  }
}

test('picks, refusals and transitions are those of a dumb model', () => {
  fc.assert(
    fc.property(fc.integer(), fc.array(step, { minLength: 20, maxLength: 150 }), (seed, steps) => {
      const model = new Model(seed);
      model.setView([0, 1, 2], [], []);
      for (const each of steps) {
        if (each.do === 'wait') model.nowMs += each.ms;
        else if (each.do === 'view') model.setView(each.ids, each.down, each.unweighted);
        else if (each.do === 'pick') model.pick(each.retryOf);
        else model.done(each.which, each.outcome);
      }
    }),
    { numRuns: 400, seed: 7 },
  );
});
