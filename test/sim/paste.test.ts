/** What a failing property of a story is printed as: something that can be pasted, however its function was written. */

import { runInThisContext } from 'node:vm';
import { Script, failureText } from '@skein/sim';
import type { Scene } from '@skein/sim';
import { expect, test } from 'vitest';

type Ask = (scene: Scene) => boolean;

/** The scenario of a failure of a property that is this function. */
function pasted(ask: Ask): string {
  const sim = new Script({ nodes: 3, rest: 0 }, 1);
  sim.always("it's so", ask);
  const failure = { property: 'x', doc: '', phase: 'chaos', atMs: 0, chaosMs: 0, node: '', found: 'x' } as const;
  const text = failureText('x', { plan: sim.plan(), failure, seed: 1, runs: 0, asked: sim.properties[0] });
  return text.slice(text.indexOf('chaos('), text.indexOf('\n});') + 4);
}

/** What the pasted text asks of a scene. */
function askedBy(text: string): Ask | undefined {
  let found: Ask | undefined;
  const sim = { always: (_name: string, ask: Ask) => (found = ask), at: () => ({ calm: () => {} }) };
  const chaos = (_name: string, _options: object, script: (told: typeof sim) => void): void => script(sim);
  (runInThisContext(`(chaos) => { ${text} }`) as (run: typeof chaos) => void)(chaos);
  return found;
}

const asks = {
  method(scene: Scene) {
    return scene.nowMs === 7;
  },
  delete(scene: Scene) {
    return [scene].some((each) => each.nowMs === 7);
  },
  async(scene: Scene) {
    return [scene].some((each) => each.nowMs === 7);
  },
  'a name'(scene: Scene) {
    return scene.nowMs === 7;
  },
  arrow: (scene: Scene) => scene.nowMs === 7,
  'an arrow with a default': (scene: Scene, most = Math.max(7, 3)) => [scene].some((each) => each.nowMs === most),
  function: function (scene: Scene) {
    return scene.nowMs === 7;
  },
};

test.each(Object.entries(asks))('a property that is written as %s can be pasted', (_how, ask) => {
  const again = askedBy(pasted(ask));
  expect(again?.({ nowMs: 7 } as Scene)).toBe(true);
  expect(again?.({ nowMs: 8 } as Scene)).toBe(false);
});

class Watcher {
  readonly #at = 7;

  /** For tests: a method that only its class can run. */
  holds(scene: Scene): boolean {
    return scene.nowMs === this.#at;
  }
}

test('a property that uses what only its class has is a comment that says so', () => {
  const text = pasted(Reflect.get(Watcher.prototype, 'holds'));
  expect(text).toContain('its function does not show its source');
  expect(askedBy(text)).toBeUndefined();
});

test('a property without a source is a comment that says so, and the rest can be pasted', () => {
  const text = pasted(asks.arrow.bind(undefined));
  expect(text).toContain("// sim.always('it\\'s so', …); its function does not show its source");
  expect(askedBy(text)).toBeUndefined();
});
