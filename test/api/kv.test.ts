/** `/v1/kv` as Consul's clients use it, over real nodes in a simulated mesh. */

import { createApi } from '@skein/api';
import type { Api, InjectedAnswer } from '@skein/api';
import { limits } from '@skein/core';
import { World } from '@skein/sim';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FakeAgent, FakeEvents, FakeTimers, json, settle } from './fake-agent.ts';

interface Site {
  readonly agent: FakeAgent;
  readonly timers: FakeTimers;
  readonly api: Api;
  get(url: string): Promise<InjectedAnswer>;
  put(url: string, payload?: string | Uint8Array): Promise<InjectedAnswer>;
  delete(url: string): Promise<InjectedAnswer>;
}

function mesh(count = 1): { world: World; sites: [Site, ...Site[]] } {
  const world = new World({ seed: 5, network: 'lan', profile: 'local' });
  const sites = world.mesh(count).map((port): Site => {
    const [agent, timers] = [new FakeAgent(), new FakeTimers()];
    const api: Api = createApi({
      port,
      agent,
      timers,
      events: new FakeEvents(),
      random: () => 0,
      listen: '127.0.0.1:0',
      allowedHosts: [],
    });
    return {
      agent,
      timers,
      api,
      get: (url) => api.inject({ method: 'GET', url }),
      put: (url, payload) => api.inject({ method: 'PUT', url, ...(payload === undefined ? {} : { payload }) }),
      delete: (url) => api.inject({ method: 'DELETE', url }),
    };
  });
  world.runFor(3000);
  return { world, sites: sites as [Site, ...Site[]] };
}

const indexOf = (answer: InjectedAnswer): number => Number(answer.headers['x-consul-index']);

async function ok(answer: Promise<InjectedAnswer>): Promise<unknown> {
  return json(await answer);
}

describe('a key', () => {
  test('is read as it was written: value in base64, flags, indexes', async () => {
    const { sites } = mesh();
    expect(await ok(sites[0].put('/v1/kv/app/db?flags=42', 'secret'))).toBe(true);
    const answer = await sites[0].get('/v1/kv/app/db');
    const index = indexOf(answer);
    expect(json(answer)).toEqual([
      { LockIndex: 0, Key: 'app/db', Flags: 42, Value: 'c2VjcmV0', CreateIndex: index, ModifyIndex: index },
    ]);
    expect(sites[0].agent.durableCalls).toBe(1);
  });

  test('is read raw as its bytes, which no browser takes for a page', async () => {
    const { sites } = mesh();
    await sites[0].put('/v1/kv/page', '<script>');
    const answer = await sites[0].get('/v1/kv/page?raw');
    expect(answer.body).toBe('<script>');
    expect(answer.headers).toMatchObject({ 'content-security-policy': 'sandbox', 'x-content-type-options': 'nosniff' });
    expect(String(answer.headers['content-type'])).toMatch(/^text\/plain/);
    await sites[0].put('/v1/kv/page', new Uint8Array(0));
    expect(json<{ Value: unknown }[]>(await sites[0].get('/v1/kv/page'))[0]?.Value).toBeNull();
    expect((await sites[0].get('/v1/kv/page?raw')).body).toBe('');
  });

  test('that does not exist is 404 without a body, and has an index', async () => {
    const { sites } = mesh();
    for (const url of ['/v1/kv/none', '/v1/kv/none?raw', '/v1/kv/none?recurse', '/v1/kv/none?keys', '/v1/kv/?recurse']) {
      const answer = await sites[0].get(url);
      expect([answer.statusCode, answer.body], url).toEqual([404, '']);
      expect(indexOf(answer), url).toBeGreaterThan(1);
    }
    expect(await ok(sites[0].get('/v1/kv/?keys'))).toEqual([]);
    expect((await sites[0].get('/v1/kv/')).body).toBe('Missing key name');
  });

  test.each(['DELETE', 'GET', 'PUT', 'OPTIONS'] as const)(
    '%s of the store without its last slash leads to the one with it, and changes nothing',
    async (method) => {
      const { sites } = mesh();
      await sites[0].put('/v1/kv/a', '1');
      for (const url of ['/v1/kv?recurse', '/v1/k%76?recurse']) {
        const answer = await sites[0].api.inject({ method, url });
        expect([answer.statusCode, answer.headers['location'], answer.body]).toEqual([301, '/v1/kv/?recurse', '']);
      }
      expect(await ok(sites[0].get('/v1/kv/?keys'))).toEqual(['a']);
      if (method === 'DELETE') await sites[0].delete('/v1/kv/?recurse');
      expect(await ok(sites[0].get('/v1/kv/?keys'))).toEqual(method === 'DELETE' ? [] : ['a']);
    },
  );

  test('written at one agent is read at every other, and so is its deletion', async () => {
    const { world, sites } = mesh(3);
    await sites[0].put('/v1/kv/a/b', '1');
    world.runFor(500);
    for (const at of sites) expect((await at.get('/v1/kv/a/b?raw')).body).toBe('1');
    await sites[2]?.delete('/v1/kv/a/b');
    world.runFor(500);
    for (const at of sites) expect((await at.get('/v1/kv/a/b')).statusCode).toBe(404);
  });

  test('of any Unicode, with slashes and empty segments, comes back as it was', async () => {
    const { sites } = mesh();
    const key = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
      .filter((text) => !text.includes('\u0000') && !/^\.\.?$/.test(text));
    await fc.assert(
      fc.asyncProperty(key, fc.uint8Array({ maxLength: 50 }), async (name, value) => {
        const url = `/v1/kv/${encodeURIComponent(name)}`;
        expect(await ok(sites[0].put(url, value))).toBe(true);
        const [entry] = json<{ Key: string; Value: string | null }[]>(await sites[0].get(url));
        expect(entry?.Key).toBe(name);
        expect(Buffer.from(entry?.Value ?? '', 'base64')).toEqual(Buffer.from(value));
      }),
      { numRuns: 60, seed: 1 },
    );
    for (const url of ['/v1/kv/a//b', '/v1/kv//lead', '/v1/kv/tail/', '/v1/kv/a%2Fb', '/v1/kv/100%25', '/v1/kv/a+b'])
      expect((await sites[0].put(url, 'v')).statusCode, url).toBe(200);
    const keys = json<string[]>(await sites[0].get('/v1/kv/?keys'));
    expect(keys).toEqual(expect.arrayContaining(['a//b', '/lead', 'tail/', 'a/b', '100%', 'a+b']));
  });

  test('whatever the path is, is answered with a status that is meant', async () => {
    const { sites } = mesh();
    const piece = fc.oneof(fc.constantFrom('%', '%2F', '%FF', '%c3', '/', '?', '#', ';', '%00', '\\', '|', '+'), fc.string());
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 6 }), async (pieces) => {
        const url = `/v1/kv/${pieces.join('').replaceAll(/[^!-~]/g, '_')}`;
        expect([200, 400, 404, 501]).toContain((await sites[0].get(url)).statusCode);
        expect([200, 400, 501]).toContain((await sites[0].put(url, 'x')).statusCode);
      }),
      { numRuns: 100 },
    );
  });
});

describe('keys below a prefix', () => {
  test('are listed in order, whole or up to a separator', async () => {
    const { sites } = mesh();
    for (const key of ['web/b', 'web/a/1', 'web/a/2', 'web', 'webs', 'x']) await sites[0].put(`/v1/kv/${key}`, key);
    const keys = (url: string): Promise<unknown> => ok(sites[0].get(url));
    expect(await keys('/v1/kv/web?keys')).toEqual(['web', 'web/a/1', 'web/a/2', 'web/b', 'webs']);
    expect(await keys('/v1/kv/web/?keys&separator=/')).toEqual(['web/a/', 'web/b']);
    expect(await keys('/v1/kv/?keys&separator=%2F')).toEqual(['web', 'web/', 'webs', 'x']);
    expect(await keys('/v1/kv/web?keys&seperator=/')).toEqual(['web', 'web/', 'webs']);
    const entries = json<{ Key: string }[]>(await sites[0].get('/v1/kv/web/a/?recurse'));
    expect(entries.map(({ Key }) => Key)).toEqual(['web/a/1', 'web/a/2']);
  });

  test('are deleted together, and the others stay', async () => {
    const { sites } = mesh();
    for (let i = 0; i < 150; i++) await sites[0].put(`/v1/kv/tree/${i}`, 'x');
    await sites[0].put('/v1/kv/treetop', 'x');
    expect(await ok(sites[0].delete('/v1/kv/tree/?recurse'))).toBe(true);
    expect(await ok(sites[0].get('/v1/kv/?keys'))).toEqual(['treetop']);
    expect(await ok(sites[0].delete('/v1/kv/?recurse'))).toBe(true);
    expect(await ok(sites[0].get('/v1/kv/?keys'))).toEqual([]);
    expect(await ok(sites[0].delete('/v1/kv/none'))).toBe(true);
  });
});

describe('cas', () => {
  test('writes only where the index is the one that was read; 0 means that there is no such key', async () => {
    const { sites } = mesh();
    expect(await ok(sites[0].put('/v1/kv/k?cas=7', 'no'))).toBe(false);
    expect(await ok(sites[0].put('/v1/kv/k?cas=0', 'one'))).toBe(true);
    expect(await ok(sites[0].put('/v1/kv/k?cas=0', 'no'))).toBe(false);
    const index = indexOf(await sites[0].get('/v1/kv/k'));
    expect(await ok(sites[0].put(`/v1/kv/k?cas=${index}`, 'two'))).toBe(true);
    expect(await ok(sites[0].put(`/v1/kv/k?cas=${index}`, 'no'))).toBe(false);
    expect(await ok(sites[0].delete(`/v1/kv/k?cas=${index}`))).toBe(false);
    expect((await sites[0].get('/v1/kv/k?raw')).body).toBe('two');
    expect(await ok(sites[0].delete(`/v1/kv/k?cas=${indexOf(await sites[0].get('/v1/kv/k'))}`))).toBe(true);
    expect((await sites[0].get('/v1/kv/k')).statusCode).toBe(404);
  });
});

describe('a watch', () => {
  test('of a key that does not exist waits until it is written', async () => {
    const { sites } = mesh();
    const index = indexOf(await sites[0].get('/v1/kv/k'));
    const waiting = sites[0].get(`/v1/kv/k?index=${index}&wait=5m`);
    await sites[0].put('/v1/kv/other', 'x');
    await settle();
    expect(sites[0].timers.pending).toBeGreaterThan(0);
    await sites[0].put('/v1/kv/k', 'x');
    const answer = await waiting;
    expect(answer.statusCode).toBe(200);
    expect(indexOf(answer)).toBeGreaterThan(index);
  });

  test('of an empty prefix neither spins nor wakes for keys beside it, and keeps its index when its time is over', async () => {
    const { sites } = mesh();
    const index = indexOf(await sites[0].get('/v1/kv/fabio/config?recurse'));
    let isAnswered = false;
    const waiting = sites[0].get(`/v1/kv/fabio/config?recurse&index=${index}&wait=1m`).then((answer) => {
      isAnswered = true;
      return answer;
    });
    for (const key of ['fabio/conf', 'fabio/noroute', 'zzz']) await sites[0].put(`/v1/kv/${key}`, 'x');
    await sites[0].timers.pass(59_000);
    expect(isAnswered).toBe(false);
    await sites[0].timers.pass(1000);
    const answer = await waiting;
    expect([answer.statusCode, indexOf(answer)]).toEqual([404, index]);
  });

  test('of a prefix is woken by a deletion below it', async () => {
    const { sites } = mesh();
    await sites[0].put('/v1/kv/p/1', 'x');
    const index = indexOf(await sites[0].get('/v1/kv/p/?keys'));
    const waiting = sites[0].get(`/v1/kv/p/?keys&index=${index}`);
    await settle();
    await sites[0].delete('/v1/kv/p/1');
    const answer = await waiting;
    expect(answer.statusCode).toBe(404);
    expect(indexOf(answer)).toBeGreaterThan(index);
  });

  test('of one prefix gets the same bytes as all others who waited for it, and each its own kind', async () => {
    const { sites } = mesh();
    const [site] = sites;
    for (const key of ['app1', 'app2/x']) await site.put(`/v1/kv/${key}`, 'v');
    const paths = ['app?recurse', 'app?keys', 'app?keys&separator=/', 'app?recurse'];
    const index = indexOf(await site.get('/v1/kv/app?recurse'));
    const waiting = paths.map((path) => site.get(`/v1/kv/${path}&index=${index}`));
    await settle();
    await site.put('/v1/kv/beside', 'v');
    await site.put('/v1/kv/app3', 'v');
    const answers = await Promise.all(waiting);
    expect(answers.map(({ body }) => (JSON.parse(body) as unknown[]).length)).toEqual([3, 3, 3, 3]);
    expect(answers[1]?.body).toBe('["app1","app2/x","app3"]');
    expect(answers[2]?.body).toBe('["app1","app2/","app3"]');
    expect(answers[3]?.body).toBe(answers[0]?.body);
    expect(await ok(site.get('/v1/kv/app?recurse'))).toHaveLength(3);
  });

  test('is not woken by a write that changes nothing', async () => {
    const { sites } = mesh();
    await sites[0].put('/v1/kv/k?flags=1', 'x');
    const before = await sites[0].get('/v1/kv/k');
    expect(await ok(sites[0].put('/v1/kv/k?flags=1', 'x'))).toBe(true);
    expect((await sites[0].get('/v1/kv/k')).body).toBe(before.body);
    await sites[0].put('/v1/kv/k?flags=2', 'x');
    expect(indexOf(await sites[0].get('/v1/kv/k'))).toBeGreaterThan(indexOf(before));
  });
});

describe('a bad request', () => {
  test.each([
    ['GET', '/v1/kv/', 400, 'Missing key name'],
    ['PUT', '/v1/kv/', 400, 'Missing key name'],
    ['DELETE', '/v1/kv/', 400, 'Missing key name'],
    ['PUT', '/v1/kv/k?cas=1&acquire=s', 400, 'Conflicting flags: cas=1&acquire=s'],
    ['DELETE', '/v1/kv/k?recurse&cas=1', 400, 'Conflicting flags: recurse=&cas=1'],
    ['PUT', '/v1/kv/k?flags=x', 400, 'strconv.ParseUint: parsing "x"'],
    ['PUT', '/v1/kv/k?flags=18446744073709551615', 400, '2^53-1'],
    ['PUT', '/v1/kv/k?cas=-1', 400, 'Invalid value for ?cas'],
    ['PUT', '/v1/kv/k?dc=elsewhere', 500, 'No path to datacenter'],
    ['PUT', '/v1/kv/k?acquire=session', 501, 'lock'],
    ['PUT', '/v1/kv/k?release=session', 501, 'lock'],
    ['PUT', `/v1/kv/${'k'.repeat(513)}`, 400, 'has 513 bytes, the limit is 512'],
  ])('%s %s is %i, names what is wrong and changes nothing', async (method, url, status, text) => {
    const { sites } = mesh();
    const api = sites[0];
    const answer =
      method === 'GET'
        ? await api.get(url)
        : method === 'DELETE'
          ? await api.delete(url)
          : method === 'PUT'
            ? await api.put(url, 'x')
            : undefined;
    if (answer !== undefined) {
      expect(answer.statusCode).toBe(status);
      expect(answer.body).toContain(text);
    }
    expect(await ok(api.get('/v1/kv/?keys'))).toEqual([]);
  });

  test('with a value over the limit is 413, as in Consul', async () => {
    const { sites } = mesh();
    const answer = await sites[0].put('/v1/kv/k', 'x'.repeat(limits.kvValueBytes + 1));
    expect(answer.statusCode).toBe(413);
    expect(answer.body).toContain(
      `Request body(${limits.kvValueBytes + 1} bytes) too large, max size: ${limits.kvValueBytes} bytes.`,
    );
    expect(await ok(sites[0].put('/v1/kv/k', 'x'.repeat(limits.kvValueBytes)))).toBe(true);
  });
});
