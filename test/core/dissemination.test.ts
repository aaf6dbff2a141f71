/** What waits for a link is bounded, whatever there is to tell and whether or not the link takes it. */

import { limits } from '@skein/core';
import type { NodeId } from '@skein/core';
import { Dissemination } from '@skein/core/parts';
import { describe, expect, test } from 'vitest';
import { ids, makeTurn } from './fixture.ts';

const [self, peer, other] = ids as [NodeId, NodeId, NodeId];

function make(links: readonly NodeId[], isFullMesh = true): Dissemination {
  return new Dissemination(makeTurn(self), {
    isFullMesh: () => isFullMesh,
    links: () => links,
    stamp: () => [1],
    isWritable: () => false,
    write: () => [],
  });
}

const key = (number: number): string => `k/route/entry-${number}`;

describe('what waits for a link', () => {
  test('is up to 4096 subjects; one more, and the link is dropped to digests', () => {
    const news = make([peer, other]);
    for (let i = 0; i < limits.linkQueue; i++) news.pushTo(peer, key(i), []);
    expect([...news.waiting()]).toEqual([{ to: peer, subjects: limits.linkQueue }]);
    news.pushTo(peer, key(limits.linkQueue), []);
    expect([...news.waiting()]).toEqual([{ to: peer, subjects: 0 }]);
    news.pushTo(peer, key(0), []);
    expect([...news.waiting()]).toEqual([{ to: peer, subjects: 0 }]);
  });

  test('counts a subject once, however often there is news of it', () => {
    const news = make([peer]);
    for (let i = 0; i < 10; i++) news.pushTo(peer, key(0), []);
    expect([...news.waiting()]).toEqual([{ to: peer, subjects: 1 }]);
  });

  test('is up to 4096 subjects of which only word is sent, too', () => {
    const news = make([peer, other]);
    for (let i = 0; i < limits.linkQueue + 100; i++) news.push(key(i), [], other);
    for (const { subjects } of news.waiting()) expect(subjects).toBeLessThanOrEqual(limits.linkQueue);
    expect([...news.waiting()]).toContainEqual({ to: peer, subjects: limits.linkQueue });
  });

  test('goes to digests when the link takes nothing at its time, and goes away with the link', () => {
    const news = make([peer, other]);
    news.pushTo(peer, key(0), []);
    news.flush();
    expect([...news.waiting()]).toEqual([{ to: peer, subjects: 0 }]);
    news.drop(peer);
    expect([...news.waiting()]).toEqual([]);
  });
});
