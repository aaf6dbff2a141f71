/** What a story that cannot be meant gets for an answer, instead of a run that proves nothing. */

import { ScenarioError, simulate, simulateRandom } from '@skein/sim';
import { expect, test } from 'vitest';

type Tell = Parameters<typeof simulate>[1];

const mesh = { nodes: 3, zones: ['a', 'b', 'c', 'd'], rest: 0 } as const;
const nothing: Tell = () => {};

test.each<[string, string, Tell, object?]>([
  ['a duration nobody can read', '"10 sec" is no duration: give milliseconds, or text', (sim) => sim.at('10 sec')],
  ['a node that is none', 'pause at 1s: node: is 7, not an integer from 0 to 2', (sim) => sim.at('1s').pause([7])],
  ['a zone without nodes', "zone('d') of 3 nodes: nobody is selected", (sim) => sim.zone('d')],
  ['a fault of nobody', 'crash at 1s: nobody is selected', (sim) => sim.at('1s').crash([])],
  ['paths of nobody', 'cut at 1s: nobody is selected', (sim) => sim.at('1s').cut(sim.node(0), [])],
  ['a split without sides', 'split at 1s: needs two groups', (sim) => sim.at('1s').split(sim.all())],
  ['two sides at once', 'node 1 is in two groups; sim.except(...)', (sim) => sim.at('1s').split([0, 1], [1, 2])],
  ['more than there are', 'random(9): is no count from 0 to 3', (sim) => sim.random(9)],
  ['an impossible loss', 'link at 1s: settings.loss: is 2, not a number', (sim) => sim.at('1s').link([0], [1], { loss: 2 })],
  ['an unknown latency', "latency: 'mars' is not one of", (sim) => sim.at('1s').link([0], [1], { latency: 'mars' as 'lan' })],
  ['an unknown disk', 'keep: is "some", not one of all,', (sim) => sim.at('1s').crash([0], { keep: 'some' as 'all' })],
  ['a write on nobody', 'register at 1s: node: is 9', (sim) => sim.at('1s').register(9, 'web')],
  ['a period of nothing', 'every: a period of 0 is less than', (sim) => sim.every(0, { to: '1s' }, () => {})],
  ['a load on nothing', "load('web'): nobody offers it; sim.service('web'", (sim) => sim.load('web', { every: '1s' })],
  ['a promise of no load', "expect('web'): nobody calls it", (sim) => sim.expect('web').availability({ atLeast: 0.9 })],
  ['a share in percent', 'a share from 0 to 1, such as 0.99, not 99', (sim) => sim.expect('w').availability({ atLeast: 99 })],
  ['an option nobody reads', 'node: is not an option; of a mesh there are nodes,', nothing, { node: 3 }],
  ['an unknown profile', 'profile: is "mars", not one of', nothing, { profile: 'mars' }],
  ['timing that is no number', 'config.probeIntervalMs: is NaN, not an integer', nothing, { config: { probeIntervalMs: NaN } }],
  ...(
    [
      ['probeIntervalMs', 1, 1_000_000_000],
      ['syncIntervalMs', 10, 1_000_000_000],
      ['failedTombstoneMs', 1, 1_000_000_000],
      ['redialMaxMs', 10, 1_000_000_000],
      ['dialsAtOnce', 1, 2048],
    ] as const
  ).map(([field, least, most]): [string, string, Tell, object] => [
    `no ${field}`,
    `config.${field}: is 0, not an integer from ${least} to ${most}`,
    nothing,
    { config: { [field]: 0 } },
  ]),
  ['a seed that is none', 'seed: NaN is neither an integer nor text', nothing, { seed: NaN }],
  ['no nodes', 'nodes: 0 is no count from 1 to 2048', nothing, { nodes: 0 }],
  [
    'a fault after the end',
    'crash at 10s: would never happen, since it is calm at 5s',
    (sim) => {
      sim.at('5s').calm();
      sim.at('10s').crash(sim.node(0));
    },
  ],
  [
    'a second calm',
    'calm at 6s: a story calms down once',
    (sim) => {
      sim.at('5s').calm();
      sim.at('6s').calm();
    },
  ],
  [
    'two properties of one name',
    "'x': there is a property of this name",
    (sim) => {
      sim.always('x', () => true);
      sim.never('x', () => false);
    },
  ],
])('%s is refused with what to tell instead', (_what, message, script, options) => {
  const run = (): unknown => simulate({ ...mesh, ...options }, script);
  expect(run).toThrow(message);
  expect(run).toThrow(ScenarioError);
});

test.each<[string, string, (sim: Parameters<Tell>[0]) => unknown]>([
  ['an async script', 'the script is async', async () => {}],
  ['a story that goes on in a property', "at('5s'): comes after the script", (sim) => sim.never('x', () => !sim.at('5s'))],
  [
    'a property of a service that nobody has',
    "routable('order'): no host ever has this service; there are orders",
    (sim) => {
      sim.service('orders', { on: [0] });
      sim.always('x', (scene) => scene.routable(scene.nodes[0]!, 'order').length === 0);
    },
  ],
  ['an async property', "the property 'x' cannot be meant: it is async", (sim) => sim.always('x', (async () => false) as never)],
  [
    'a property without an answer',
    "'x' cannot be meant: it returned undefined: return true or false",
    (sim) => sim.never('x', (() => {}) as never),
  ],
  [
    'a property that slips',
    "the property 'x' threw TypeError: Cannot read properties of undefined (reading 'bar') (chaos, 1.000 s of chaos; seed: '00000001'",
    (sim) => sim.sometimes('x', (scene) => (scene as never)['foo']['bar']),
  ],
])('%s ends the run at once, and is not taken for a failure of the mesh', (_what, message, tell) => {
  const run = (): unknown =>
    simulate(mesh, (sim) => {
      sim.at('1s').pause(sim.node(0)).for('1s');
      return tell(sim) as void;
    });
  expect(run).toThrow(message);
});

test('what has to come true in chaos is waited for beyond the calm', () => {
  const run = (afterMs: number) =>
    simulate(mesh, (sim) => {
      sim.at('1s').eventually('it is late', { within: '10s' }, (scene) => scene.nowMs - (scene.chaosMs ?? 0) > afterMs);
      sim.at('3s').calm();
    });
  expect(run(8000).outcomes).toMatchObject([{ property: 'it is late', state: 'held' }]);
  expect(run(20_000).failures).toMatchObject([{ property: 'it is late', chaosMs: 11_000 }]);
});

test('random plans are refused where nothing can be drawn', () => {
  expect(() => simulateRandom(1, { nodesMin: 9, nodesMax: 3 })).toThrow('nodesMin 9, nodesMax 3: are no counts');
  expect(() => simulateRandom(1, { chaosMs: 0.5 })).toThrow('chaosMs: 0.5 is no count of milliseconds');
});
