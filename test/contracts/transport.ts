/** What every `Transport` must do, as a suite. Run it on each implementation. */

import { afterEach, describe, expect, test } from 'vitest';
import { limits, type Input, type Message, type SyncMessage } from '@skein/core';
import type { Transport } from '@skein/transport';
import { Station } from './station.ts';

export interface MakeOptions {
  readonly mesh?: string;
  readonly token?: string | undefined;
  readonly epoch?: number;
  /** The identity of another transport that was made before. */
  readonly identityOf?: Transport;
}

/** Makes a transport that listens on a free loopback port once started. */
export type MakeTransport = (options: MakeOptions) => Promise<Transport>;

const ping = (seq: number): Message => ({ type: 'ping', seq, root: 7 });
const noFacts = { type: 'gossip', members: [], accusations: [], deltas: [], heads: [], configs: [] } as const;

export function transportContract(name: string, make: MakeTransport): void {
  const running: Station[] = [];

  const station = async (options: MakeOptions = {}): Promise<Station> => {
    const made = new Station(await make({ token: 'secret', ...options }));
    running.push(made);
    return made.start();
  };

  const pair = async (): Promise<[Station, Station]> => {
    const a = await station();
    const b = await station();
    expect(await a.dial(b, [b.address])).toEqual({ ok: true, id: b.id });
    await b.linkedTo(a);
    return [a, b];
  };

  describe(`transport contract: ${name}`, () => {
    afterEach(async () => {
      await Promise.all(running.splice(0).map(({ transport }) => transport.stop()));
    });

    test('it says on which ports it listens', async () => {
      const a = await station();
      expect(a.transport.listening()).toHaveLength(1);
      expect(a.address).toMatch(/^127\.0\.0\.1:[1-9]\d*$/);
    });

    test('both sides learn of a link, with the epoch and the clock of the other, before the dial is answered', async () => {
      const a = await station({ epoch: 3 });
      const b = await station({ epoch: 5 });
      expect(await a.dial(undefined, [b.address])).toEqual({ ok: true, id: b.id });
      expect(a.inputs.map(({ type }) => type)).toEqual(['peer', 'dialed']);
      expect(a.inputs[0]).toEqual({ type: 'peer', id: b.id, state: 'linked', epoch: 5, wallMs: expect.any(Number) });
      await b.linkedTo(a);
      expect(b.inputs).toEqual([{ type: 'peer', id: a.id, state: 'linked', epoch: 3, wallMs: expect.any(Number) }]);
      expect([a.transport.stats().links, b.transport.stats().links]).toEqual([1, 1]);
    });

    test('a link outlives the time that its dial was given', async () => {
      const a = await station();
      const b = await station();
      expect(await a.dial(b, [b.address], { timeoutMs: 400 })).toEqual({ ok: true, id: b.id });
      await new Promise((resolve) => setTimeout(resolve, 600));
      a.transport.send(b.id, ping(1), 'wire');
      await b.until('ping', () => b.from(a).length === 1);
      expect(a.states(b)).toEqual(['linked']);
    });

    test('wire messages arrive in the order they were sent, both ways', async () => {
      const [a, b] = await pair();
      for (let seq = 1; seq <= 200; seq++) {
        a.transport.send(b.id, ping(seq), 'wire');
        b.transport.send(a.id, ping(1000 + seq), 'wire');
      }
      await b.until('200 pings', () => b.from(a).length === 200);
      await a.until('200 pings', () => a.from(b).length === 200);
      expect(b.from(a)).toEqual(Array.from({ length: 200 }, (_, i) => ping(i + 1)));
      expect(a.from(b)).toEqual(Array.from({ length: 200 }, (_, i) => ping(1001 + i)));
    });

    test('a message to nobody is dropped', async () => {
      const [a, b] = await pair();
      const stranger = await station();
      a.transport.send(stranger.id, ping(1), 'wire');
      a.transport.send(b.id, ping(2), 'wire');
      await b.until('ping', () => b.from(a).length === 1);
      expect(stranger.inputs).toEqual([]);
    });

    test.each([
      ['a wrong token', { token: 'guess' }, 'wrong-token'],
      ['no token', { token: undefined }, 'token-required'],
      ['another mesh name', { mesh: 'other' }, 'other-mesh'],
    ] as const)('%s is refused, and both sides name the reason', async (_what, options, reason) => {
      const a = await station();
      const b = await station(options);
      const outcome = await b.dial(a, [a.address]);
      expect(outcome).toMatchObject({ ok: false, reason: 'rejected' });
      expect(outcome.ok ? '' : outcome.detail).toContain(reason);
      await a.until('the refusal', () => a.refusals.some((refusal) => refusal.reason === reason && refusal.peer === b.id));
      await b.until('the refusal', () => b.refusals.some((refusal) => refusal.reason === reason && refusal.peer === a.id));
      expect(a.inputs).toEqual([]);
      expect(b.inputs.map(({ type }) => type)).toEqual(['dialed']);
      expect(a.transport.stats().refusals[reason]).toBe(1);
      if (reason === 'other-mesh') expect(JSON.stringify([b.refusals, outcome])).not.toContain('"m');
    });

    test('a node with a token does not join a mesh without one', async () => {
      const open = await station({ token: undefined });
      const guarded = await station();
      const outcome = await guarded.dial(open, [open.address]);
      expect(outcome).toMatchObject({ ok: false, reason: 'rejected' });
      expect(guarded.transport.stats().links + open.transport.stats().links).toBe(0);
    });

    test('two nodes without a token link', async () => {
      const a = await station({ token: undefined });
      const b = await station({ token: undefined });
      expect(await a.dial(b, [b.address])).toEqual({ ok: true, id: b.id });
    });

    test('its own address is reported as self', async () => {
      const a = await station();
      expect(await a.dial(undefined, [a.address])).toMatchObject({ ok: false, reason: 'self' });
      expect(await a.dial(a, [a.address])).toMatchObject({ ok: false, reason: 'self' });
    });

    test('its own address is not held against anybody', async () => {
      const a = await station();
      for (let i = 0; i < 80; i++) await a.dial(undefined, [a.address]);
      const b = await station();
      expect(await b.dial(a, [a.address])).toMatchObject({ ok: true });
      expect([a.transport.stats().refusals, a.refusals]).toEqual([{}, []]);
    });

    test('its own identity at the address of another is reported, with what to do', async () => {
      const a = await station();
      const copy = await station({ identityOf: a.transport });
      expect(await copy.dial(undefined, [a.address])).toMatchObject({ ok: false, reason: 'self' });
      expect(copy.refusals).toMatchObject([{ reason: 'identity-in-use', peer: a.id, address: a.address }]);
      expect(copy.refusals[0]?.detail).toContain('a copied data directory?');
    });

    test('a port where nobody listens is reported as refused', async () => {
      const a = await station();
      const gone = await station();
      const { address } = gone;
      await gone.transport.stop();
      expect(await a.dial(undefined, [address])).toMatchObject({ ok: false, reason: 'refused' });
    });

    test('text that is no address, and no address at all, are reported as unresolvable', async () => {
      const a = await station();
      expect(await a.dial(undefined, ['nonsense'])).toMatchObject({ ok: false, reason: 'unresolvable' });
      expect(await a.dial(undefined, [])).toMatchObject({ ok: false, reason: 'unresolvable' });
    });

    test('somebody else at the address is reported as wrong-peer, and not linked', async () => {
      const a = await station();
      const b = await station();
      const c = await station();
      expect(await a.dial(b, [c.address])).toMatchObject({ ok: false, reason: 'wrong-peer' });
      expect(a.transport.stats().links).toBe(0);
      expect(c.inputs).toEqual([]);
    });

    test('addresses are tried in order until one is the peer', async () => {
      const a = await station();
      const b = await station();
      const c = await station();
      expect(await a.dial(b, ['nonsense', c.address, b.address])).toEqual({ ok: true, id: b.id });
    });

    test('a dial to a peer with a link is answered at once, without a second link', async () => {
      const [a, b] = await pair();
      expect(await a.dial(b, ['nonsense'])).toEqual({ ok: true, id: b.id });
      expect(await a.dial(undefined, [b.address])).toEqual({ ok: true, id: b.id });
      expect(await b.dial(a, [a.address])).toEqual({ ok: true, id: a.id });
      expect(a.states(b)).toEqual(['linked']);
      expect(b.states(a)).toEqual(['linked']);
    });

    test('a fresh dial replaces the link, from either side, without a loss in between', async () => {
      const [a, b] = await pair();
      expect(await a.dial(b, [b.address], { fresh: true })).toEqual({ ok: true, id: b.id });
      await b.linkedTo(a, 2);
      expect(await b.dial(a, [a.address], { fresh: true })).toEqual({ ok: true, id: a.id });
      await a.linkedTo(b, 3);
      a.transport.send(b.id, ping(1), 'wire');
      b.transport.send(a.id, ping(2), 'wire');
      await b.until('ping', () => b.from(a).length === 1);
      await a.until('ping', () => a.from(b).length === 1);
      expect(a.states(b)).toEqual(['linked', 'linked', 'linked']);
      expect(b.states(a)).toEqual(['linked', 'linked', 'linked']);
      expect([a.transport.stats().links, b.transport.stats().links]).toEqual([1, 1]);
    });

    test('a closed link is lost exactly once, on both sides', async () => {
      const [a, b] = await pair();
      a.transport.disconnect(b.id, 'test');
      await a.until('lost', () => a.states(b).includes('lost'));
      await b.until('lost', () => b.states(a).includes('lost'));
      a.transport.disconnect(b.id, 'test');
      expect(await b.dial(a, [a.address])).toEqual({ ok: true, id: a.id });
      await a.linkedTo(b, 2);
      expect(a.states(b)).toEqual(['linked', 'lost', 'linked']);
      expect(b.states(a)).toEqual(['linked', 'lost', 'linked']);
    });

    test('a peer that stops is lost', async () => {
      const [a, b] = await pair();
      await b.transport.stop();
      await a.until('lost', () => a.states(b).includes('lost'));
      expect(a.states(b)).toEqual(['linked', 'lost']);
    });

    test('what was sent just before a stop still arrives', async () => {
      const [a, b] = await pair();
      for (let seq = 1; seq <= 50; seq++) a.transport.send(b.id, ping(seq), 'wire');
      await a.transport.stop();
      await b.until('50 pings', () => b.from(a).length === 50);
    });

    test('a restarted peer with a newer epoch takes the place of its earlier self', async () => {
      const a = await station();
      const first = await station({ epoch: 1 });
      expect(await first.dial(a, [a.address])).toMatchObject({ ok: true });
      await a.linkedTo(first);
      const second = await station({ epoch: 2, identityOf: first.transport });
      expect(await second.dial(a, [a.address])).toMatchObject({ ok: true });
      await a.linkedTo(first, 2);
      expect(a.inputs.filter(({ type }) => type === 'peer')).toEqual([
        { type: 'peer', id: first.id, state: 'linked', epoch: 1, wallMs: expect.any(Number) },
        { type: 'peer', id: first.id, state: 'linked', epoch: 2, wallMs: expect.any(Number) },
      ]);
      await first.until('lost', () => first.states(a).includes('lost'));
      a.transport.send(first.id, ping(9), 'wire');
      await second.until('ping', () => second.from(a).length === 1);
      // An earlier boot cannot come back.
      const outcome = await first.dial(a, [a.address], { fresh: true });
      expect(outcome.ok ? '' : outcome.detail).toContain('stale-epoch');
      for (const side of [a, first]) {
        const refusal = await side.until('the refusal', () => side.refusals.find(({ reason }) => reason === 'stale-epoch'));
        expect(refusal.detail).toContain('give one of them a new, empty data directory');
      }
      // A rightful owner of this identity is not cut off for what the other one does.
      for (let i = 0; i < 12; i++) await first.dial(a, [a.address], { fresh: true });
      expect(a.transport.stats().refusals).toEqual({ 'stale-epoch': 13 });
      expect(a.transport.stats().links).toBe(1);
    });

    test('simultaneous dials end in one link that works both ways', async () => {
      for (let round = 0; round < 6; round++) {
        const a = await station();
        const b = await station();
        const known = round % 2 === 0;
        const outcomes = await Promise.all([
          a.dial(known ? b : undefined, [b.address], { fresh: round % 3 === 0 }),
          b.dial(known ? a : undefined, [a.address], { fresh: round % 3 === 0 }),
        ]);
        expect(outcomes).toEqual([
          { ok: true, id: b.id },
          { ok: true, id: a.id },
        ]);
        await Promise.all([a.publishUntilSeen('from a', [b]), b.publishUntilSeen('from b', [a])]);
        a.transport.send(b.id, ping(1), 'wire');
        b.transport.send(a.id, ping(2), 'wire');
        await b.until('ping', () => b.from(a).length === 1);
        await a.until('ping', () => a.from(b).length === 1);
        expect([a.transport.stats().links, b.transport.stats().links]).toEqual([1, 1]);
        expect(a.states(b)).not.toContain('lost');
        expect(b.states(a)).not.toContain('lost');
      }
    });

    test('an exchange runs over the sync lane, even when both sides use one number', async () => {
      const [a, b] = await pair();
      const answer = (self: Station, other: Station) => (input: Input) => {
        if (input.type !== 'message') return;
        const reply = nextStep(input.message);
        if (reply !== undefined) self.transport.send(other.id, reply, 'sync');
      };
      a.react = answer(a, b);
      b.react = answer(b, a);
      a.transport.send(b.id, { type: 'sync-open', exchange: 1, buckets: [1, 2], wallMs: 0 }, 'sync');
      b.transport.send(a.id, { type: 'sync-open', exchange: 1, buckets: [3], wallMs: 0 }, 'sync');
      const types = (at: Station, other: Station): string[] =>
        at
          .from(other)
          .map(({ type }) => type)
          .sort();
      const expected = ['sync-digest', 'sync-facts', 'sync-facts', 'sync-open'];
      await a.until('both exchanges', () => a.from(b).length === 4);
      await b.until('both exchanges', () => b.from(a).length === 4);
      expect([types(a, b), types(b, a)]).toEqual([expected, expected]);
    });

    test('more exchanges than may be open at once follow one another', async () => {
      const [a, b] = await pair();
      b.react = (input) => {
        if (input.type !== 'message' || input.message.type !== 'sync-pull') return;
        b.transport.send(a.id, facts(input.message.exchange, true), 'sync');
      };
      for (let exchange = 1; exchange <= 20; exchange++) {
        a.transport.send(b.id, { type: 'sync-pull', exchange, wants: [{ key: 'm/x', have: [] }] }, 'sync');
        await a.until(`exchange ${exchange}`, () => a.from(b).length === exchange);
      }
    });

    test('all that a node may write in one exchange can be written at once, in as many exchanges as it may have open', async () => {
      const [a, b] = await pair();
      const most = limits.exchangeMessages;
      b.react = (input) => {
        if (input.type !== 'message' || input.message.type !== 'sync-open') return;
        const { exchange } = input.message;
        b.transport.send(a.id, { type: 'sync-digest', exchange, buckets: [], entries: [] }, 'sync');
        for (let i = 1; i < most; i++) b.transport.send(a.id, facts(exchange, i === most - 1), 'sync');
      };
      for (let round = 0; round < 2; round++) {
        const numbers = Array.from({ length: limits.exchangesPerPeer }, (_, i) => 1 + i + round * limits.exchangesPerPeer);
        for (const exchange of numbers) {
          a.transport.send(b.id, { type: 'sync-open', exchange, buckets: [], wallMs: 0 }, 'sync');
          for (let i = 1; i < most; i++) a.transport.send(b.id, facts(exchange, false), 'sync');
        }
        // The next ones open as soon as a node can tell that these ended: their streams may still be closing.
        const ended = (): number => a.from(b).filter((message) => message.type === 'sync-facts' && message.last).length;
        await a.until('the ends', () => ended() === (round + 1) * numbers.length);
      }
      const total = 2 * limits.exchangesPerPeer * most;
      await b.until('all of a', () => b.from(a).length === total);
      expect([a.from(b).length, b.from(a).length]).toEqual([total, total]);
      expect([...a.refusals, ...b.refusals]).toEqual([]);
    });

    test('an exchange that the listener opens in the moment of the link is served', async () => {
      const a = await station();
      a.react = (input) => {
        if (input.type !== 'peer' || input.state !== 'linked') return;
        for (let exchange = 1; exchange <= 4; exchange++) {
          a.transport.send(input.id, { type: 'sync-open', exchange, buckets: [], wallMs: 0 }, 'sync');
        }
      };
      for (let round = 0; round < 8; round++) {
        const b = await station();
        expect(await b.dial(a, [a.address])).toMatchObject({ ok: true });
        await b.until('four exchanges', () => b.from(a).length === 4);
        expect([...b.refusals, ...a.refusals]).toEqual([]);
      }
    });

    test('a sync message of megabytes arrives, with probes passing it on the way', async () => {
      const [a, b] = await pair();
      const entries = Array.from({ length: 40_000 }, (_, i) => ({ key: `m/${'x'.repeat(60)}${i}`, stamp: [i, 1, 0, 0] }));
      b.react = (input) => {
        if (input.type !== 'message' || input.message.type !== 'sync-open') return;
        b.transport.send(a.id, { type: 'sync-digest', exchange: 4, buckets: [], entries }, 'sync');
        b.transport.send(a.id, ping(5), 'wire');
      };
      a.transport.send(b.id, { type: 'sync-open', exchange: 4, buckets: [], wallMs: 0 }, 'sync');
      await a.until('both', () => a.from(b).length === 2);
      expect(a.from(b).map(({ type }) => type)).toEqual(['ping', 'sync-digest']);
      expect(a.from(b)[1]).toMatchObject({ exchange: 4, entries: { length: 40_000 } });
    });

    test('a message that is too large for its lane is refused on this side, and the link stays', async () => {
      const [a, b] = await pair();
      const removals = Array.from({ length: 1000 }, (_, i) => `i/${'x'.repeat(100)}${i}`);
      const value = { mesh: 'm', owner: a.id, epoch: 1, version: 1, count: 0, digest: '', appliedConfig: '' };
      const head = a.transport.notary.sign('head', value);
      a.transport.send(b.id, { ...noFacts, deltas: [{ head, after: 0, upserts: [], removals }] }, 'wire');
      a.transport.send(b.id, ping(1), 'wire');
      await b.until('ping', () => b.from(a).length === 1);
      expect(b.from(a)).toEqual([ping(1)]);
      expect(a.refusals).toMatchObject([{ reason: 'unsendable' }]);
    });

    test('an event reaches the others with its fields, and not its own node', async () => {
      const [a, b] = await pair();
      await a.publishUntilSeen('warm-up', [b]);
      const event = {
        stamp: 7,
        name: 'deploy',
        payload: new Uint8Array([0, 255]),
        nodeFilter: 'n',
        serviceFilter: 's',
        tagFilter: 't',
      };
      const sent = await a.transport.publish(event);
      const seen = await b.until('deploy', () => b.events.find(({ name }) => name === 'deploy'));
      expect(seen).toEqual({ ...event, id: sent.id, origin: a.id });
      expect(sent).toEqual(seen);
      expect(a.events).toEqual([]);
    });

    test('every event has an id of its own', async () => {
      const a = await station();
      const event = { stamp: 7, name: 'x', payload: new Uint8Array(0), nodeFilter: '', serviceFilter: '', tagFilter: '' };
      const ids = [await a.transport.publish(event), await a.transport.publish(event)].map(({ id }) => id);
      expect(new Set(ids).size).toBe(2);
    });

    test('an event over the limits is refused to its publisher', async () => {
      const a = await station();
      const event = { stamp: 7, name: 'x', payload: new Uint8Array(70_000), nodeFilter: '', serviceFilter: '', tagFilter: '' };
      await expect(a.transport.publish(event)).rejects.toMatchObject({ code: 'event-too-large' });
      await expect(a.transport.publish({ ...event, payload: new Uint8Array(0), name: '' })).rejects.toMatchObject({
        code: 'event-too-large',
      });
    });

    test('events are relayed to nodes without a link to their origin', async () => {
      const [a, b] = await pair();
      const c = await station();
      expect(await c.dial(b, [b.address])).toMatchObject({ ok: true });
      await a.publishUntilSeen('far', [b, c]);
      expect(c.events[0]).toMatchObject({ origin: a.id });
    });

    test('events flow both ways after a link was replaced', async () => {
      const [a, b] = await pair();
      await Promise.all([a.publishUntilSeen('a1', [b]), b.publishUntilSeen('b1', [a])]);
      expect(await a.dial(b, [b.address], { fresh: true })).toMatchObject({ ok: true });
      await Promise.all([a.publishUntilSeen('a2', [b]), b.publishUntilSeen('b2', [a])]);
      expect(await b.dial(a, [a.address], { fresh: true })).toMatchObject({ ok: true });
      await Promise.all([a.publishUntilSeen('a3', [b]), b.publishUntilSeen('b3', [a])]);
    });

    test('stopping twice, and using a stopped transport, does no harm', async () => {
      const [a, b] = await pair();
      await Promise.all([a.transport.stop(), a.transport.stop()]);
      a.transport.send(b.id, ping(1), 'wire');
      a.transport.disconnect(b.id, 'test');
      await expect(
        a.transport.publish({
          stamp: 7,
          name: 'x',
          payload: new Uint8Array(0),
          nodeFilter: '',
          serviceFilter: '',
          tagFilter: '',
        }),
      ).rejects.toMatchObject({ code: 'not-running' });
    });
  });
}

/** The four steps of an exchange, without content. */
function nextStep(message: Message): SyncMessage | undefined {
  if (message.type === 'sync-open') return { type: 'sync-digest', exchange: message.exchange, buckets: [], entries: [] };
  if (message.type === 'sync-digest') return facts(message.exchange, false);
  if (message.type === 'sync-facts' && !message.last) return facts(message.exchange, true);
  return undefined;
}

function facts(exchange: number, last: boolean): SyncMessage {
  return { type: 'sync-facts', exchange, facts: noFacts, wants: [], last };
}
