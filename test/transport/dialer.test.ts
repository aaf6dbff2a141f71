/** What a dial of a name comes to that stands for several hosts. */

import { nodeId } from '@skein/core';
import type { DialOutcome } from '@skein/core';
import { Dialer, Links } from '@skein/transport/parts';
import { expect, test, vi } from 'vitest';

type Parts = ConstructorParameters<typeof Dialer>[0];
type Session = Parameters<Links['install']>[0];
/** Who is at an address. `hangs`: it never answers; `peer` has a link already, `newcomer` gets one by this dial. */
type Host = 'hangs' | 'nobody' | 'peer' | 'newcomer' | 'ourselves' | Error;

const self = nodeId('self');
const peer = nodeId('peer');
const newcomer = nodeId('newcomer');

/** Dials a name that stands for these, by address, as host 10.0.0.1 would. */
async function dial(hosts: Readonly<Record<string, Host>>): Promise<DialOutcome> {
  vi.useFakeTimers();
  const links = new Links(self);
  const link = { openedAtMs: 0, epoch: 1 };
  links.install({ ...link, peer, admittedAtMs: 0 } as unknown as Session);
  links.install({ ...link, peer: newcomer, admittedAtMs: Infinity } as unknown as Session);
  const connect = (text: string): Promise<unknown> => {
    const host = hosts[text.split('/')[2] ?? ''];
    if (host instanceof Error) return Promise.reject(host);
    if (host === 'nobody') return Promise.reject(new Error('ECONNREFUSED'));
    if (host === 'ourselves') return Promise.reject(new Error('Can not dial self'));
    if (host === 'hangs') return new Promise(() => undefined);
    return Promise.resolve({ remotePeer: host === 'peer' ? peer : newcomer, status: 'closed' });
  };
  const dialer = new Dialer({
    self,
    links,
    node: {
      listening: () => ['10.0.0.1:7946'],
      dial: (to: { toString(): string }) => connect(to.toString()),
    } as unknown as Parts['node'],
    now: () => Date.now(),
    resolve: () => Promise.resolve(Object.keys(hosts)),
    ownIdentityAt: () => undefined,
    greet: () => expect.fail('who has a link is not greeted'),
  });
  const outcome = dialer.dial({ to: undefined, addresses: ['seeds.test:7946'], fresh: false, timeoutMs: 4000 });
  await vi.advanceTimersByTimeAsync(4000);
  vi.useRealTimers();
  return outcome;
}

test.each<[string, Readonly<Record<string, Host>>]>([
  ['is ours', { '10.0.0.1': 'ourselves', '10.0.0.2': 'peer' }],
  ['leads back to us', { '10.0.0.9': 'ourselves', '10.0.0.2': 'peer' }],
  ['refuses', { '10.0.0.3': 'nobody', '10.0.0.2': 'peer' }],
  ['gives no answer', { '10.0.0.3': 'hangs', '10.0.0.2': 'peer' }],
  ['gives no answer, as two more do', { '10.0.0.3': 'hangs', '10.0.0.4': 'hangs', '10.0.0.5': 'hangs', '10.0.0.2': 'peer' }],
])('a host behind a name that answers is found when the first one %s', async (_how, hosts) => {
  expect(await dial(hosts)).toEqual({ ok: true, id: peer });
});

test('a name is ours only when nothing else is behind it', async () => {
  expect(await dial({ '10.0.0.1': 'ourselves' })).toMatchObject({ ok: false, reason: 'self' });
  expect(await dial({ '10.0.0.1': 'ourselves', '10.0.0.2': 'nobody' })).toMatchObject({ ok: false, reason: 'refused' });
  expect(await dial({ '10.0.0.2': 'nobody', '10.0.0.1': 'ourselves' })).toMatchObject({ ok: false, reason: 'refused' });
  expect(await dial({ '10.0.0.2': 'hangs', '10.0.0.1': 'ourselves' })).toMatchObject({ ok: false, reason: 'timeout' });
});

test('a name is looked through for a host without a link, past those that have one', async () => {
  expect(await dial({ '10.0.0.2': 'peer', '10.0.0.3': 'newcomer' })).toEqual({ ok: true, id: newcomer });
  expect(await dial({ '10.0.0.2': 'peer', '10.0.0.3': 'nobody', '10.0.0.1': 'ourselves' })).toEqual({ ok: true, id: peer });
});

test.each([
  ['connect ENETUNREACH 10.0.0.2:7946', 'timeout'],
  ['connect EHOSTUNREACH 10.0.0.2:7946', 'timeout'],
  ['connect EADDRNOTAVAIL 10.0.0.2:7946', 'timeout'],
  ['connect EMFILE 10.0.0.2:7946', 'timeout'],
  ['connect ETIMEDOUT 10.0.0.2:7946', 'timeout'],
  ['connect ECONNREFUSED 10.0.0.2:7946', 'refused'],
  ['read ECONNRESET', 'refused'],
])('only a peer refuses, not our own host that has no network or no socket: %s', async (message, reason) => {
  expect(await dial({ '10.0.0.2': new Error(message) })).toMatchObject({ ok: false, reason, detail: message });
});

test('that our own host could not ask at one address says nothing where another one refuses', async () => {
  const hosts = { '10.0.0.2': new Error('connect ENETUNREACH fe80::1:7946'), '10.0.0.3': 'nobody' } as const;
  expect(await dial(hosts)).toMatchObject({ ok: false, reason: 'refused' });
  expect(await dial({ '10.0.0.3': 'nobody', '10.0.0.2': hosts['10.0.0.2'] })).toMatchObject({ ok: false, reason: 'refused' });
  for (const all of [
    { '10.0.0.2': hosts['10.0.0.2'], '10.0.0.1': 'ourselves' } as const,
    { '10.0.0.1': 'ourselves', '10.0.0.2': hosts['10.0.0.2'] } as const,
  ])
    expect(await dial(all)).toMatchObject({ ok: false, reason: 'timeout' });
});
