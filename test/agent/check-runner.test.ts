import type { CheckDefinition, CheckProbe, Registration } from '@skein/core';
import { checkId, seededRng } from '@skein/core';
import { CheckRunner, type RunBounds, type Verdict } from '@skein/agent/parts';
import { beforeEach, describe, expect, test } from 'vitest';
import { ManualClock, settle } from './manual-clock.ts';

const passing: Verdict = { status: 'passing', output: 'ok' };

let clock: ManualClock;
let runner: CheckRunner;
/** Runs under way: answered by the test. */
let runs: {
  readonly probe: CheckProbe;
  readonly signal: AbortSignal;
  readonly bounds: RunBounds | undefined;
  answer(verdict: Verdict): void;
  fail(error: Error): void;
}[];
let results: string[];

beforeEach(() => {
  clock = new ManualClock();
  runs = [];
  results = [];
  runner = new CheckRunner({
    clock,
    rng: seededRng(1),
    result: (id, status, output) => results.push(`${id} ${status} ${output}`),
    run: (probe, signal, bounds) =>
      new Promise((resolve, reject) => {
        runs.push({ probe, signal, bounds, answer: resolve, fail: reject });
        signal.addEventListener('abort', () => resolve({ status: 'critical', output: 'cut off' }));
      }),
  });
});

function check(id: string, changes: Partial<CheckDefinition> = {}): Registration {
  return {
    type: 'check',
    definition: {
      id: checkId(id),
      name: id,
      notes: '',
      instanceId: undefined,
      probe: { type: 'tcp', address: '127.0.0.1:1' },
      intervalMs: 5000,
      timeoutMs: 2000,
      successBeforePassing: 0,
      failuresBeforeWarning: 0,
      failuresBeforeCritical: 0,
      deregisterCriticalAfterMs: 0,
      initialStatus: 'critical',
      ...changes,
    },
    state: { status: 'critical', output: '' },
  };
}

test('a check runs within a second of its registration, then at its interval, give or take a twentieth', async () => {
  runner.changed(check('a'));
  clock.advance(1000);
  expect(runs).toHaveLength(1);
  runs[0]?.answer(passing);
  await settle();
  expect(results).toEqual(['a passing ok']);
  clock.advance(4749);
  expect(runs).toHaveLength(1);
  clock.advance(501);
  expect(runs).toHaveLength(2);
});

test('checks that ran at one time drift apart', async () => {
  for (let n = 0; n < 20; n++) runner.changed(check(`c${n}`, { intervalMs: 60_000 }));
  clock.advance(1000);
  for (const run of runs) run.answer(passing);
  await settle();
  clock.advance(60_000);
  expect(runs.length).toBeGreaterThan(20);
  expect(runs.length).toBeLessThan(40);
});

test('checks registered together do not start together', () => {
  for (let n = 0; n < 20; n++) runner.changed(check(`c${n}`));
  clock.advance(300);
  const early = runs.length;
  clock.advance(700);
  expect(early).toBeGreaterThan(0);
  expect(early).toBeLessThan(20);
  expect(runs).toHaveLength(20);
});

test('a run that hangs is cut off at its timeout, and no other run of its check starts before', async () => {
  runner.changed(check('a', { intervalMs: 1000, timeoutMs: 4000 }));
  clock.advance(1000);
  clock.advance(3000 - 1);
  expect(runs).toHaveLength(1);
  expect(results).toEqual([]);
  clock.advance(1001);
  await settle();
  expect(results).toEqual(['a critical cut off']);
  clock.advance(1050);
  expect(runs).toHaveLength(2);
});

test('a check without a timeout has one of ten seconds', async () => {
  runner.changed(check('a', { timeoutMs: 0 }));
  clock.advance(1000);
  clock.advance(10_000);
  await settle();
  expect(results).toEqual(['a critical cut off']);
});

test('the same definition again leaves the schedule as it is; another one replaces it', () => {
  runner.changed(check('a'));
  clock.advance(1000);
  runner.changed(check('a'));
  expect(runs[0]?.signal.aborted).toBe(false);
  runner.changed(check('a', { probe: { type: 'tcp', address: '127.0.0.1:2' } }));
  expect(runs[0]?.signal.aborted).toBe(true);
  clock.advance(1000);
  expect(runs[1]?.probe).toEqual({ type: 'tcp', address: '127.0.0.1:2' });
});

test('what is only said of a check changes without a new schedule', async () => {
  runner.changed(check('a'));
  clock.advance(1000);
  runner.changed(check('a', { notes: 'new', failuresBeforeCritical: 3, outputLengthMax: 10 }));
  expect(runs[0]?.signal.aborted).toBe(false);
  runs[0]?.answer(passing);
  await settle();
  clock.advance(5250);
  expect(runs[1]?.bounds).toEqual({ timeoutMs: 2000, outputLengthMax: 10 });
});

test('a check that is refused is critical with the reason, as often as its thresholds need, and is not run', async () => {
  const refusing = new CheckRunner({
    clock,
    rng: seededRng(1),
    refusal: ({ definition }) => (definition.probe.type === 'script' ? 'no scripts here' : undefined),
    result: (id, status, output) => results.push(`${id} ${status} ${output}`),
    run: () => Promise.reject(new Error('this was to be refused')),
  });
  refusing.changed(check('a', { probe: { type: 'script', args: ['true'] } }));
  clock.advance(1000);
  await settle();
  clock.advance(5250);
  await settle();
  expect(results).toEqual(['a critical no scripts here', 'a critical no scripts here']);
});

const script = { probe: { type: 'script', args: ['x'] }, timeoutMs: 50_000 } as const;
const ofType = (type: CheckProbe['type']): number => runs.filter(({ probe }) => probe.type === type).length;

test('scripts have a lane of their own, so that they and sockets do not wait for each other', async () => {
  for (let n = 0; n < 200; n++) runner.changed(check(`s${n}`, script));
  for (let n = 0; n < 10; n++) runner.changed(check(`t${n}`, { timeoutMs: 50_000 }));
  clock.advance(999);
  expect([ofType('script'), ofType('tcp')]).toEqual([128, 10]);
  for (const run of runs.slice()) run.answer(passing);
  await settle();
  expect(ofType('script')).toBe(200);
});

describe.each([
  { lane: 'socket', places: 1024, most: 4096, many: 3000, probe: { type: 'udp', address: '127.0.0.1:1' } },
  { lane: 'script', places: 128, most: 512, many: 300, probe: { type: 'script', args: ['any'] } },
] as const)('of the checks of the $lane lane', ({ places, most, many, probe }) => {
  const good = probe.type === 'udp' ? ({ type: 'tcp', address: 'good:1' } as const) : { ...probe, args: ['good'] };
  const isGood = (each: CheckProbe): boolean => JSON.stringify(each) === JSON.stringify(good);
  const changes = { intervalMs: 1000, timeoutMs: 60_000 };
  const registerMany = (count: number, timeoutMs = changes.timeoutMs): void => {
    for (let n = 0; n < count; n++) runner.changed(check(`h${n}`, { ...changes, timeoutMs, probe }));
  };
  let answersAll: boolean;
  let goodAnswers: boolean;
  let goodAtMs: number[];
  let runningMost: number;

  beforeEach(() => {
    answersAll = false;
    goodAnswers = true;
    goodAtMs = [];
    runningMost = 0;
  });

  /** Lets time pass, in which good targets answer at once, and others if `answersAll`. */
  async function pass(spanMs: number): Promise<void> {
    for (let passed = 0; passed < spanMs; passed += 50) {
      clock.advance(50);
      runningMost = Math.max(runningMost, runner.counts.running);
      for (const run of runs) {
        const isAnswered = isGood(run.probe) ? goodAnswers : answersAll;
        if (!isAnswered) continue;
        if (isGood(run.probe)) goodAtMs.push(clock.time);
        run.answer(passing);
      }
      // Those that hang only hear of their abort.
      runs = [];
      await settle();
    }
  }

  /** The longest time without a result of the good one, with that until now. */
  const longestGap = (): number =>
    [...goodAtMs, clock.time].reduce(
      ({ gap, last }, at) => ({ gap: last === undefined ? 0 : Math.max(gap, at - last), last: at }),
      { gap: 0, last: undefined as number | undefined },
    ).gap;

  test(`${many} that all begin to hang at once keep another waiting for three seconds at most`, async () => {
    registerMany(many);
    runner.changed(check('good', { ...changes, probe: good }));
    answersAll = true;
    await pass(3000);
    answersAll = false;
    await pass(10_000);
    expect(runner.counts.running).toBe(many);
    expect(longestGap()).toBeLessThanOrEqual(1050 + 3000);
    // Those that hang moved away, and no longer are in the way at all.
    goodAtMs = goodAtMs.slice(-5);
    expect(longestGap()).toBeLessThanOrEqual(1100);
  });

  test(`${many} that hang from the start keep another waiting for three seconds at most`, async () => {
    registerMany(many);
    await pass(1000);
    goodAtMs = [clock.time];
    runner.changed(check('good', { ...changes, probe: good }));
    await pass(5000);
    expect(longestGap()).toBeLessThanOrEqual(1050 + 3000);
  });

  test(`${most} at most run at once; the others wait their turn and lose nothing`, async () => {
    registerMany(most + 100, 10_000);
    await pass(9000);
    expect(results).toEqual([]);
    await pass(26_000);
    expect(runningMost).toBe(most);
    expect(new Set(results).size).toBe(most + 100);
  });

  test(`${most + many} that all begin to hang at once keep another waiting by ${places} each second, and not for their timeouts`, async () => {
    registerMany(most + many);
    answersAll = true;
    runner.changed(check('good', { ...changes, probe: good }));
    await pass(3000);
    answersAll = false;
    await pass(20_000);
    const rounds = Math.ceil((most + many) / places);
    expect(longestGap()).toBeLessThanOrEqual(1050 + (rounds + 1) * 1100);
    expect(runningMost).toBeLessThanOrEqual(most);
    expect(results.filter((result) => result.includes('cut off'))).toEqual([]);
    // Those that hang are known by now, and no longer are in the way.
    goodAtMs = goodAtMs.slice(-5);
    expect(longestGap()).toBeLessThanOrEqual(1100);
  });

  test(`those known to hang have ${places} places, in which each has its turn, and quick ones never wait for them`, async () => {
    registerMany(places + 100, 10_000);
    // Each has had a run, and is known to be slow.
    await pass(24_000);
    runner.changed(check('good', { ...changes, probe: good }));
    await pass(1000);
    results = [];
    runningMost = 0;
    await pass(22_000);
    expect(longestGap()).toBeLessThanOrEqual(1100);
    expect(runningMost).toBeLessThanOrEqual(places + 1);
    expect(new Set(results.filter((result) => result.startsWith('h'))).size).toBe(places + 100);
  });

  test('one that hung and answers again at once is quick from then on', async () => {
    goodAnswers = false;
    runner.changed(check('good', { ...changes, timeoutMs: 3000, probe: good }));
    await pass(5000);
    expect(results[0]).toBe('good critical cut off');
    goodAnswers = true;
    registerMany(places + 100, 10_000);
    await pass(24_000);
    goodAtMs = goodAtMs.slice(-1);
    await pass(10_000);
    expect(longestGap()).toBeLessThanOrEqual(1100);
  });
});

test('a removed check ends its run and reports nothing more', async () => {
  runner.changed(check('a'));
  clock.advance(1000);
  runner.removed('c/a');
  await settle();
  expect(runs[0]?.signal.aborted).toBe(true);
  expect(results).toEqual([]);
  clock.advance(60_000);
  expect(runs).toHaveLength(1);
  expect(clock.pending).toBe(0);
});

test('a result that removes its own check does not schedule it again', async () => {
  const once = new CheckRunner({
    clock,
    rng: seededRng(1),
    result: () => once.removed('c/a'),
    run: async () => passing,
  });
  once.changed(check('a'));
  clock.advance(1000);
  await settle();
  expect(clock.pending).toBe(0);
});

test('a run that throws is a critical result, not the end of the check', async () => {
  runner.changed(check('a'));
  clock.advance(1000);
  runs[0]?.fail(new Error('odd'));
  await settle();
  expect(results[0]).toContain('a critical');
  clock.advance(5250);
  expect(runs).toHaveLength(2);
});

describe('a run that does not end with its abort', () => {
  const deaf = (): CheckRunner =>
    new CheckRunner({
      clock,
      rng: seededRng(1),
      result: (id, status, output) => results.push(`${id} ${status} ${output}`),
      run: (probe) => (probe === good ? Promise.resolve(passing) : new Promise(() => undefined)),
    });
  const good = { type: 'script', args: ['good'] } as const;

  test('is given up two seconds after its timeout, and its check goes on', async () => {
    const runner = deaf();
    runner.changed(check('a'));
    clock.advance(1000);
    await settle();
    clock.advance(4000);
    await settle();
    expect(results).toEqual(['a critical the check did not end within its timeout of 2000 ms']);
    expect(runner.counts).toEqual({ scheduled: 1, running: 0 });
    clock.advance(5250);
    expect(runner.counts).toEqual({ scheduled: 1, running: 1 });
  });

  test('keeps no other check from its turn, however many there are', async () => {
    const runner = deaf();
    for (let n = 0; n < 512; n++) runner.changed(check(`c${n}`, { ...script, timeoutMs: 5000 }));
    clock.advance(5000);
    expect(runner.counts.running).toBe(512);
    runner.changed(check('good', { probe: good }));
    clock.advance(2000);
    await settle();
    expect(results).toEqual(['good passing ok']);
  });

  test('of a check that is registered again leaves its place', async () => {
    const runner = deaf();
    for (let n = 1; n <= 100; n++) {
      runner.changed(check('a', { timeoutMs: n }));
      clock.advance(1000);
    }
    clock.advance(2000);
    await settle();
    runner.removed('c/a');
    clock.advance(2000);
    await settle();
    expect(runner.counts).toEqual({ scheduled: 0, running: 0 });
    expect(clock.pending).toBe(0);
  });
});

describe('what is not run', () => {
  test.each<[string, Registration]>([
    ['TTL checks', check('t', { probe: { type: 'ttl', ttlMs: 1 } })],
    ['aliases', check('l', { probe: { type: 'alias', node: '', instance: 'x' } })],
    ['checks that only their writer updates', check('n', { probe: { type: 'none' } })],
    ['instances', { type: 'instance', instance: { id: 'i' } } as Registration],
  ])('%s', (_what, registration) => {
    runner.changed(registration);
    clock.advance(60_000);
    expect(runs).toEqual([]);
  });

  test('an HTTP check that became a TTL check', () => {
    runner.changed(check('a'));
    runner.changed(check('a', { probe: { type: 'ttl', ttlMs: 1 } }));
    clock.advance(60_000);
    expect(runs).toEqual([]);
  });

  test('anything after stop, which ends what runs', async () => {
    runner.changed(check('a'));
    runner.changed(check('b'));
    clock.advance(1000);
    runner.stop();
    runner.changed(check('c'));
    await settle();
    expect(runs.map(({ signal }) => signal.aborted)).toEqual([true, true]);
    expect(results).toEqual([]);
    clock.advance(60_000);
    expect(runs).toHaveLength(2);
  });
});
