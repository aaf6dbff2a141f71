/**
 * Keeps the real world out of a simulation: while a story runs, what reads a clock, draws chance, waits or talks to
 * others throws, with what to use instead. A handler that slips past would make a run that no seed gives again.
 */

import { ScenarioError } from '../scenario-error.ts';

type Target = Record<string, unknown>;

interface Ban {
  readonly on: Target;
  readonly name: string;
  /** As people write it, where that is more than the name. */
  readonly as?: string;
  readonly instead: string;
}

const globals = globalThis as unknown as Target;

const bans: readonly Ban[] = [
  { on: Math as unknown as Target, name: 'random', as: 'Math.random', instead: 'sim.random(k) draws from the seed' },
  ...['randomUUID', 'getRandomValues'].map((name) => ({
    on: globals['crypto'] as Target,
    name,
    as: `crypto.${name}`,
    instead: 'sim.random(k) draws from the seed',
  })),
  { on: globals['performance'] as Target, name: 'now', as: 'performance.now', instead: 'scene.nowMs is the time' },
  { on: process as unknown as Target, name: 'hrtime', as: 'process.hrtime', instead: 'scene.nowMs is the time' },
  ...['setTimeout', 'setInterval', 'setImmediate'].map((name) => ({
    on: globals,
    name,
    instead: "sim.at('10s') says when something happens",
  })),
  ...['fetch', 'WebSocket'].map((name) => ({
    on: globals,
    name,
    instead: 'sim.load(service) sends requests in the simulated mesh',
  })),
].filter(({ on, name }) => typeof on?.[name] === 'function');

/** Runs `simulation`, which is synchronous, with the globals that would make it differ from itself replaced by throwers. */
export function guarded<T>(simulation: () => T): T {
  const restores = bans.map(({ on, name, as = name, instead }) => {
    const refuse = (): never => {
      throw new ScenarioError(`${as}() is not for simulations, which must be the same every time: ${instead}`);
    };
    return replace(on, name, Object.assign(refuse, { bigint: refuse }));
  });
  restores.push(replace(globals, 'Date', deadClock(Date)));
  try {
    return simulation();
  } finally {
    for (const restore of restores) restore();
  }
}

function replace(on: Target, name: string, value: unknown): () => void {
  const before = Object.getOwnPropertyDescriptor(on, name);
  Object.defineProperty(on, name, { value, configurable: true, writable: true });
  return () => {
    if (before === undefined) delete on[name];
    else Object.defineProperty(on, name, before);
  };
}

/** `Date` without now: a date of a given time is plain data. */
function deadClock(date: DateConstructor): DateConstructor {
  const refuse = (): never => {
    throw new ScenarioError(
      'Date: the real time is not for simulations, which must be the same every time: scene.nowMs is the time',
    );
  };
  return new Proxy(date, {
    get: (target, key) => (key === 'now' ? refuse : Reflect.get(target, key)),
    apply: refuse,
    construct: (target, args: unknown[]) => (args.length === 0 ? refuse() : (Reflect.construct(target, args) as object)),
  });
}
