import type { View } from '@skein/core';
import { nodeId } from '@skein/core';
import { type MeshMessage, TransportError } from '@skein/transport';
import { Events, filterProblem, filtersMatch } from '@skein/agent/parts';
import { describe, expect, test } from 'vitest';

const view = {
  self: nodeId('self'),
  instancesOf: () => [{ instance: { service: 'orders', tags: ['blue', 'v2'] } }, { instance: { service: 'web', tags: [] } }],
} as unknown as View;

const plain = { name: 'deploy', payload: new Uint8Array([1]), nodeFilter: '', serviceFilter: '', tagFilter: '' };

function message(id: string, changes: Partial<MeshMessage> = {}): MeshMessage {
  return { ...plain, id, origin: nodeId('other'), stamp: 0, ...changes };
}

const wallMs = 1_700_000_000_000;

type Publish = (event: Omit<MeshMessage, 'id' | 'origin'>) => Promise<MeshMessage>;

/** As Go's client makes an index of an event's id. */
function indexOfId(id: string): number {
  const hex = id.replaceAll('-', '');
  return Number(BigInt(`0x${hex.slice(0, 16)}`) ^ BigInt(`0x${hex.slice(16)}`));
}

function events(publish?: Publish, now = () => wallMs): Events {
  let counter = 0;
  return new Events({
    publish: publish ?? (async (event) => ({ ...event, id: `self-${++counter}`, origin: view.self })),
    view: () => view,
    nodeName: 'node-1',
    wallMs: now,
  });
}

test('an event that was fired is listed here too', async () => {
  const all = events();
  const fired = await all.fire(plain);
  expect(fired).toMatchObject({ name: 'deploy', index: indexOfId(fired.id) });
  expect(all.list()).toEqual([fired]);
});

test('an event that arrives twice is one event', () => {
  const all = events();
  expect(all.received(message('x'))).toBeDefined();
  expect(all.received(message('x'))).toBeUndefined();
  expect(all.list()).toHaveLength(1);
});

test('the last 256 are kept, oldest first, with indexes that grow', () => {
  const all = events();
  for (let n = 1; n <= 300; n++) all.received(message(`m${n}`));
  expect(all.list()).toHaveLength(256);
  expect(all.list()[0]).toMatchObject({ index: 46 });
  expect(all.list().at(-1)).toMatchObject({ index: 301 });
});

test('an id is a UUID, the same on every agent, from which Go clients tell the index', async () => {
  const sent: MeshMessage[] = [];
  const one = events(async (event) => {
    sent.push({ ...event, id: `one-${sent.length}`, origin: view.self });
    return sent.at(-1)!;
  });
  const two = events();
  for (const name of ['a', 'b', 'c']) {
    const fired = await one.fire({ ...plain, name });
    const seen = two.received(sent.at(-1)!);
    expect(fired.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect([seen?.id, seen?.index, indexOfId(fired.id)]).toEqual([fired.id, fired.index, fired.index]);
  }
});

test('an event is later than every one that its agent saw, though another clock is ahead', async () => {
  const ahead = events(undefined, () => wallMs + 60_000);
  const stamps: number[] = [];
  const behind = events((event) => {
    stamps.push(event.stamp);
    return Promise.resolve({ ...event, id: `b${stamps.length}`, origin: view.self });
  });
  const first = await ahead.fire(plain);
  behind.received(message('a1', { stamp: first.index }));
  const second = await behind.fire(plain);
  expect(second.index).toBeGreaterThan(first.index);
  expect(ahead.received(message('b1', { stamp: stamps[0] ?? 0 }))?.index).toBe(second.index);
});

test('an index grows whatever stamps come: too late, from the future, or none', async () => {
  const all = events();
  const first = await all.fire(plain);
  const stamps = [first.index - 5000, 0, Number.MAX_SAFE_INTEGER, first.index + 4096];
  const indexes = stamps.map((stamp, at) => all.received(message(`m${at}`, { stamp }))?.index ?? 0);
  expect(indexes).toEqual([first.index + 1, first.index + 2, first.index + 3, first.index + 4096]);
  const next = await all.fire(plain);
  expect(next.index).toBeLessThan(first.index + 100_000);
  expect(next.index).toBeGreaterThan(first.index + 4096);
});

test('a reader who knows that there was no event waits for the first, also when others are not meant for this node', async () => {
  const all = events();
  let isWoken = false;
  const first = all.changed(1, new AbortController().signal).then(() => (isWoken = true));
  all.received(message('elsewhere', { nodeFilter: 'other' }));
  await Promise.resolve();
  expect([isWoken, all.list()]).toEqual([false, []]);
  all.received(message('x'));
  await first;
});

test('a reader that waits is woken by the next event, by its signal, and by the end', async () => {
  const all = events();
  const never = new AbortController().signal;
  const next = all.changed(0, never);
  all.received(message('x'));
  await next;
  await all.changed(0, never);
  await all.changed(2, AbortSignal.abort());
  const last = all.changed(2, never);
  all.stop();
  await last;
});

test('an event that is too large is refused with a code that the API knows', async () => {
  const all = events(() => Promise.reject(new TransportError('event-too-large', 'too large')));
  await expect(all.fire(plain)).rejects.toMatchObject({ code: 'invalid-event', message: 'too large' });
});

test('another failure of the transport is not disguised', async () => {
  const all = events(() => Promise.reject(new Error('odd')));
  await expect(all.fire(plain)).rejects.toThrow('odd');
});

describe('filters', () => {
  test.each([
    [{ nodeFilter: 'node' }, true],
    [{ nodeFilter: '^node-1$' }, true],
    [{ nodeFilter: '^ode' }, false],
    [{ serviceFilter: 'ord.*' }, true],
    [{ serviceFilter: '^nothing$' }, false],
    [{ serviceFilter: 'orders', tagFilter: 'v[0-9]' }, true],
    [{ serviceFilter: 'web', tagFilter: 'v2' }, false],
    [{ nodeFilter: 'other', serviceFilter: 'orders' }, false],
    [{ tagFilter: 'blue' }, false],
    [{ nodeFilter: '(' }, false],
  ])('%j', (filters, matches) => {
    expect(events().received(message('x', filters)) !== undefined).toBe(matches);
  });

  test.each(['(', '[', '(a)\\1', '(?=a)', 'x'.repeat(513), 'a{1000}{1000}', '\\'])(
    '"%s" is refused when fired, and matches nothing when it comes from elsewhere',
    async (text) => {
      await expect(events().fire({ ...plain, nodeFilter: text })).rejects.toMatchObject({
        code: 'invalid-event',
        message: expect.stringContaining('Invalid node filter'),
      });
      expect(filtersMatch({ ...plain, nodeFilter: text }, { node: text, services: [] })).toBe(false);
    },
  );

  test.each(['', 'a', '^web-[0-9]+$', 'a|b', '(?:a|b)c', '.*\\.eu$', '[*+]', '\\(x\\)', '(a+)+b', '(?i)A', '(?P<n>a)'])(
    '"%s" is accepted, as RE2 has it',
    (text) => {
      expect(filterProblem({ ...plain, nodeFilter: text })).toBeUndefined();
    },
  );

  test('an expression that would backtrack without end is over at once', () => {
    const filters = { ...plain, nodeFilter: '^(a+)+b$' };
    expect(filtersMatch(filters, { node: 'a'.repeat(256), services: [] })).toBe(false);
  });

  test('a tag filter alone is refused when fired', async () => {
    await expect(events().fire({ ...plain, tagFilter: 'x' })).rejects.toMatchObject({
      code: 'invalid-event',
      message: expect.stringContaining('service filter'),
    });
  });
});
