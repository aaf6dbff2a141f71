import { Recorder, World, beliefs } from '@skein/sim';
import type { Recording } from '@skein/sim';
import { expect, test } from 'vitest';

interface Change {
  readonly atUs: number;
  readonly observer: number;
  readonly subject: number;
  readonly belief: (typeof beliefs)[number];
}

function changesOf({ changes }: Recording): Change[] {
  let atUs = 0;
  return changes.gapUs.map((gapUs, i) => {
    atUs += gapUs;
    const belief = beliefs[changes.belief[i] as number] as Change['belief'];
    return { atUs, observer: changes.observer[i] as number, subject: changes.subject[i] as number, belief };
  });
}

/** Five nodes; the third loses power after three seconds and starts again after eleven. */
function powerCut(options: { readonly recorder?: Recorder } = {}): World {
  const world = new World({ seed: 5, network: 'lan', ...(options.recorder && { witness: options.recorder }) });
  const nodes = world.mesh(5);
  world.runFor(3000);
  nodes[2]?.powerOff();
  world.runFor(11_000);
  nodes[2]?.start();
  world.runFor(3000);
  return world;
}

test('who is recorded does the same as who is not', () => {
  expect(powerCut({ recorder: new Recorder() }).traceHash()).toBe(powerCut().traceHash());
});

test('a recording tells when each node changed its mind of whom, and ends with what the views say', () => {
  const recorder = new Recorder();
  const world = powerCut({ recorder });
  const changes = changesOf(recorder.recording({ title: 'power cut' }));
  for (const observer of [0, 1, 3, 4]) {
    const story = changes.filter((change) => change.observer === observer && change.subject === 2).map(({ belief }) => belief);
    expect(story[0]).toBe('alive');
    expect(story).toContain('failed');
    expect(story.findLastIndex((belief) => belief.endsWith('out of rotation'))).toBeLessThan(story.indexOf('failed'));
    expect(story.at(-1)).toBe('alive');
    expect(world.nodes[observer]?.view().member(world.nodes[2]?.id as never)?.status).toBe('alive');
  }
  expect(changes.filter(({ subject, belief }) => subject !== 2 && belief !== 'alive')).toEqual([]);
  expect(changes.every((change, i) => i === 0 || change.atUs >= (changes[i - 1]?.atUs ?? 0))).toBe(true);
});

test('a recording tells when processes ran, and how much was sent in each second', () => {
  const recorder = new Recorder();
  const world = powerCut({ recorder });
  const recording = recorder.recording({ title: 'power cut' });
  expect(recording.lives.filter(({ node }) => node === 2)).toEqual([
    { atUs: 0, node: 2, to: 'running', how: 'start, epoch 1' },
    { atUs: 3_000_000, node: 2, to: 'stopped', how: 'power-off, what was not synced is lost' },
    { atUs: 14_000_000, node: 2, to: 'running', how: 'start, epoch 2' },
  ]);
  expect(recording.traffic.messages).toHaveLength(17);
  const sum = recording.traffic.messages.reduce((all, each) => all + each, 0);
  expect(sum).toBeGreaterThan(0);
  expect(sum).toBeLessThanOrEqual(world.network.figures.messages);
});

test('only a crash, a loss of power and an exit end a process: what else befalls its host is told beside its life', () => {
  const recorder = new Recorder();
  const world = new World({ seed: 6, network: 'lan', witness: recorder });
  const [, host, leaver, crasher] = world.mesh(4);
  world.runFor(2000);
  host!.stepClock(60_000);
  host!.drift(200);
  host!.fullDisk(true);
  host!.fullDisk(false);
  host!.slowCpu(500);
  host!.lie('inflater');
  host!.lie(undefined);
  host!.blockIo(true);
  host!.blockIo(false);
  leaver!.leave();
  crasher!.crash();
  crasher!.fullDisk(true);
  crasher!.start();
  world.runFor(10_000);
  const { lives, incidents } = recorder.recording({ title: 'odd hosts' });
  const livesOf = (index: number) => lives.filter(({ node }) => node === index).map(({ to, how }) => `${to}: ${how}`);
  const incidentsOf = (index: number) => incidents.filter(({ node }) => node === index).map(({ what }) => what);
  expect(livesOf(1)).toEqual(['running: start, epoch 1']);
  expect(incidentsOf(1)).toEqual([
    'step-clock, 60000 ms',
    'drift, 200 ppm',
    'disk-full',
    'disk-freed',
    'cpu, 500 us a message',
    'lie, inflater',
    'lie, honest',
    'io-blocked',
    'io-unblocked',
  ]);
  expect(livesOf(2)).toEqual(['running: start, epoch 1', 'stopped: exit']);
  expect(livesOf(3)).toEqual(['running: start, epoch 1', 'stopped: crash']);
  expect(incidentsOf(3)).toEqual(['disk-full', 'start-failed, the disk is full']);
});

test('a recording is plain JSON, and says what it was given and who can run it again', () => {
  const recorder = new Recorder();
  powerCut({ recorder });
  const fault = { what: 'power cut', nodes: [2], fromUs: 3_000_000, toUs: 14_000_000 };
  const mark = { kind: 'held', what: 'it is failed everywhere', atUs: 12_000_000, sinceUs: 3_000_000, found: [] } as const;
  const recording = recorder.recording({ title: 'power cut', command: 'skein sim power-cut', faults: [fault], marks: [mark] });
  expect(JSON.parse(JSON.stringify(recording))).toEqual(recording);
  expect(recording).toMatchObject({
    seed: '00000005',
    command: 'skein sim power-cut',
    durationUs: 17_000_000,
    faults: [fault],
    marks: [mark],
  });
});

test('a recording is bounded: it says from when on something is missing, and whose beliefs it has', () => {
  const recorder = new Recorder({ changesMax: 30, observersMax: 2 });
  powerCut({ recorder });
  const recording = recorder.recording({ title: 'power cut' });
  expect(recording.observers).toBe(2);
  expect(Math.max(...recording.changes.observer)).toBe(1);
  expect(recording.links.gapUs.length).toBeLessThanOrEqual(30);
  const tiny = new Recorder({ changesMax: 6 });
  powerCut({ recorder: tiny });
  expect(tiny.recording({ title: 'power cut' }).changes.gapUs).toHaveLength(6);
  expect(tiny.recording({ title: 'power cut' }).truncatedUs).toBeGreaterThan(0);
});

test('a recorder that saw nothing says what to do', () => {
  expect(() => new Recorder().recording({ title: 'nothing' })).toThrow('give it to a World as its witness');
});
