/** The feed of the view, over nodes of a simulated mesh: what a client that applies deltas believes is what there is. */

import { checkId, instanceId } from '@skein/core';
import type { CheckDefinition } from '@skein/core';
import { ViewFeed } from '@skein/api/parts';
import { World } from '@skein/sim';
import type { SimNode } from '@skein/sim';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { instance } from '../core/fixture.ts';
import { definition } from '../core/health-agent.ts';
import { FakeTimers, settle } from './fake-agent.ts';
import { EventParser, Mirror, mirrorOf } from './view-mirror.ts';

type Limits = ConstructorParameters<typeof ViewFeed>[0]['limits'];

/** A stream that is read when the test says so. */
class Stream {
  readonly mirror: Mirror;
  readonly parser = new EventParser();
  readonly pieces: Uint8Array[] = [];
  isOver = false;
  readonly #over = new AbortController();
  readonly #events: AsyncIterator<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #isTaking = false;

  constructor(feed: ViewFeed, from = new Mirror()) {
    this.mirror = from;
    const [stream = '', index = ''] = from.id.split(':');
    const cursor = from.id === '' ? undefined : { stream, index: Number(index) };
    this.#events = feed.events(cursor, this.#over.signal)[Symbol.asyncIterator]();
  }

  /** Takes at most so many pieces, and no more than there are. */
  async read(most = Infinity): Promise<this> {
    for (let n = 0; n < most; n++) {
      const before = this.pieces.length;
      if (!this.#isTaking) void this.#take();
      await settle();
      if (this.pieces.length === before) break;
    }
    return this;
  }

  close(): void {
    this.#over.abort();
  }

  async #take(): Promise<void> {
    this.#isTaking = true;
    const { value, done } = await this.#events.next();
    this.#isTaking = false;
    this.isOver = done === true;
    if (done === true) return;
    this.pieces.push(value);
    for (const event of this.parser.add(this.#decoder.decode(value, { stream: true }))) this.mirror.take(event);
  }
}

interface Scene {
  readonly world: World;
  readonly nodes: readonly [SimNode, SimNode, SimNode];
  readonly feed: ViewFeed;
  readonly timers: FakeTimers;
  /** Lets the mesh and the windows of the feed pass. */
  pass(spanMs: number): Promise<void>;
}

function scene(limits?: Limits, seed = 3): Scene {
  const world = new World({ seed, network: 'lan', profile: 'local' });
  const nodes = world.mesh(3) as unknown as Scene['nodes'];
  world.runFor(2000);
  const timers = new FakeTimers();
  const feed = new ViewFeed({ port: nodes[0], timers, ...(limits === undefined ? {} : { limits }) });
  const pass = async (spanMs: number): Promise<void> => {
    world.runFor(spanMs);
    await settle();
    await timers.pass(spanMs);
  };
  return { world, nodes, feed, timers, pass };
}

function register(node: SimNode, id: string, service = 'web'): void {
  const checks = [check(`service:${id}`, id)];
  node.dispatch({ type: 'register', instance: instance(id, { service }), checks, replaceChecks: true });
}

function check(id: string, of?: string): CheckDefinition {
  const ttl = { probe: { type: 'ttl', ttlMs: 3_600_000 }, intervalMs: 0, timeoutMs: 0 } as const;
  return definition(id, { ...ttl, instanceId: of === undefined ? undefined : instanceId(of), initialStatus: 'passing' });
}

const now = ({ feed }: Scene): Mirror => mirrorOf([...feed.snapshot().pieces].join(''));

describe('a stream of the view', () => {
  test('begins with a snapshot and goes on with what changes, near or far', async () => {
    const at = scene();
    register(at.nodes[1], 'web-1');
    await at.pass(1000);
    const stream = await new Stream(at.feed).read();
    expect([stream.mirror.snapshots, stream.mirror.deltas]).toEqual([1, 0]);
    expect(stream.mirror.content()).toEqual(now(at).content());
    register(at.nodes[2], 'web-2');
    await at.pass(1000);
    await stream.read();
    expect([stream.mirror.snapshots, stream.mirror.deltas]).toEqual([1, 1]);
    expect(stream.mirror.instances.size).toBe(2);
    expect(stream.mirror.content()).toEqual(now(at).content());
  });

  test('names in a delta what changed, and nothing else', async () => {
    const at = scene();
    for (let i = 0; i < 20; i++) register(at.nodes[1], `web-${i}`);
    at.nodes[1].dispatch({ type: 'apply-config', kind: 'route', name: 'r', value: { rules: [] } });
    await at.pass(1000);
    const stream = await new Stream(at.feed).read();
    const said = async (act: () => void): Promise<unknown> => {
      const from = stream.pieces.length;
      act();
      await at.pass(1000);
      await stream.read();
      return new EventParser()
        .add(
          stream.pieces
            .slice(from)
            .map((piece) => new TextDecoder().decode(piece))
            .join(''),
        )
        .map(({ data }) => ({
          nodes: data.nodes.map((row) => row['id']),
          instances: data.instances.map((row) => row['id']),
          config: data.config.map((row) => row['name']),
          removed: data.removed,
        }));
    };
    const nothing = { nodes: [], instances: [], config: [], removed: { nodes: [], instances: [], config: [] } };
    const { id } = at.nodes[1];
    const fail = { type: 'update-ttl', id: checkId('service:web-7'), status: 'critical', output: 'broken' } as const;
    expect(await said(() => at.nodes[1].dispatch(fail))).toEqual([{ ...nothing, instances: ['web-7'] }]);
    expect(await said(() => at.nodes[1].dispatch({ type: 'deregister', id: instanceId('web-3') }))).toEqual([
      { ...nothing, removed: { ...nothing.removed, instances: [{ node: id, id: 'web-3' }] } },
    ]);
    expect(await said(() => at.nodes[2].dispatch({ type: 'set-tags', tags: { role: 'db' } }))).toEqual([
      { ...nothing, nodes: [at.nodes[2].id] },
    ]);
    expect(await said(() => at.nodes[2].dispatch({ type: 'delete-config', kind: 'route', name: 'r' }))).toEqual([
      { ...nothing, removed: { ...nothing.removed, config: [{ kind: 'route', name: 'r' }] } },
    ]);
    // Keys are not part of it, and coordinates move without being news.
    expect(
      await said(() => at.nodes[2].dispatch({ type: 'apply-config', kind: 'kv', name: 'k', value: { flags: 0, value: '' } })),
    ).toEqual([]);
    expect(await said(() => at.world.runFor(20_000))).toEqual([]);
  });

  test('names an instance whose metadata changed, whatever the key is called', async () => {
    const at = scene();
    const put = (place: string): void => {
      const meta = { coordinate: place };
      at.nodes[1].dispatch({ type: 'register', instance: instance('web-1', { meta }), checks: [], replaceChecks: true });
    };
    put('here');
    await at.pass(1000);
    const stream = await new Stream(at.feed).read();
    put('there');
    await at.pass(1000);
    await stream.read();
    expect(stream.mirror.content()).toEqual(now(at).content());
    expect(stream.mirror.deltas).toBe(1);
  });

  test('shows a crashed node as it goes: unreachable with its instances, failed, and gone when it is forced to leave', async () => {
    const at = scene();
    register(at.nodes[1], 'web-1');
    await at.pass(1000);
    const stream = await new Stream(at.feed).read();
    const { id, name } = at.nodes[1];
    at.nodes[1].crash();
    at.world.runUntil(() => at.nodes[0].view().memberByName(name)?.status === 'failed', 60_000);
    await at.pass(100);
    await stream.read();
    expect(stream.mirror.nodes.get(id)).toMatchObject({ status: 'failed', reachable: false });
    expect(stream.mirror.instances.get(`${id} web-1`)).toMatchObject({ routable: false });
    at.nodes[0].dispatch({ type: 'force-leave', node: id });
    await at.pass(1000);
    await stream.read();
    expect(stream.mirror.instances.size).toBe(0);
    expect(stream.mirror.content()).toEqual(now(at).content());
  });

  test('is made once for all who read, the snapshot too', async () => {
    const at = scene();
    const streams = [new Stream(at.feed), new Stream(at.feed), new Stream(at.feed)] as const;
    for (const stream of streams) await stream.read();
    register(at.nodes[0], 'web-1');
    await at.pass(100);
    for (const stream of streams) await stream.read();
    const [first, ...others] = streams;
    for (const { pieces } of others) {
      expect(pieces.length).toBe(first.pieces.length);
      for (const [i, piece] of pieces.entries()) if (i > 0) expect(piece).toBe(first.pieces[i]);
    }
  });

  test('brings together what changes within a window of 50 ms', async () => {
    const at = scene();
    const stream = await new Stream(at.feed).read();
    register(at.nodes[0], 'web-0');
    await settle();
    for (let i = 1; i < 100; i++) {
      register(at.nodes[0], `web-${i}`);
      await settle();
    }
    await stream.read();
    expect([stream.mirror.deltas, stream.mirror.instances.size]).toEqual([1, 1]);
    await at.timers.pass(50);
    await stream.read();
    expect([stream.mirror.deltas, stream.mirror.instances.size]).toEqual([2, 100]);
  });

  test('says something every 15 s when nothing happens', async () => {
    const at = scene();
    const stream = await new Stream(at.feed).read();
    for (let beats = 1; beats <= 3; beats++) {
      await at.timers.pass(14_000);
      await stream.read();
      expect(stream.parser.comments.length).toBe(beats - 1);
      await at.timers.pass(1000);
      await stream.read();
      expect(stream.parser.comments).toEqual(Array.from({ length: beats }, () => 'heartbeat'));
    }
  });

  test('costs a reader who takes nothing no more than its place', async () => {
    const at = scene();
    const stream = new Stream(at.feed);
    await at.timers.pass(600_000);
    await stream.read();
    expect(stream.parser.comments.length).toBeLessThanOrEqual(1);
    expect(stream.mirror.content()).toEqual(now(at).content());
  });

  test('ends with its signal, and leaves no timer behind but the one that forgets', async () => {
    const at = scene();
    const stream = await new Stream(at.feed).read();
    expect(at.feed.streams).toBe(1);
    stream.close();
    await stream.read();
    expect(stream.isOver).toBe(true);
    expect(at.feed.streams).toBe(0);
    await at.timers.pass(60_000);
    expect(at.timers.pending).toBe(0);
  });

  test('counts until its signal aborts also when nobody ever reads it', () => {
    const at = scene();
    const stream = new Stream(at.feed);
    expect(at.feed.streams).toBe(1);
    stream.close();
    expect(at.feed.streams).toBe(0);
  });

  test('ends when the feed closes under it, and a closed feed starts no timer', async () => {
    const at = scene();
    const stream = await new Stream(at.feed).read();
    stream.close();
    at.feed.close();
    await settle();
    expect(now(at).nodes.size).toBe(3);
    expect(at.timers.pending).toBe(0);
  });

  test('tries again later when nobody more can wait at the node', async () => {
    const at = scene();
    const { port, timers } = { port: at.nodes[0], timers: new FakeTimers() };
    let calls = 0;
    const full = {
      self: port.self,
      view: () => port.view(),
      dispatch: port.dispatch.bind(port),
      changed: () => {
        calls++;
        return Promise.resolve(port.view());
      },
    };
    const stream = await new Stream(new ViewFeed({ port: full, timers })).read();
    await settle();
    expect(calls).toBe(1);
    register(port, 'web-1');
    await timers.pass(1000);
    await stream.read();
    expect(calls).toBe(2);
    expect(stream.mirror.instances.size).toBe(1);
  });
});

describe('a client that comes back', () => {
  test('gets what it missed, and no snapshot', async () => {
    const at = scene();
    const stream = await new Stream(at.feed).read();
    stream.close();
    for (let i = 0; i < 5; i++) {
      register(at.nodes[1], `web-${i}`);
      await at.pass(500);
    }
    const again = await new Stream(at.feed, stream.mirror).read();
    expect([again.mirror.snapshots, again.mirror.deltas]).toEqual([1, 1]);
    expect(again.mirror.content()).toEqual(now(at).content());
  });

  test('may have had its snapshot as JSON, at any time', async () => {
    const at = scene();
    const first = now(at);
    register(at.nodes[1], 'web-1');
    await at.pass(500);
    const second = now(at);
    register(at.nodes[1], 'web-2');
    await at.pass(500);
    for (const from of [first, second]) {
      const stream = await new Stream(at.feed, from).read();
      expect(from.snapshots).toBe(1);
      expect(stream.mirror.content()).toEqual(now(at).content());
    }
  });

  test('to another life of the agent gets a snapshot, whatever index it brings', async () => {
    const at = scene();
    const stream = await new Stream(at.feed).read();
    const later = new ViewFeed({ port: at.nodes[0], timers: at.timers });
    expect(later.stream).not.toBe(at.feed.stream);
    expect(later.index()).toBe(stream.mirror.index);
    const again = await new Stream(later, stream.mirror).read();
    expect(again.mirror.snapshots).toBe(2);
    expect(again.mirror.id.startsWith(`${later.stream}:`)).toBe(true);
  });

  test('after a minute in which nobody read gets a snapshot where something changed, and nothing where nothing did', async () => {
    const at = scene();
    const stream = await new Stream(at.feed).read();
    stream.close();
    await at.timers.pass(60_000);
    const same = await new Stream(at.feed, stream.mirror.copy()).read();
    expect(same.mirror.snapshots).toBe(0);
    same.close();
    await at.timers.pass(60_000);
    register(at.nodes[1], 'web-1');
    await at.pass(500);
    const other = await new Stream(at.feed, stream.mirror.copy()).read();
    expect(other.mirror.snapshots).toBe(1);
    expect(other.mirror.content()).toEqual(now(at).content());
  });

  test.each([0, 1, 12, Number.MAX_SAFE_INTEGER])('with the index %d, which was never given, gets a snapshot', async (index) => {
    const at = scene();
    const from = new Mirror();
    from.id = `${at.feed.stream}:${index}`;
    expect((await new Stream(at.feed, from).read()).mirror.snapshots).toBe(1);
  });
});

describe('a reader that is slower than the ring', () => {
  const most = { deltas: 4, bytes: 1_000_000 };

  test('gets a snapshot in place of the deltas that are gone', async () => {
    const at = scene(most);
    const slow = await new Stream(at.feed).read();
    const quick = await new Stream(at.feed).read();
    for (let i = 0; i < 10; i++) {
      register(at.nodes[1], `web-${i}`);
      await at.pass(500);
      await quick.read();
    }
    await slow.read();
    expect([quick.mirror.snapshots, quick.mirror.deltas]).toEqual([1, 10]);
    // The delta that it was already being given, and then a snapshot.
    expect(slow.mirror.snapshots).toBe(2);
    expect(slow.mirror.content()).toEqual(quick.mirror.content());
  });

  test('begins with a snapshot from which the ring goes on, however long ago one was made for others', async () => {
    const at = scene(most);
    for (let i = 0; i < 100; i++) register(at.nodes[0], `old-${i}`);
    const first = await new Stream(at.feed).read();
    for (let i = 0; i < 10; i++) {
      register(at.nodes[1], `web-${i}`);
      await at.pass(500);
      await first.read();
    }
    const second = await new Stream(at.feed).read();
    expect([second.mirror.snapshots, second.mirror.deltas]).toEqual([1, 0]);
    expect(second.mirror.content()).toEqual(now(at).content());
  });

  test('so does everybody after a change that is larger than the ring', async () => {
    const at = scene({ deltas: 100, bytes: 2000 });
    const stream = await new Stream(at.feed).read();
    at.nodes[1].dispatch({ type: 'apply-config', kind: 'route', name: 'r', value: { note: 'x'.repeat(3000) } });
    await at.pass(500);
    await stream.read();
    expect([stream.mirror.snapshots, stream.mirror.deltas]).toEqual([2, 0]);
    expect(stream.mirror.content()).toEqual(now(at).content());
  });
});

type Act =
  | { readonly type: 'register' | 'deregister' | 'fail' | 'pass'; readonly node: number; readonly id: number }
  | { readonly type: 'tags' | 'config' | 'delete' | 'host' | 'crash' | 'restart'; readonly node: number; readonly id: number }
  | { readonly type: 'wait' | 'read' | 'copy' | 'return' | 'slow'; readonly node: number; readonly id: number };

function perform(node: SimNode, { type, id }: Act): void {
  if (node.process !== 'running' && type !== 'restart') return;
  const web = `web-${id}`;
  const status = type === 'fail' ? 'critical' : 'passing';
  if (type === 'register') register(node, web, id % 2 === 0 ? 'web' : 'db');
  else if (type === 'deregister') node.dispatch({ type, id: instanceId(web) });
  else if (type === 'fail' || type === 'pass')
    node.dispatch({ type: 'update-ttl', id: checkId(`service:${web}`), status, output: type });
  else if (type === 'tags') node.dispatch({ type: 'set-tags', tags: { role: String(id) } });
  else if (type === 'config')
    node.dispatch({ type: 'apply-config', kind: 'route', name: `r${id}`, value: { id, by: node.name } });
  else if (type === 'delete') node.dispatch({ type: 'delete-config', kind: 'route', name: `r${id}` });
  else if (type === 'host') node.dispatch({ type: 'register-check', definition: check(`host-${id}`) });
  else if (type === 'crash') node.crash();
  else if (type === 'restart' && node.process === 'stopped') node.restart();
}

describe('for any sequence of changes', () => {
  const act = fc.record({
    type: fc.constantFrom<Act['type']>(
      ...([
        'register',
        'register',
        'deregister',
        'fail',
        'pass',
        'tags',
        'config',
        'delete',
        'host',
        'crash',
        'restart',
      ] as const),
      ...(['wait', 'wait', 'read', 'read', 'copy', 'return', 'return', 'slow'] as const),
    ),
    node: fc.nat(2),
    id: fc.nat(2),
  });
  test('snapshot and deltas are the view: read at once, slowly, or resumed at any index', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(act, { minLength: 20, maxLength: 80, size: 'max' }),
        fc.record({ deltas: fc.integer({ min: 1, max: 8 }), bytes: fc.constantFrom(3000, 1_000_000) }),
        async (acts, limits) => {
          const at = scene(limits);
          const quick = new Stream(at.feed);
          const slow = new Stream(at.feed);
          const copies: Mirror[] = [];
          const returned: Stream[] = [];
          for (const each of acts) {
            if (each.type === 'wait') await at.pass([20, 200, 3000][each.id]!);
            else if (each.type === 'read') await quick.read();
            else if (each.type === 'slow') await slow.read(1);
            else if (each.type === 'copy') copies.push(each.node === 0 ? now(at) : quick.mirror.copy());
            else if (each.type === 'return') {
              const from = copies[each.id % Math.max(1, copies.length)];
              if (from !== undefined) returned.push(await new Stream(at.feed, from.copy()).read(each.node * 2));
            } else if (each.node > 0 || (each.type !== 'crash' && each.type !== 'restart')) perform(at.nodes[each.node]!, each);
          }
          await at.pass(100);
          await at.pass(100);
          const expected = now(at).content();
          for (const stream of [quick, slow, ...returned]) expect((await stream.read()).mirror.content()).toEqual(expected);
          for (const stream of [quick, slow, ...returned]) stream.close();
        },
      ),
      { numRuns: 40 },
    );
  });
});
