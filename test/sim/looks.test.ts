/** When properties are looked at: after whatever changes what they see, and once more when all is over. */

import type { View } from '@skein/core';
import { Script, runPlan, shrink, simulate } from '@skein/sim';
import type { Failure, FaultPlan } from '@skein/sim';
import { expect, test } from 'vitest';

function story(tell: Parameters<typeof simulate>[1]) {
  return simulate({ nodes: 3, rest: 0 }, (sim) => {
    sim.service('a', { on: sim.node(1) });
    sim.load('a', { every: '50ms' });
    sim.at('9s').calm();
    tell(sim);
  });
}

test('a request is a change: what a count of requests breaks is found with that request', () => {
  const { failures } = story((sim) => sim.never('more than 300 calls', (scene) => scene.calls('a').calls > 300));
  // Three callers, twenty requests of each in a second.
  expect(failures).toMatchObject([{ property: 'more than 300 calls', phase: 'chaos', chaosMs: 5000 }]);
});

test('the end is looked at, although nothing changes there', () => {
  const { failures, figures } = simulate({ nodes: 3, rest: '5s' }, (sim) => {
    sim.at('1s').pause(sim.node(0)).for('100ms');
    sim.never('it is over', (scene) => scene.phase === 'rest' && scene.nowMs >= 9050);
    sim.sometimes('it ends', (scene) => scene.phase === 'rest' && scene.nowMs >= 9050);
  });
  expect(failures).toMatchObject([{ property: 'it is over', atMs: figures.virtualMs }]);
});

test('no property of the story, no look: what every mesh promises is not asked for each request', () => {
  let looks = 0;
  const property = {
    name: 'idle',
    doc: '',
    kind: 'always',
    begin: () => ({
      view: (): undefined => {
        looks++;
      },
    }),
  } as const;
  const run = (every: string): number => {
    looks = 0;
    simulate({ nodes: 3, rest: 0, properties: [property] }, (sim) => {
      sim.service('a', { on: sim.node(1) });
      sim.load('a', { every });
      sim.at('5s').calm();
    });
    return looks;
  };
  expect(run('10ms')).toBe(run('1s'));
});

test('availability of which nothing was asked is no availability', () => {
  const { failures } = simulate({ nodes: 3, rest: 0 }, (sim) => {
    sim.service('pay', { on: sim.node(0) });
    sim.load('pay', { every: '5s', from: sim.node(2) });
    sim.at(0).powerOff(sim.node(2));
    sim.at('9s').calm(sim.node(0, 1));
    sim.expect('pay').availability({ atLeast: 0.5 });
  });
  expect(failures).toMatchObject([
    { property: 'pay is available', found: expect.stringContaining('nothing was asked: no request') },
  ]);
});

test('requests that fail are not shrunk to requests that are not made', () => {
  const sim = new Script({ nodes: 4, rest: 0 }, 1);
  sim.service('pay', { on: sim.node(0) });
  sim.load('pay', { every: '100ms', retries: 0 });
  sim.at('1s').powerOff(sim.node(0)).restart('5s');
  sim.at('2s').pause(sim.node(1)).for('1s');
  sim.expect('pay').availability({ atLeast: 0.99 });
  const { properties } = sim;
  const run = (plan: FaultPlan, stopAt: (failure: Failure) => boolean) => runPlan(plan, { properties, builtIn: false, stopAt });
  const [failure] = run(sim.plan(), () => true).failures;
  const small = shrink(sim.plan(), failure as Failure, run);
  expect(small.failure.found).toMatch(/^\d+ of [1-9]\d* requests were answered/);
  expect(small.plan).toMatchObject({ loads: [{ service: 'pay' }], services: [{ name: 'pay' }] });
});

test('a property sees a run and has no hold of it', () => {
  const { failures, figures } = story((sim) => {
    sim.at('1s').pause(sim.node(0)).for('1s');
    sim.always('nothing can be done here', (scene) => {
      const [node] = scene.nodes as unknown as { crash?: unknown; dispatch?: unknown; name: string }[];
      const calls = scene.calls('a') as { ok: number };
      calls.ok = -1;
      return (
        node?.crash === undefined &&
        node?.dispatch === undefined &&
        Object.isFrozen(node) &&
        Object.isFrozen(scene) &&
        Object.isFrozen(scene.nodes) &&
        Object.isFrozen(scene.core) &&
        Object.isFrozen(scene.plan.services) &&
        Object.isFrozen(scene.faults) &&
        scene.faults.every((span) => Object.isFrozen(span) && Object.isFrozen(span.fault)) &&
        scene.calls('a').ok >= 0 &&
        scene.nodes[1] === scene.nodes[1] &&
        scene.core.every((each) => scene.nodes.includes(each))
      );
    });
  });
  expect(failures).toEqual([]);
  expect(figures.faults).toBe(1);
});

test.each<readonly [string, (view: View) => void]>([
  ['a row of a member', (view) => write(view.member(view.self)!, 'status')],
  ['who accuses a member', (view) => void (view.member(view.self)!.accusers as unknown as string[]).push('x')],
  ['the list of instances', (view) => void ((view.service('a')!.instances as unknown[]).length = 0)],
  ['an instance', (view) => write(view.service('a')!.instances[0]!, 'routable')],
  ['the instances of nobody', (view) => void (view.instancesOf(view.self) as unknown[]).push({})],
  ['checks', (view) => void (view.service('a')!.instances[0]!.checks as unknown[]).push({})],
  ['a service', (view) => write(view.service('a')!, 'tags')],
  ['a view itself', (view) => write(view, 'self')],
])('a property that writes to %s is told by its own name, and no other promise takes the blame', (_, spoil) => {
  const tell = () =>
    story((sim) => {
      sim.always('spoils', ({ nodes: [node] }) => {
        spoil(node!.view());
        return true;
      });
    });
  expect(tell).toThrow(/^the property 'spoils' threw TypeError: /);
});

function write(on: object, key: string): void {
  (on as Record<string, unknown>)[key] = 'spoilt';
}

test('faults that a property kept stay what they were when it looked', () => {
  const kept: (readonly { readonly endMs: number | undefined }[])[] = [];
  story((sim) => {
    sim.at('1s').pause(sim.node(0)).for('1s');
    sim.always('they are kept', ({ faults }) => kept.push(faults) > 0);
  });
  const ends = kept.flatMap((faults) => faults.map(({ endMs }) => endMs));
  expect(ends).toContain(undefined);
  expect(kept.at(-1)?.[0]?.endMs).toBeDefined();
});

test('a `sometimes` that did not happen says what its assertion last threw', () => {
  const { outcomes } = story((sim) => {
    sim.sometimes('pigs fly', () => {
      expect('pigs').toBe('birds');
      return true;
    });
    sim.sometimes('birds fly', () => false);
  });
  expect(outcomes).toMatchObject([
    { property: 'pigs fly', state: 'open', found: expect.stringContaining('birds') },
    { property: 'birds fly', state: 'open' },
  ]);
  expect(outcomes[1]).not.toHaveProperty('found');
});
