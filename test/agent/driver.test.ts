import { setMaxListeners } from 'node:events';
import type { Command, CommandResult, Effect, Input, MeshEvent, Persist, View } from '@skein/core';
import { nodeId } from '@skein/core';
import { Driver } from '@skein/agent/parts';
import { describe, expect, test } from 'vitest';
import { ManualClock } from './manual-clock.ts';

const peer = nodeId('peer');

/** A node that answers as the test says, and remembers what it was given. */
class FakeNode {
  readonly self = nodeId('self');
  readonly epoch = 1;
  readonly healthScore = 2;
  readonly inputs: { readonly input: Input; readonly now: number }[] = [];
  readonly indexes = new Map<string, number>();
  deadline: number | undefined;
  depth = 0;
  react: (input: Input) => readonly Effect[] = () => [];
  onCommand: (command: Command) => { result: CommandResult; effects: readonly Effect[] } = () => ({
    result: { ok: true },
    effects: [],
  });

  get view(): View {
    return { index: (topic: string) => this.indexes.get(topic) ?? 1 } as View;
  }
  start(): readonly Effect[] {
    return [];
  }
  step(input: Input, now: number): readonly Effect[] {
    expect(++this.depth).toBe(1);
    this.inputs.push({ input, now });
    if (input.type === 'tick') this.deadline = undefined;
    const effects = this.react(input);
    this.depth--;
    return effects;
  }
  dispatch(command: Command): { result: CommandResult; effects: readonly Effect[] } {
    expect(this.depth).toBe(0);
    return this.onCommand(command);
  }
  nextDeadline(): number | undefined {
    return this.deadline;
  }
}

function setUp(): {
  node: FakeNode;
  clock: ManualClock;
  driver: Driver;
  performed: string[];
  hooks: { connect: () => void; event: (event: MeshEvent) => void };
} {
  const node = new FakeNode();
  const clock = new ManualClock();
  const performed: string[] = [];
  const hooks = { connect: (): void => undefined, event: (_event: MeshEvent): void => undefined };
  const driver = new Driver({
    node,
    clock,
    lateTickMs: 100,
    transport: {
      send: (to, message, lane) => performed.push(`send ${to} ${message.type} ${lane}`),
      connect: (dial) => {
        performed.push(`connect ${dial.dial}`);
        hooks.connect();
      },
      disconnect: (to, reason) => performed.push(`disconnect ${to} ${reason}`),
    },
    persist: (change: Persist) => performed.push(`persist ${change.type}`),
    event: (event) => {
      performed.push(`event ${event.type}`);
      hooks.event(event);
    },
  });
  return { node, clock, driver, performed, hooks };
}

const connect = (dial: number): Effect => ({ type: 'connect', dial, to: peer, addresses: [], fresh: false, timeoutMs: 1 });
const ping: Effect = { type: 'send', to: peer, message: { type: 'ping', seq: 1, root: '' } as never, lane: 'wire' };
const changed = (...topics: string[]): Effect => ({ type: 'emit', event: { type: 'view-changed', topics } });
const ticks = (node: FakeNode): number[] => node.inputs.filter(({ input }) => input.type === 'tick').map(({ now }) => now);

describe('effects', () => {
  test('are performed in order, each by its port', () => {
    const { node, driver, performed } = setUp();
    node.react = () => [
      { type: 'persist', persist: { type: 'epoch', epoch: 2 } },
      ping,
      { type: 'disconnect', to: peer, reason: 'left' },
      { type: 'emit', event: { type: 'left' } },
    ];
    driver.input({ type: 'tick' });
    expect(performed).toEqual(['persist epoch', 'send peer ping wire', 'disconnect peer left', 'event left']);
  });

  test('of an input that an effect sets off synchronously come after those already waiting', () => {
    const { node, driver, performed, hooks } = setUp();
    node.react = (input) => (input.type === 'tick' ? [connect(1), ping] : [{ type: 'emit', event: { type: 'left' } }]);
    hooks.connect = () => driver.input({ type: 'peer', id: peer, state: 'lost' });
    driver.input({ type: 'tick' });
    expect(performed).toEqual(['connect 1', 'send peer ping wire', 'event left']);
  });

  test('a command dispatched while effects are performed is answered at once', () => {
    const { node, driver, performed, hooks } = setUp();
    node.react = () => [{ type: 'emit', event: { type: 'left' } }, ping];
    node.onCommand = () => ({ result: { ok: false, code: 'leaving', message: 'm' }, effects: [connect(9)] });
    let answer: CommandResult | undefined;
    hooks.event = () => (answer = driver.dispatch({ type: 'leave' }));
    driver.input({ type: 'tick' });
    expect(answer).toMatchObject({ ok: false, code: 'leaving' });
    expect(performed).toEqual(['event left', 'send peer ping wire', 'connect 9']);
  });

  test('a chain of a hundred thousand synchronous answers does not grow the stack', () => {
    const { node, driver, hooks } = setUp();
    let left = 100_000;
    node.react = () => (left-- > 0 ? [connect(1)] : []);
    hooks.connect = () => driver.input({ type: 'tick' });
    driver.input({ type: 'tick' });
    expect(left).toBe(-1);
  });
});

describe('the wake-up', () => {
  test('comes at the deadline, and follows it when it moves', () => {
    const { node, clock, driver } = setUp();
    node.deadline = 500;
    driver.start();
    node.deadline = 200;
    driver.input({ type: 'peer', id: peer, state: 'lost' });
    node.react = (input) => {
      if (input.type === 'tick' && clock.time < 700) node.deadline = 700;
      return [];
    };
    clock.advance(800);
    expect(ticks(node)).toEqual([200, 700]);
  });

  test('is not given when what came meanwhile moved the deadline away', () => {
    const { node, clock, driver } = setUp();
    node.deadline = 100;
    driver.start();
    clock.time = 100;
    node.deadline = 400;
    clock.advance(100);
    expect(ticks(node)).toEqual([]);
    clock.advance(300);
    expect(ticks(node)[0]).toBe(400);
  });

  test('that is late waits until the sockets were read', () => {
    const { node, clock, driver } = setUp();
    node.deadline = 100;
    driver.start();
    clock.stall(300);
    expect(ticks(node)).toEqual([]);
    driver.input({ type: 'peer', id: peer, state: 'lost' });
    expect(ticks(node)).toEqual([]);
    clock.poll();
    expect(ticks(node)).toEqual([300]);
  });

  test('a little late is given at once', () => {
    const { node, clock, driver } = setUp();
    node.deadline = 100;
    driver.start();
    clock.stall(150);
    expect(ticks(node)).toEqual([150]);
  });

  test('keeps one timer besides the one of the clock', () => {
    const { node, clock, driver } = setUp();
    driver.start();
    for (let deadline = 1000; deadline > 900; deadline--) {
      node.deadline = deadline;
      driver.input({ type: 'peer', id: peer, state: 'lost' });
    }
    expect(clock.pending).toBe(2);
  });
});

test('every second the node is told the worst lag and the wall clock', () => {
  const { node, clock, driver } = setUp();
  driver.start();
  clock.lag = 70;
  clock.advance(2000);
  expect(node.inputs.map(({ input }) => input)).toEqual([
    { type: 'clock', lagMs: 70, wallMs: 1_700_000_001_000 },
    { type: 'clock', lagMs: 70, wallMs: 1_700_000_002_000 },
  ]);
  expect(driver.lagMs).toBe(70);
  expect(driver.healthScore).toBe(2);
});

describe('waiting for a change', () => {
  const never = new AbortController().signal;

  async function isSettled(promise: Promise<unknown>): Promise<boolean> {
    return Promise.race([promise.then(() => true), new Promise<boolean>((resolve) => void setImmediate(() => resolve(false)))]);
  }

  test('ends at once when the index is already greater', async () => {
    const { driver } = setUp();
    expect(await isSettled(driver.changed('members', 0, never))).toBe(true);
  });

  test('ends when its topic changed, not when another did', async () => {
    const { node, driver } = setUp();
    const wait = driver.changed('service/a', 1, never);
    node.indexes.set('service/b', 2);
    node.react = () => [changed('service/b')];
    driver.input({ type: 'tick' });
    expect(await isSettled(wait)).toBe(false);
    node.indexes.set('service/a', 3);
    node.react = () => [changed('service/a')];
    driver.input({ type: 'tick' });
    expect((await wait).index('service/a')).toBe(3);
  });

  test('goes on while the index is not greater than the one waited for', async () => {
    const { node, driver } = setUp();
    const wait = driver.changed('members', 5, never);
    node.indexes.set('members', 5);
    node.react = () => [changed('members')];
    driver.input({ type: 'tick' });
    expect(await isSettled(wait)).toBe(false);
    driver.stop();
  });

  test('ends when its signal aborts, before or meanwhile', async () => {
    const { driver } = setUp();
    expect(await isSettled(driver.changed('members', 9, AbortSignal.abort()))).toBe(true);
    const controller = new AbortController();
    const wait = driver.changed('members', 9, controller.signal);
    expect(await isSettled(wait)).toBe(false);
    controller.abort();
    expect(await isSettled(wait)).toBe(true);
  });

  test('ends when the driver stops, which also silences the node', async () => {
    const { node, clock, driver } = setUp();
    driver.start();
    const wait = driver.changed('members', 9, never);
    driver.stop();
    expect(await isSettled(wait)).toBe(true);
    clock.advance(10_000);
    driver.input({ type: 'tick' });
    expect(node.inputs).toEqual([]);
    expect(driver.dispatch({ type: 'leave' })).toMatchObject({ ok: false });
  });

  test('is bounded: one waiter too many is answered at once, and places are given back', async () => {
    const { driver } = setUp();
    const controller = new AbortController();
    setMaxListeners(0, controller.signal);
    const waits = Array.from({ length: 16_384 }, (_, n) =>
      driver.changed(`service/${n % 100}`, 9, {
        aborted: false,
        addEventListener: (_type, listener) => controller.signal.addEventListener('abort', listener),
        removeEventListener: () => undefined,
      }),
    );
    expect(await isSettled(driver.changed('members', 9, never))).toBe(true);
    controller.abort();
    await Promise.all(waits);
    expect(await isSettled(driver.changed('members', 9, never))).toBe(false);
    driver.stop();
  });
});
