/** Answers that DNS keeps: right, and within their room. */

import { AnswerCache, answerCacheLimits, type Found } from '@skein/api/parts';
import { topics } from '@skein/core';
import { beforeEach, expect, test } from 'vitest';
import { FakePort } from './fake-port.ts';

let port: FakePort;
let cache: AnswerCache;
beforeEach(() => {
  port = new FakePort();
  cache = new AnswerCache();
});

const web = topics.service('web');
const record = {} as Found['answers'][number];

function answer(records: number): Found {
  return { rcode: 0, aliases: [], answers: Array.from({ length: records }, () => record), authority: [], additional: [] };
}

test('an answer is kept until a topic that it was made of changes', () => {
  const found = answer(1);
  cache.keep('q', found, [web, topics.configKind('x')], port.view());
  port.bump(topics.service('other'));
  expect(cache.get('q', port.view())).toBe(found);
  port.bump(topics.configKind('x'));
  expect(cache.get('q', port.view())).toBeUndefined();
  expect(cache.size).toEqual({ answers: 0, records: 0 });
});

test.each([topics.members, topics.services])('nothing that was kept outlives a change of %s', (topic) => {
  for (let n = 0; n < 10; n++) cache.keep(`q${n}`, answer(3), [web], port.view());
  port.bump(topic);
  expect(cache.get('other', port.view())).toBeUndefined();
  expect(cache.size).toEqual({ answers: 0, records: 0 });
});

test('no more records are kept than there is room for, and the newest stays', () => {
  const view = port.view();
  for (let n = 0; n < 100; n++) cache.keep(`q${n}`, answer(4095), [web], view);
  expect(cache.size).toEqual({ answers: 16, records: answerCacheLimits.records });
  expect(cache.get('q99', view)).toBeDefined();
});

test('no more answers are kept than their limit, however small they are', () => {
  const view = port.view();
  for (let n = 0; n < answerCacheLimits.answers + 50; n++) cache.keep(`q${n}`, answer(0), [web], view);
  expect(cache.size.answers).toBe(answerCacheLimits.answers);
});

test('an answer that replaces itself is counted once', () => {
  for (let n = 0; n < 5; n++) cache.keep('q', answer(n), [web], port.view());
  expect(cache.size).toEqual({ answers: 1, records: 5 });
});

test('outdated answers that nobody asks for any more make room by themselves', () => {
  for (let n = 0; n < 100; n++) cache.keep(`old${n}`, answer(1), [web], port.view());
  port.bump(web);
  for (let n = 0; n < 60; n++) cache.keep(`new${n}`, answer(1), [topics.service('db')], port.view());
  expect(cache.size).toEqual({ answers: 60, records: 120 });
});
