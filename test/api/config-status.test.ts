/** `/v1/mesh/config/status`, and the history of an entry. */

import { topics, versionId } from '@skein/core';
import type { ConfigVersion, SeenVersion } from '@skein/core';
import { describe, expect, test } from 'vitest';
import { json, settle, setup } from './fake-agent.ts';
import type { Setup } from './fake-agent.ts';

function version(at: Setup, ms: number, value: unknown, fields: Partial<ConfigVersion> = {}): ConfigVersion {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const author = at.port.self;
  const key = { mesh: 'testmesh', kind: 'route', name: 'shop', author };
  return { ...key, time: { ms, counter: 0 }, parent: '', json: text, deleted: false, ...fields };
}

function seen(version: ConfigVersion, state: SeenVersion['state'], reason = ''): SeenVersion {
  return { version, state, reason };
}

describe('the status', () => {
  const url = '/v1/mesh/config/status';

  test('of an agent that is alone is that all of one node apply nothing', async () => {
    expect(json(await setup().get(url))).toMatchObject({
      applied: 1,
      of: 1,
      digest: 'none',
      entries: 0,
      nodes: [],
      refused: [],
      toldWithinMs: 5000,
    });
  });

  test.each(['', '?history', '?conflicts'])(
    'is not to be had with a slash at its end, nor a list of a kind: %s',
    async (query) => {
      const answer = await setup().get(`${url}/${query}`);
      expect([answer.statusCode, answer.body]).toEqual([404, expect.stringContaining('is at /v1/mesh/config/status')]);
    },
  );

  test('counts nodes that apply the same, and names the others with what they told', async () => {
    const at = setup();
    const { port } = at;
    port.appliedConfig = 'D1';
    port.addMember('same', { appliedConfig: 'D1' });
    port.addMember('other', { appliedConfig: 'D0' });
    port.addMember('another', { appliedConfig: 'none' });
    port.addMember('older', { appliedConfig: '' });
    port.addMember('restarted', { appliedConfig: 'D1', catalogEpoch: 2 });
    port.addMember('failed', { appliedConfig: 'D1', status: 'failed', reachable: false });
    port.addMember('suspect', { appliedConfig: 'D1', status: 'suspect', reachable: false });
    port.addMember('suspected', { appliedConfig: 'D1', status: 'suspect' });
    port.addMember('left', { appliedConfig: 'D1', status: 'left', reachable: false });
    port.addMember('leaving', { appliedConfig: 'D1', status: 'leaving' });
    const status = json(await at.get(url)) as { nodes: { name: string; state: string; digest: string }[] };
    expect(status).toMatchObject({ applied: 3, of: 9, different: 2, unknown: 2, unreachable: 2, digest: 'D1' });
    expect(status.nodes.map(({ name, state, digest }) => `${name} ${state} ${digest}`)).toEqual([
      'another different none',
      'other different D0',
      'older unknown ',
      'restarted unknown D1',
      'failed unreachable D1',
      'suspect unreachable D1',
    ]);
  });

  test('names 256 nodes at most, those that differ first, and counts all', async () => {
    const at = setup();
    for (let i = 0; i < 300; i++) at.port.addMember(`n${i}`, { status: 'failed', reachable: false });
    at.port.addMember('z', { appliedConfig: 'D0' });
    const status = json(await at.get(url)) as { nodes: { name: string }[] };
    expect(status).toMatchObject({ applied: 1, of: 302, different: 1, unreachable: 300 });
    expect(status.nodes).toHaveLength(256);
    expect(status.nodes[0]?.name).toBe('z');
  });

  test('names entries whose newest version this agent refuses, also those that it never had a good one of', async () => {
    const at = setup();
    const bad = version(at, 2, { bad: 1 });
    at.port.histories.set('route/shop', [seen(bad, 'quarantined', 'bad: unknown key'), seen(version(at, 1, {}), 'current')]);
    at.port.histories.set('route/fine', [seen(version(at, 3, {}), 'current'), seen(bad, 'quarantined', 'bad: unknown key')]);
    expect(json(await at.get(url))).toMatchObject({
      refused: [{ kind: 'route', name: 'shop', id: versionId(bad), authorName: 'alpha', reason: 'bad: unknown key' }],
    });
  });

  test.each([topics.appliedConfig, topics.config, topics.members])('wakes who waits when %s moves', async (topic) => {
    const at = setup();
    at.port.bump(topics.config);
    const index = String((await at.get(url)).headers['x-consul-index']);
    const waiting = at.get(`${url}?index=${index}&wait=5m`);
    await settle();
    at.port.addMember('other', { appliedConfig: 'D0' });
    at.port.bump(topic);
    await settle();
    expect(json(await waiting)).toMatchObject({ of: 2, different: 1 });
  });

  test('is read, not written, and has no filter', async () => {
    const at = setup();
    expect((await at.put(url, {})).statusCode).toBe(405);
    expect((await at.get(`${url}?filter=a==b`)).statusCode).toBe(400);
    expect((await at.get(`${url}?index=-1`)).statusCode).toBe(400);
  });
});

describe('the history of an entry', () => {
  const url = '/v1/mesh/config/route/shop?history';

  test('has each version with its author, how it stands, what it says and what it changed', async () => {
    const at = setup();
    const first = version(at, 1, { rules: [{ name: 'a' }] });
    const second = version(at, 2, { rules: [{ name: 'b' }] }, { parent: versionId(first) });
    const gone = version(at, 3, '', { parent: versionId(second), deleted: true });
    const stray = version(at, 4, { rules: [] }, { parent: '9.9.elsewhere' });
    at.port.histories.set('route/shop', [
      seen(stray, 'quarantined', 'no rules'),
      seen(gone, 'current'),
      seen(second, 'superseded'),
      seen(first, 'superseded'),
    ]);
    const rows = json(await at.get(url)) as Record<string, unknown>[];
    const picked = rows.map(({ state, deleted, value, changes, reason }) => ({ state, deleted, value, changes, reason }));
    expect(picked).toEqual([
      { state: 'quarantined', deleted: false, value: { rules: [] }, changes: null, reason: 'no rules' },
      { state: 'current', deleted: true, value: null, changes: [{ path: '', before: { rules: [{ name: 'b' }] } }], reason: '' },
      {
        state: 'superseded',
        deleted: false,
        value: { rules: [{ name: 'b' }] },
        changes: [{ path: 'rules[0].name', before: 'a', after: 'b' }],
        reason: '',
      },
      {
        state: 'superseded',
        deleted: false,
        value: { rules: [{ name: 'a' }] },
        changes: [{ path: '', after: { rules: [{ name: 'a' }] } }],
        reason: '',
      },
    ]);
    expect(rows[2]).toMatchObject({ id: versionId(second), authorName: 'alpha', time: { ms: 2 }, parent: versionId(first) });
  });

  test.each([
    ['is no JSON', '{'],
    ['is nested deeper than anybody can write out', '['.repeat(15_000) + ']'.repeat(15_000)],
  ])('shows of a value that %s only why it is refused', async (_what, text) => {
    const at = setup();
    at.port.histories.set('route/shop', [seen(version(at, 1, text), 'quarantined', 'its value is refused')]);
    expect(json(await at.get(url))).toMatchObject([
      { state: 'quarantined', value: null, changes: [], reason: 'its value is refused' },
    ]);
  });

  test.each([
    ['/v1/mesh/config/route/nobody?history', 404, 'No version of config entry "route/nobody" is known here'],
    ['/v1/mesh/config/kv/shop?history', 400, 'There is no history of kind "kv"'],
    ['/v1/mesh/config/external/shop?history', 400, 'There is no history of kind "external"'],
    ['/v1/mesh/config/route?history', 400, 'Missing config name'],
    ['/v1/mesh/config/route/shop?history=perhaps', 400, 'Invalid value for ?history'],
  ])('%s is refused with %i', async (asked, status, text) => {
    const answer = await setup().get(asked);
    expect([answer.statusCode, answer.body]).toEqual([status, expect.stringContaining(text)]);
  });

  test('with history=false is the entry itself', async () => {
    expect((await setup().get('/v1/mesh/config/route/nobody?history=false')).body).toContain('No config entry "route/nobody"');
  });
});
