/** What an agent says about itself: log, readiness, metrics, version, reload. */

import { readFileSync } from 'node:fs';
import { loadConfig } from '@skein/agent';
import type { MeshEvent, MeshPort, View } from '@skein/core';
import { nodeId } from '@skein/core';
import {
  createLog,
  diffSettings,
  EventLog,
  firstExternalAddress,
  isLoopback,
  Metrics,
  parseHostPort,
  Readiness,
  Throttle,
  version,
} from '@skein/agent/parts';
import { describe, expect, test } from 'vitest';
import { ManualClock } from './manual-clock.ts';

const peer = nodeId('12D3peer');

function lines(level: 'debug' | 'info' | 'warn' = 'debug'): {
  log: ReturnType<typeof createLog>;
  entries: Record<string, unknown>[];
} {
  const entries: Record<string, unknown>[] = [];
  const sink = { write: (line: string) => void entries.push(JSON.parse(line)) };
  return { log: createLog({ logLevel: level, logFormat: 'json', name: 'n' }, sink), entries };
}

describe('the log', () => {
  test('a change of a member says who, from what, to what, and why', () => {
    const { log, entries } = lines();
    const change = { id: peer, name: 'b', from: 'alive', to: 'failed', reason: 'probe-timeout' } as const;
    new EventLog(log).mesh({ type: 'member-changed', ...change, epoch: 1, incarnation: 0 });
    expect(entries).toMatchObject([{ level: 'warn', msg: 'member changed', agent: 'n', ...change }]);
  });

  test('a seed that stays down is said ever more rarely, and anew after it was joined', () => {
    const { log, entries } = lines();
    const events = new EventLog(log);
    const fail = (attempts: number): void =>
      events.mesh({ type: 'seed-failed', address: 'h:1', reason: 'refused', detail: 'd', attempts, retryInMs: 5 });
    for (let attempt = 1; attempt <= 20; attempt++) fail(attempt);
    expect(entries.map((entry) => entry['attempts'])).toEqual([1, 2, 4, 8, 16]);
    events.mesh({ type: 'seed-joined', address: 'h:1', id: peer });
    fail(1);
    expect(entries.at(-1)).toMatchObject({ attempts: 1, address: 'h:1', reason: 'refused', retryInMs: 5 });
  });

  test('a peer that is refused over and over from changing ports does not fill the log', () => {
    const { log, entries } = lines();
    const events = new EventLog(log);
    for (let port = 1; port <= 1000; port++) {
      events.refused({ reason: 'wrong-token', peer, address: `10.0.0.1:${port}`, detail: 'd' });
      events.refused({ reason: 'wrong-token', peer, address: `/ip4/10.0.0.2/tcp/${port}/p2p/${peer}`, detail: 'd' });
    }
    expect(entries.length).toBeLessThan(24);
    expect(entries[0]).toMatchObject({ level: 'warn', reason: 'wrong-token', address: '10.0.0.1:1' });
  });

  test('a peer that refuses this agent for its epoch means a second agent with its identity, and that is said once', () => {
    const { log, entries } = lines();
    const events = new EventLog(log);
    events.refused({ reason: 'stale-epoch', peer, address: '10.0.0.1:1', detail: 'epoch 1 is over, the link is of 2' });
    expect(entries.map(({ level }) => level)).toEqual(['warn']);
    for (let host = 1; host <= 20; host++) {
      const detail = 'the peer refused: epoch 1 is over, the link is of 2';
      events.refused({ reason: 'stale-epoch', peer, address: `10.0.0.${host}:1`, detail });
    }
    const errors = entries.filter(({ level }) => level === 'error');
    expect(errors).toMatchObject([
      {
        msg: expect.stringContaining('identity'),
        cause: expect.stringContaining('copy'),
        next: expect.stringContaining('identity.key'),
      },
    ]);
  });

  test('members that share a name are said once, and again when another one has it too', () => {
    const { log, entries } = lines();
    const events = new EventLog(log);
    const ids = ['n1', 'n2', 'n3'].map(nodeId);
    for (let times = 0; times < 5; times++) events.mesh({ type: 'name-conflict', name: 'web', ids: ids.slice(0, 2) });
    events.mesh({ type: 'name-conflict', name: 'web', ids });
    expect(entries).toMatchObject([{ level: 'warn', name: 'web', ids: ['n1', 'n2'] }, { ids: ['n1', 'n2', 'n3'] }]);
  });

  test.each([
    ['identity.key', 'different node', 'identity.key back'],
    ['epoch', 'boot counter', 'nothing'],
    ['epoch.copy', 'boot counter', 'nothing'],
    ['peers.json', 'list of peers', '--join'],
    ['registrations/00ff.json', 'missing until', 'register'],
  ])('of a damaged %s the log says what is lost and what to do', (name, msg, next) => {
    const { log, entries } = lines();
    new EventLog(log).storage({ type: 'file-set-aside', path: `/d/${name}`, movedTo: `/d/${name}.corrupt-1`, reason: 'torn' });
    expect(entries).toMatchObject([{ msg: expect.stringContaining(msg), next: expect.stringContaining(next), reason: 'torn' }]);
  });

  test('a throttle remembers a bounded number of keys', () => {
    const throttle = new Throttle(4);
    expect([1, 2, 3, 4].map((n) => throttle.count(`k${n}`))).toEqual([1, 1, 1, 1]);
    expect(throttle.count('k5')).toBe(1);
    expect(throttle.count('k1')).toBe(1);
  });

  test('pretty lines are text, one a message, without colour where there is no terminal', () => {
    const text: string[] = [];
    const log = createLog({ logLevel: 'info', logFormat: 'pretty', name: 'n' }, { write: (line) => void text.push(line) });
    log.info('ready', { listeners: { http: '127.0.0.1:1' } });
    log.debug('unseen');
    expect(text).toHaveLength(1);
    expect(text[0]).toMatch(/INFO.*ready.*127\.0\.0\.1:1/);
    expect(text[0]).not.toContain('\u001b');
  });

  test('the level can change while running', () => {
    const { log, entries } = lines('info');
    log.debug('a');
    log.setLevel('debug');
    log.debug('b');
    expect(entries.map((entry) => entry['msg'])).toEqual(['b']);
  });

  test('who follows the log gets its lines from a level of his own, and the output stays as it is', () => {
    const { log, entries } = lines('warn');
    const followed: string[] = [];
    const forget = log.follow('debug', (line) => void followed.push(JSON.parse(line).msg));
    const forgetErrors = log.follow('error', (line) => void followed.push(`error ${JSON.parse(line).msg}`));
    log.debug('a');
    log.error('b');
    log.setLevel('error');
    log.warn('c');
    forget();
    log.info('d');
    forgetErrors();
    log.error('e');
    expect(followed).toEqual(['a', 'b', 'error b', 'c']);
    expect(entries.map((entry) => entry['msg'])).toEqual(['b', 'e']);
  });

  test('a silent log can be followed', () => {
    const { log, entries } = lines('info');
    log.setLevel('silent');
    const followed: string[] = [];
    log.follow('info', (line) => void followed.push(JSON.parse(line).msg));
    log.info('a');
    expect({ followed, entries }).toEqual({ followed: ['a'], entries: [] });
  });

  test('every kind of notice about storage names what to do, or that nothing is', () => {
    const { log, entries } = lines();
    const events = new EventLog(log);
    events.storage({ type: 'file-set-aside', path: '/d/x', movedTo: '/d/x.corrupt-1', reason: 'torn' });
    events.storage({ type: 'directory-open', path: '/d', mode: '755' });
    events.storage({ type: 'write-failed', path: '/d/x', reason: 'ENOSPC' });
    events.storage({ type: 'write-recovered' });
    expect(entries.map((entry) => [entry['level'], typeof entry['next']])).toEqual([
      ['error', 'string'],
      ['warn', 'string'],
      ['error', 'string'],
      ['info', 'undefined'],
    ]);
  });
});

describe('readiness', () => {
  function readiness(seeds: string[], knownPeers = 0, failure?: string): { clock: ManualClock; state: Readiness } {
    const clock = new ManualClock();
    return { clock, state: new Readiness({ clock, seeds, knownPeers, storageFailure: () => failure }) };
  }
  const failed = (address: string, reason: 'refused' | 'self' | 'rejected'): MeshEvent => ({
    type: 'seed-failed',
    address,
    reason,
    detail: '',
    attempts: 1,
    retryInMs: 1,
  });

  test('alone by choice is ready, and stays so when somebody joins', () => {
    const { state } = readiness([]);
    expect(state.state().ready).toBe(true);
    state.heard();
    expect(state.state().ready).toBe(true);
  });

  test('nobody is told that it is ready while it registers what service files say', () => {
    const { state } = readiness([]);
    state.registering(true);
    expect(state.state()).toEqual({ ready: false, reason: 'registering what the service files say' });
    state.registering(false);
    expect(state.state().ready).toBe(true);
  });

  test('with a seed it is joining until it was joined and synced', () => {
    const { state } = readiness(['a:1']);
    expect(state.state()).toEqual({ ready: false, reason: 'joining' });
    state.event({ type: 'seed-joined', address: 'a:1', id: peer });
    expect(state.state().ready).toBe(false);
    state.event({ type: 'synced', id: peer });
    expect(state.state().ready).toBe(true);
  });

  test('when every seed failed, all are named with their reasons', () => {
    const { state } = readiness(['a:1', 'b:2']);
    state.event(failed('a:1', 'refused'));
    expect(state.state().reason).toBe('joining');
    state.event(failed('b:2', 'rejected'));
    expect(state.state().reason).toBe('seeds unreachable: a:1 (refused), b:2 (rejected)');
  });

  test('its own address as its only seed leaves it alone by choice', () => {
    const { state } = readiness(['me:1']);
    state.event(failed('me:1', 'self'));
    expect(state.state().ready).toBe(true);
  });

  test('after a restart the peers of before count as a mesh to join', () => {
    const { state } = readiness([], 2);
    expect(state.state().ready).toBe(false);
    state.event({ type: 'synced', id: peer });
    expect(state.state().ready).toBe(true);
  });

  test('a disk that refuses writes, and leaving, end it', () => {
    expect(readiness([], 0, '/d/x: ENOSPC').state.state()).toEqual({
      ready: false,
      reason: 'writes do not reach the disk: /d/x: ENOSPC',
    });
    const { state } = readiness([]);
    state.stopping();
    expect(state.state().ready).toBe(false);
  });

  test('the last contact is counted from the last message, and is nothing when alone by choice', () => {
    const { clock, state } = readiness([]);
    expect(state.lastContactMs()).toBe(0);
    state.heard();
    clock.time = 700;
    expect(state.lastContactMs()).toBe(700);
    expect(readiness(['a:1']).state.lastContactMs()).toBe(Infinity);
  });
});

describe('metrics', () => {
  function metrics(services: number, refusals: Record<string, number> = {}): Metrics {
    const view = {
      lastIndex: 7,
      members: () => [
        { status: 'alive', reachable: true },
        { status: 'failed', reachable: false },
      ],
      services: () => [],
      registrations: () => [],
      registration: () => undefined,
      configEntries: () => [],
      kvEntries: () => [],
    } as unknown as View;
    const classes = { '1xx': 0, '2xx': 3, '3xx': 0, '4xx': 0, '5xx': 1 };
    const latency = { count: 4, sumMs: 2000, buckets: [1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1] };
    const stats = Array.from({ length: services }, (_, n) => ({
      service: `s${n}"\n`,
      answers: classes,
      cancelled: 0,
      retries: 2,
      latency,
      instances: [],
    }));
    return new Metrics({
      port: { view: () => view } as unknown as MeshPort,
      transport: {
        stats: () => ({ links: 1, framesIn: 2, framesOut: 3, bytesIn: 4, bytesOut: 5, unknownMessages: 0, refusals }),
      },
      proxy: {
        stats: () => ({ inFlight: 1, requests: 4, errors: { overloaded: 2 }, services: stats }),
      },
      dns: { stats: () => ({ answers: { NXDOMAIN: 7 }, dropped: 5, truncated: 6, forwarded: 8, connections: 2 }) },
      checks: { counts: { scheduled: 0, running: 0 } },
      lagMs: () => 1500,
      healthScore: () => 3,
      ready: () => true,
      droppedLines: () => 9,
      version: '1.2.3',
      name: 'n',
      mesh: 'm',
    });
  }

  test('say what is, in the units their names say', async () => {
    const text = await metrics(0, { 'wrong-token': 3 }).text();
    for (const line of [
      'skein_members{status="failed"} 1',
      'skein_members{status="suspect"} 0',
      'skein_members_reachable 1',
      'skein_event_loop_lag_seconds 1.5',
      'skein_local_health_score 3',
      'skein_dns_queries_total{rcode="NXDOMAIN"} 7',
      'skein_dns_queries_total{rcode="SERVFAIL"} 0',
      'skein_dns_forwarded_total 8',
      '# TYPE skein_local_health_score gauge',
      'skein_refused_peers_total{reason="wrong-token"} 3',
      'skein_bytes_total{direction="out"} 5',
      'skein_proxy_errors_total{code="overloaded"} 2',
      '# TYPE skein_bytes_total counter',
      '# TYPE skein_links gauge',
      'skein_log_lines_dropped_total 9',
    ]) {
      expect(text).toContain(line);
    }
  });

  test('durations are a histogram with cumulative buckets in seconds', async () => {
    const text = await metrics(1).text();
    const name = 'skein_proxy_request_duration_seconds';
    expect(text).toContain(`# TYPE ${name} histogram`);
    expect(text).toMatch(new RegExp(`${name}_bucket\\{service="s0[^}]*,le="0.002"\\} 3\\n`));
    expect(text).toMatch(new RegExp(`${name}_bucket\\{service="s0[^}]*,le="\\+Inf"\\} 4\\n`));
    expect(text).toMatch(new RegExp(`${name}_sum\\{[^}]*\\} 2\\n`));
  });

  test('names that clients chose cannot break the format', async () => {
    expect(await metrics(1).text()).toContain('service="s0\\"\\n"');
  });

  test('any number of services and of reasons makes a bounded number of series, none of them twice', async () => {
    const all = metrics(1000, Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`r${n}`, 1])));
    for (let n = 0; n < 500; n++) all.event({ type: 'message-refused', from: peer, reason: `reason ${n}` });
    const series = (await all.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    const names = series.map((line) => line.slice(0, line.lastIndexOf(' ')));
    expect(names.length).toBeLessThan(6000);
    expect(new Set(names).size).toBe(names.length);
    expect(series).toContain('skein_refused_peers_total{reason="_other"} 436');
    expect(series).toContain('skein_proxy_requests_total{service="_other",class="2xx"} 2400');
  });

  test('events of the node are counted by type', async () => {
    const all = metrics(0);
    all.event({ type: 'refuted', accuser: peer, incarnation: 1 });
    all.event({ type: 'refuted', accuser: peer, incarnation: 2 });
    expect(await all.text()).toContain('skein_events_total{type="refuted"} 2');
  });
});

test('a reload names what changed and never a value', () => {
  const { config: before } = loadConfig({ flags: { name: 'a', token: 'the-first-token-of-all' } });
  const after = { ...before, token: 'the-second-token-of-all', tags: { a: '1' }, logLevel: 'debug' as const };
  const report = diffSettings(before, after);
  expect(report).toEqual({ applied: ['tags', 'logLevel'], needRestart: ['token'] });
  expect(diffSettings(before, before)).toEqual({ applied: [], needRestart: [] });
});

test('the version is the one of the package', () => {
  const manifest = readFileSync(new URL('../../packages/agent/package.json', import.meta.url), 'utf8');
  expect(version).toBe((JSON.parse(manifest) as { version: string }).version);
});

describe('addresses', () => {
  test.each([
    ['127.0.0.1:80', { host: '127.0.0.1', port: 80 }],
    ['a.b:0', { host: 'a.b', port: 0 }],
    ['[::1]:65535', { host: '::1', port: 65535 }],
    ['a', undefined],
    [':80', undefined],
    ['a:65536', undefined],
    ['a:-1', undefined],
    ['::1:80', undefined],
    ['a b:80', undefined],
    ['user@a:80', undefined],
    ['http://a:80', undefined],
    ['', undefined],
  ])('"%s"', (text, expected) => {
    expect(parseHostPort(text)).toEqual(expected);
  });

  test('what looks like loopback but is not, is not', () => {
    expect(['127.0.0.1', '127.1.2.3', 'localhost', '::1'].filter((host) => !isLoopback(host))).toEqual([]);
    expect(['127.0.0.1.evil.org', '128.0.0.1', '0.0.0.0', '::', 'localhost.evil.org', '1.127.0.0'].filter(isLoopback)).toEqual(
      [],
    );
  });

  test('the first IPv4 address that is not internal is chosen', () => {
    const at = (address: string, family: 'IPv4' | 'IPv6', internal: boolean): object => ({ address, family, internal });
    const interfaces = { lo: [at('127.0.0.1', 'IPv4', true)], e0: [at('fe80::1', 'IPv6', false), at('10.0.0.7', 'IPv4', false)] };
    expect(firstExternalAddress(interfaces as never)).toBe('10.0.0.7');
    expect(firstExternalAddress({})).toBeUndefined();
  });
});
