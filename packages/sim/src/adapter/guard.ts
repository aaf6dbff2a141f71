/**
 * Keeps the real world out of a simulation: while a story runs, what reads a clock, draws chance, waits, talks to
 * others or ends the process throws, with what to use instead. A handler that slips past would make a run that no seed
 * gives again. What was taken out of a global before (`const { random } = Math`) is out of reach, and so are files,
 * `process.env` and the clock behind `Intl.DateTimeFormat`: the README says so.
 */

import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers';
import { ScenarioError } from '../scenario-error.ts';

type Target = Record<string, unknown>;

interface Ban {
  readonly on: Target;
  readonly name: string;
  /** As people write it, where that is more than the name. */
  readonly as?: string;
  readonly instead: string;
  /** Default: that it makes a run that no seed gives again. */
  readonly why?: string;
}

const globals = globalThis as unknown as Target;
const sameEveryTime = 'which must be the same every time';
const draws = 'sim.random(k) draws from the seed';
const randoms = ['randomBytes', 'randomFill', 'randomFillSync', 'randomInt', 'randomUUID'];
const waits = ['setTimeout', 'setInterval', 'setImmediate'];
const happens = "sim.at('10s') says when something happens";

const bans: readonly Ban[] = [
  { on: Math as unknown as Target, name: 'random', as: 'Math.random', instead: draws },
  ...['randomUUID', 'getRandomValues'].map((name) => ({
    on: globals['crypto'] as Target,
    name,
    as: `crypto.${name}`,
    instead: draws,
  })),
  ...randoms.map((name) => ({ on: crypto as unknown as Target, name, as: `crypto.${name}`, instead: draws })),
  { on: globals['performance'] as Target, name: 'now', as: 'performance.now', instead: 'scene.nowMs is the time' },
  ...['hrtime', 'uptime'].map((name) => ({
    on: process as unknown as Target,
    name,
    as: `process.${name}`,
    instead: 'scene.nowMs is the time',
  })),
  ...[globals, timers as unknown as Target].flatMap((on) => waits.map((name) => ({ on, name, instead: happens }))),
  {
    on: process as unknown as Target,
    name: 'exit',
    as: 'process.exit',
    why: 'which would end without a result',
    instead: 'return, or throw an Error that says why',
  },
  ...['fetch', 'WebSocket'].map((name) => ({
    on: globals,
    name,
    instead: 'sim.load(service) sends requests in the simulated mesh',
  })),
].filter(({ on, name }) => typeof on?.[name] === 'function');

/** Runs `simulation`, which is synchronous, with the globals that would make it differ from itself replaced by throwers. */
export function guarded<T>(simulation: () => T): T {
  const restores = bans.map(({ on, name, as = name, instead, why = sameEveryTime }) => {
    const refuse = (): never => {
      throw new ScenarioError(`${as}() is not for simulations, ${why}: ${instead}`);
    };
    return replace(on, name, Object.assign(refuse, { bigint: refuse }));
  });
  restores.push(replace(globals, 'Date', deadClock(Date)));
  // What `import { randomInt } from 'node:crypto'` gives follows its module only when told.
  syncBuiltinESMExports();
  try {
    return simulation();
  } finally {
    for (const restore of restores) restore();
    syncBuiltinESMExports();
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
