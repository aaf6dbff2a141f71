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
  ['nobody drawn', 'random(0): is no count from 1 to 3', (sim) => sim.random(0)],
  ['a path to oneself', 'cut at 1s: node 1 has no path to itself', (sim) => sim.at('1s').cut(sim.node(1), sim.node(1))],
  ['a node twice', 'node: node 0 is named twice', (sim) => sim.node(0, 0)],
  ['a node twice in a list', 'crash at 1s: node 1 is named twice', (sim) => sim.at('1s').crash([1, 1])],
  [
    'a selection for a node',
    'register at 1s: takes one node by its number, such as 0, not [1]',
    (sim) => sim.at('1s').register([1] as never, 'web'),
  ],
  ['nobody by number', 'node(): nobody is selected', (sim) => sim.node()],
  ['a service of nobody', "service('a'): nobody is selected", (sim) => sim.service('a', { on: [] })],
  ['a load of nobody', "load('a'): nobody is selected", (sim) => sim.load('a', { every: 1, from: [] })],
  [
    'a service elsewhere',
    "service('a'): node 9 is none of this mesh, which has nodes 0 to 2",
    (sim) => sim.service('a', { on: [9] }),
  ],
  ['a node for a selection', 'crash at 1s: 2 selects no nodes; sim.node(0) and', (sim) => sim.at('1s').crash(2 as never)],
  ['sides that are no selections', 'split at 1s: 1 selects no nodes', (sim) => sim.at('1s').split(1 as never, 2 as never)],
  ['a core that is none', 'calm at 1s: 2 selects no nodes', (sim) => sim.at('1s').calm(2 as never)],
  ['a cost of nothing', 'slow at 1s: 0 for each message is as fast as ever', (sim) => sim.at('1s').slow([0], 0)],
  ['a cost below nothing', '"-5" is no duration', (sim) => sim.at('1s').slow([0], -5)],
  ['a time of nothing', 'pause at 1s: for(0): 0 is no time at all', (sim) => sim.at('1s').pause([0]).for(0)],
  ['a time that rounds to nothing', '"0.4ms" is less than a millisecond', (sim) => sim.at('1s').pause([0]).for('0.4ms')],
  ['a time that is too long', 'for(400h): 400h is too long: a story lasts', (sim) => sim.at('1s').pause([0]).for('400h')],
  [
    'times that are too long together',
    'restart after crash at 16666m40s: 1000000001 is too long',
    (sim) => sim.at(1e9).crash([0]).restart(1),
  ],
  ['an end that is too late', 'pause: 1000000005ms is too long', (sim) => sim.at(1e9).pause([0]).for(5)],
  ['a second time', 'pause at 1s: for(5): lasts for 1s already', (sim) => sim.during('1s', '2s').pause([0]).for(5)],
  ['a bound of nothing', "eventually('x'): within: 0 is no time", (sim) => sim.eventually('x', { within: 0 }, () => true)],
  ['a path that is as ever', 'link at 1s: changes nothing; give loss,', (sim) => sim.at('1s').link([0], [1], {})],
  [
    'a misspelt path',
    'link at 1s: lose is not an option; there are loss,',
    (sim) => sim.at('1s').link([0], [1], { lose: 1 } as {}),
  ],
  ['a cut from nobody', 'isolate at 1s: there is nobody else to be cut off from', (sim) => sim.at('1s').isolate(sim.all())],
  [
    'a misspelt disk',
    'crash at 1s: kep is not an option; there is keep',
    (sim) => sim.at('1s').crash([0], { kep: 'written' } as {}),
  ],
  ['a misspelt boot', 'restart at 1s: seed is not an option', (sim) => sim.at('1s').restart([0], { seed: false } as {})],
  [
    'a misspelt boot after a crash',
    'restart after crash at 1s: seed is not an option',
    (sim) =>
      sim
        .at('1s')
        .crash([0])
        .restart(1, { seed: false } as {}),
  ],
  ['a misspelt load', "load('a'): retry is not an option", (sim) => sim.load('a', { every: 1, retry: 2 } as never)],
  ['a load without its options', "load('a'): its options are missing: { every,", (sim) => sim.load('a', undefined as never)],
  [
    'a misspelt service',
    "service('a'): at is not an option; there is on",
    (sim) => sim.service('a', { on: [0], at: 1 } as never),
  ],
  ['a misspelt bound', "eventually('x'): in is not an option", (sim) => sim.eventually('x', { in: 1 } as {}, () => true)],
  ['a property of nothing', "'x': undefined is no function", (sim) => sim.always('x', undefined as never)],
  ['nothing again and again', 'every: what happens is missing', (sim) => sim.every(9, { to: '1s' }, undefined as never)],
  ['a delay nobody can read', 'link at 1s: p99: "x" is no duration', (sim) => sim.at('1s').link([0], [1], { p99: 'x' })],
  [
    'a service told twice',
    "service('a'): is there already",
    (sim) => {
      sim.service('a', { on: [0] });
      sim.service('a', { on: [1] });
    },
  ],
  [
    'an end before the start',
    'every: the end at 1s is not after the start at 2s',
    (sim) => sim.every(9, { from: '2s', to: '1s' }, nothing as never),
  ],
  [
    'far too often',
    'every: a period of 1 is too short: 100000 times are the most',
    (sim) => sim.every(1, { to: '1h' }, nothing as never),
  ],
  ['an end of what happens at once', "during('1s', '2s'): crash happens at once", (sim) => sim.during('1s', '2s').crash([0])],
  ['an end of a write', "during('1s', '2s'): register happens at once", (sim) => sim.during('1s', '2s').register(0, 'a')],
  ['an end of the calm', "during('1s', '2s'): calm happens at once", (sim) => sim.during('1s', '2s').calm()],
  ['no step of a clock', 'step-clock at 1s: by 0 sets no clock', (sim) => sim.at('1s').stepClock([0], 0)],
  ['no drift', 'drift at 1s: of 0 ppm is none', (sim) => sim.at('1s').drift([0], 0)],
  ['an odd direction', 'step-clock at 1s: a direction of 3 is neither', (sim) => sim.at('1s').stepClock([0], 5, 3 as 1)],
  ['an instance nobody has', "deregister at 1s: node 0 never has an instance 'a'", (sim) => sim.at('1s').deregister(0, 'a')],
  [
    'a check of what another node has',
    "check at 1s: node 0 never has an instance 'a-1', but a-0",
    (sim) => {
      sim.service('a', { on: [0, 1] });
      sim.at('1s').check(0, 'a-1', 'critical');
    },
  ],
  [
    'a load that hardly ever comes',
    "load('a'): every 60m is too seldom: it is calm at 9s",
    (sim) => {
      sim.service('a', { on: [0] });
      sim.load('a', { every: '1h' });
      sim.at('9s').calm();
    },
  ],
  [
    'more faults than a story has',
    'pause at 10s: a story has 10000 faults at most',
    (sim) => {
      for (let at = 0; at < 200_000; at++) sim.at(at).pause([0]);
    },
  ],
  [
    'a name that every mesh has',
    "'L1 everybody agrees': is the name of a promise that every mesh is held to",
    (sim) => sim.always('L1 everybody agrees', () => true),
  ],
  ['two sides at once', 'node 1 is in two groups; sim.except(...)', (sim) => sim.at('1s').split([0, 1], [1, 2])],
  ['more than there are', 'random(9): is no count from 1 to 3', (sim) => sim.random(9)],
  ['an impossible loss', 'link at 1s: settings.loss: is 2, not a number', (sim) => sim.at('1s').link([0], [1], { loss: 2 })],
  ['an unknown latency', "latency: 'mars' is not one of", (sim) => sim.at('1s').link([0], [1], { latency: 'mars' as 'lan' })],
  ['an unknown disk', 'keep: is "some", not one of written,', (sim) => sim.at('1s').crash([0], { keep: 'some' as 'written' })],
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
  ['a seed that is too large', 'seed: 1099511627776 is not from 0 to 4294967295', nothing, { seed: 2 ** 40 }],
  ['a seed below nothing', 'seed: -1 is not from 0', nothing, { seed: -1 }],
  ['a seed that looks like a number', "seed: '0x1f' is no seed: as text it has 1 to 8", nothing, { seed: '0x1f' }],
  ['no time to form', 'formWithin: 0 is no time at all', nothing, { formWithin: 0 }],
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
  [
    'a property of requests that nobody sends',
    "calls('order'): nobody calls this service, which sim.load('order', { every: '100ms' }) does; called are orders",
    (sim) => {
      sim.service('orders', { on: [0] });
      sim.load('orders', { every: '100ms' });
      sim.always('x', (scene) => scene.calls('order').refused === 0);
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
    "the property 'x' threw TypeError: Cannot read properties of undefined (reading 'bar') (chaos, ",
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

test('a story without a mesh or a script is refused with how one is told', () => {
  expect(() => simulate(undefined as never, nothing)).toThrow('the mesh is missing: a story is told as ({ nodes: 3 }');
  expect(() => simulate({ nodes: 3 }, undefined as never)).toThrow('the script is missing: a story is told as ({ nodes: 3 }');
});

test('a story is told for one seed: several are refused', () => {
  expect(() => simulate({ nodes: 3, seeds: 5 } as never, nothing)).toThrow('seeds: simulate runs one seed');
});

test('what a node may never have can be written about when that is said', () => {
  const { figures } = simulate(mesh, (sim) => {
    sim.at('1s').deregister(0, 'a', { mayBeMissing: true });
    sim.at('1s').check(0, 'a', 'critical', { mayBeMissing: true });
  });
  expect(figures).toMatchObject({ writes: 0, refused: 2 });
});

test('what a message costs and how late packets are is told in microseconds', () => {
  const { plan } = simulate(mesh, (sim) => {
    sim.at('1s').slow([0], '0.5ms');
    sim.at('1s').linkOneWay([0], [1], { p99: '0.4ms' });
  });
  expect(plan.faults).toMatchObject([{ fault: { perMessageUs: 500 } }, { fault: { settings: { latency: { p99: 400 } } } }]);
});

test('random plans are refused where nothing can be drawn', () => {
  expect(() => simulateRandom(1, { nodes: 9 } as {})).toThrow('a drawn plan: nodes is not an option; there are nodesMin,');
  expect(() => simulateRandom(1, { nodesMin: 9, nodesMax: 3 })).toThrow('nodesMin 9, nodesMax 3: are no counts');
  expect(() => simulateRandom(1, { chaosMs: 0.5 })).toThrow('chaosMs: 0.5 is no count of milliseconds');
});
