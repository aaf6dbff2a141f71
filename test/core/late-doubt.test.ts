/** After a stall what speaks for a member may not be read yet. */

import type { NodeId } from '@skein/core';
import { expect, test } from 'vitest';
import { claim, ids } from './fixture.ts';
import { Table } from './table.ts';

const [, a, b] = ids as [NodeId, NodeId, NodeId];

function stalled(): Table {
  const table = new Table().hear(claim(a)).hear(claim(b), a).pass(10_000);
  table.turn.begin(table.turn.now);
  table.turn.cameLate(2000);
  return table;
}

/** What a failed dial or probe finds, in a step of its own that comes late by so much. */
function doubted(table: Table, lateMs = 0): string {
  table.turn.begin(table.turn.now);
  table.turn.cameLate(lateMs);
  table.membership.doubt(b, 'dial-timeout');
  return table.status(b);
}

test('a doubt is put off until it was read', () => {
  const table = stalled();
  expect(doubted(table)).toBe('alive');
  table.turn.now = table.turn.verdictsAt;
  expect(doubted(table)).toBe('alive unreachable');
});

test('a doubt that was put off holds when it comes again on time, whatever stalls were in between, unless it answered', () => {
  const { probeIntervalMs } = stalled().turn.config;
  const again = (table: Table): string => {
    table.turn.now += probeIntervalMs;
    expect(doubted(table, 300)).toBe('alive');
    return doubted(table);
  };
  const silent = stalled();
  doubted(silent);
  expect(again(silent)).toBe('alive unreachable');
  const answered = stalled();
  doubted(answered);
  answered.membership.heardFrom(b, 1);
  expect(again(answered)).toBe('alive');
});
