/** Which of several connections to one peer is its link. */

import { describe, expect, test } from 'vitest';
import { nodeId } from '@skein/core';
import { Links } from '@skein/transport/parts';

type Session = Parameters<Links['install']>[0];

const small = nodeId('a');
const large = nodeId('b');

/** As much of a session as the rules look at. */
function session(peer: typeof small, openedAtMs: number, admittedAtMs = openedAtMs, epoch = 1): Session {
  return { peer, openedAtMs, admittedAtMs, epoch } as unknown as Session;
}

const decide = (links: Links, inbound: Session, epoch = 1): string => links.objection(inbound, epoch)?.reason ?? 'accept';

describe('a connection from a peer without a link', () => {
  test('is accepted', () => {
    expect(decide(new Links(small), session(large, 5))).toBe('accept');
    expect(decide(new Links(large), session(small, 5))).toBe('accept');
  });

  test('crossing a dial of ours loses against it at the smaller id, and wins at the larger', () => {
    const ours = new Links(small);
    ours.startHandshake({ startedAtMs: 1, session: session(large, 1) });
    expect(decide(ours, session(large, 2))).toBe('duplicate');
    const theirs = new Links(large);
    theirs.startHandshake({ startedAtMs: 1, session: session(small, 1) });
    expect(decide(theirs, session(small, 2))).toBe('accept');
  });

  test('is accepted again once the dial of ours has failed', () => {
    const links = new Links(small);
    const handshake = { startedAtMs: 1, session: session(large, 1) };
    links.startHandshake(handshake);
    links.endHandshake(handshake);
    expect(decide(links, session(large, 2))).toBe('accept');
  });
});

describe('a connection from a peer with a link', () => {
  const linked = (self: typeof small, admittedAtMs: number): Links => {
    const links = new Links(self);
    links.install(session(self === small ? large : small, 0, admittedAtMs));
    return links;
  };

  test('that was opened before the link was made is the crossing one', () => {
    expect(decide(linked(small, 10), session(large, 9))).toBe('duplicate');
    expect(decide(linked(small, 10), session(large, 10))).toBe('duplicate');
  });

  test('that was opened after the link was made replaces it', () => {
    expect(decide(linked(small, 10), session(large, 11))).toBe('accept');
  });

  test('is what the smaller id decided, for the larger one', () => {
    expect(decide(linked(large, 10), session(small, 9))).toBe('accept');
  });

  test('of a newer boot always replaces it, of an older one never', () => {
    const links = linked(small, 10);
    links.startHandshake({ startedAtMs: 1, session: session(large, 1) });
    expect(decide(links, session(large, 5), 2)).toBe('accept');
    expect(decide(linked(small, 10), session(large, 11), 0)).toBe('stale-epoch');
    expect(decide(linked(large, 10), session(small, 11), 0)).toBe('stale-epoch');
  });
});

test('an earlier boot is told that two agents may use one identity, in words that fit a refusal', () => {
  const links = new Links(small);
  links.install(session(large, 0, 10, 4_000_000_001));
  const objection = links.objection(session(large, 11), 4_000_000_000);
  expect(objection?.detail).toContain('a copied data directory?');
  expect(objection?.detail).toContain('give one of them');
  expect(objection?.detail.length).toBeLessThanOrEqual(256);
});

describe('a link', () => {
  test('is good enough for any dial, and for a fresh one that started before it was made', () => {
    const links = new Links(small);
    expect(links.satisfies(large, false, 0)).toBe(false);
    links.install(session(large, 0, 10));
    expect([links.satisfies(large, false, 99), links.satisfies(large, true, 10), links.satisfies(large, true, 11)]).toEqual([
      true,
      true,
      false,
    ]);
  });

  test('is not lost with a connection that it replaced', () => {
    const links = new Links(small);
    const old = session(large, 1);
    const fresh = session(large, 2);
    expect(links.install(old)).toBeUndefined();
    expect(links.install(fresh)).toBe(old);
    expect(links.remove(old)).toBe(false);
    expect([links.get(large), links.size]).toEqual([fresh, 1]);
    expect(links.remove(fresh)).toBe(true);
    expect(links.remove(fresh)).toBe(false);
    expect(links.size).toBe(0);
  });

  test('of a dial that ended does not end the dial that came after it', () => {
    const links = new Links(small);
    const first = { startedAtMs: 1, session: session(large, 1) };
    const second = { startedAtMs: 2, session: session(large, 2) };
    links.startHandshake(first);
    links.startHandshake(second);
    links.endHandshake(first);
    expect(links.handshake(large)).toBe(second);
  });
});
