/** A catalog that is as full as it may be: what was registered goes on to be told, whatever becomes of it. */

import { checkId, limits } from '@skein/core';
import type { Check, CheckDefinition, CheckStatus, CommandResult, Notary } from '@skein/core';
import { Catalog, Health, type Turn } from '@skein/core/parts';
import { createIdentity, createNotary } from '@skein/transport';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { ids, makeTurn, notaryOf } from './fixture.ts';
import { definition } from './health-agent.ts';

/** A node's registrations over its own catalog. */
class Owner {
  readonly turn: Turn = makeTurn(ids[0]!);
  readonly catalog = new Catalog(this.turn, {
    catalogChanged: () => undefined,
    ownVersionLost: () => undefined,
    appliedConfig: () => 'none',
    catalogGap: () => undefined,
  });
  readonly health = new Health(this.turn, {
    writeRecords: (upserts, removals, isStatus) => this.catalog.write(this.epoch, upserts, removals, isStatus),
    registrationsChanged: () => undefined,
  });
  epoch = 1;
  count = 0;

  add(notesLength: number): CommandResult {
    const notes = 'n'.repeat(notesLength);
    const probe = { type: 'ttl', ttlMs: 60_000 } as const;
    const added = this.health.registerCheck(definition(`c${this.count}`, { notes, probe, initialStatus: 'passing' }));
    if (added.ok) this.count++;
    return added;
  }

  /** Registers checks until not even one without notes fits. */
  fill(): this {
    const many = Math.floor((limits.catalogBytesPerOwner / 1024) * 0.75);
    const restored = Array.from({ length: many }, (_, n): CheckDefinition => {
      return definition(`c${n}`, { notes: 'n'.repeat(1024), probe: { type: 'ttl', ttlMs: 60_000 } });
    });
    this.health.restore(restored.map((each) => ({ type: 'check', definition: each, state: { status: 'passing', output: '' } })));
    this.health.publish();
    this.count = many;
    for (let notes = 1024; notes >= 0; notes = notes > 8 ? notes >> 1 : notes - 1) while (this.add(notes).ok);
    return this;
  }

  statuses(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { status } of this.catalog.own.checks()) counts[status] = (counts[status] ?? 0) + 1;
    return counts;
  }
}

describe('a catalog with no room for one more check', () => {
  let owner: Owner;
  beforeAll(() => {
    owner = new Owner().fill();
  });

  test('refuses it and says which limit', () => {
    expect(owner.add(0)).toMatchObject({
      ok: false,
      code: 'limit-exceeded',
      message: expect.stringContaining('the limits are 8192 and 3145728') as string,
    });
  });

  test('tells the status of every check, with what it said as long as there is room for that', () => {
    owner.turn.now += 60_000;
    owner.health.expireTtl('c0');
    expect(owner.statuses()).toEqual({ critical: owner.count });
    for (let n = 0; n < 40; n++) {
      const status = (['passing', 'warning', 'critical'] as const)[n % 3] as CheckStatus;
      expect(owner.health.result(checkId(`c${n}`), status, 'o'.repeat(4096))).toEqual({ ok: true });
    }
    expect(owner.statuses()).toEqual({ passing: 14, warning: 13, critical: owner.count - 27 });
    expect(owner.catalog.own.bytes).toBeLessThanOrEqual(limits.catalogBytesPerOwner);
  });

  test('is published whole after a restart, and under a new epoch, whatever checks have said since', () => {
    for (let n = 0; n < 500; n++) owner.health.result(checkId(`c${n}`), 'critical', 'p'.repeat(4096));
    const count = owner.count;
    owner.epoch = 2;
    owner.health.publish();
    expect(owner.catalog.own.size).toBe(count);
    const next = new Owner();
    next.health.restore([...owner.health.registrations.values()]);
    next.health.publish();
    expect(next.catalog.own.size).toBe(count);
  });

  test('has room again once something is deregistered, which is never refused', () => {
    for (let n = 0; n < 40; n++) expect(owner.health.deregisterCheck(checkId(`c${n}`))).toEqual({ ok: true });
    expect(owner.add(0)).toEqual({ ok: true });
  });
});

describe('what is kept free for a record is enough for any version and status of it', () => {
  const made: Record<string, Notary> = { simulated: notaryOf(ids[0]!) };
  beforeAll(async () => {
    made['real'] = createNotary((await createIdentity()).bytes);
  });

  test.each(['simulated', 'real'])('as a %s node encodes it', (kind) => {
    const notary = made[kind]!;
    const status = fc.constantFrom<CheckStatus>('passing', 'warning', 'critical');
    const version = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
    fc.assert(
      fc.property(status, status, version, version, fc.integer({ min: 0, max: 1024 }), (before, after, from, to, length) => {
        const bytes = (state: CheckStatus, at: number): number => {
          const check: Check = {
            id: checkId('c'),
            name: 'c',
            type: 'ttl',
            status: state,
            notes: 'n'.repeat(length),
            output: '',
            instanceId: undefined,
            intervalMs: 0,
            timeoutMs: 0,
          };
          return notary.seal({ version: at, value: { type: 'check', check } }).bytes.length;
        };
        expect(bytes(after, to) - bytes(before, from)).toBeLessThanOrEqual(limits.recordReserveBytes);
        expect(bytes(after, Number.MAX_SAFE_INTEGER) - bytes(before, 1)).toBeLessThanOrEqual(limits.recordReserveBytes);
      }),
      { numRuns: 300 },
    );
  });
});
