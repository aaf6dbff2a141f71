/** Local registrations and their checks: Consul's thresholds, TTLs, deregistration of what stays critical, and limits. */

import { checkId, instanceId, limits } from '@skein/core';
import type { CheckDefinition, Registration } from '@skein/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { events, instance, persisted } from './fixture.ts';
import { Agent, definition } from './health-agent.ts';

describe('thresholds', () => {
  const run = (fields: Partial<CheckDefinition>, results: string): string => {
    const agent = new Agent().with(definition('c', { initialStatus: 'passing', ...fields }));
    const letters = { p: 'passing', w: 'warning', c: 'critical' } as const;
    return results
      .split('')
      .map((letter) => {
        agent.result('c', letters[letter as 'p' | 'w' | 'c']);
        return agent.status('c')?.[0];
      })
      .join('');
  };

  test.each<[string, Partial<CheckDefinition>, string, string]>([
    ['none: each result counts at once', {}, 'pcwcp', 'pcwcp'],
    ['one is as none', { successBeforePassing: 1, failuresBeforeCritical: 1 }, 'pcwcp', 'pcwcp'],
    ['three failures in a row turn critical', { failuresBeforeCritical: 3 }, 'ccpccccp', 'pppppccp'],
    ['warning comes before critical', { failuresBeforeWarning: 2, failuresBeforeCritical: 4 }, 'cccccp', 'pwwccp'],
    ['two successes in a row turn passing', { successBeforePassing: 2 }, 'cpcppp', 'ccccpp'],
    ['a warning is a success that is shown', { successBeforePassing: 2 }, 'cwwp', 'ccwp'],
    ['both kinds count anew after the other', { successBeforePassing: 2, failuresBeforeCritical: 2 }, 'cpcpccpp', 'pppppccp'],
  ])('%s', (_what, fields, results, expected) => {
    expect(run(fields, results)).toBe(expected);
  });

  test('follow a plain count of results in a row, for any thresholds and any results', () => {
    const threshold = fc.integer({ min: 0, max: 4 });
    fc.assert(
      fc.property(
        threshold,
        threshold,
        threshold,
        fc.string({ unit: fc.constantFrom('p', 'w', 'c'), maxLength: 40 }),
        (success, warning, critical, results) => {
          fc.pre(warning <= Math.max(1, critical));
          let [status, ok, bad] = ['p', 0, 0];
          const expected = results
            .split('')
            .map((letter) => {
              [ok, bad] = letter === 'c' ? [0, bad + 1] : [ok + 1, 0];
              if (letter !== 'c' && ok >= success) status = letter;
              if (letter === 'c' && bad >= critical) status = 'c';
              else if (letter === 'c' && warning > 0 && bad >= warning) status = 'w';
              return status;
            })
            .join('');
          const fields = { successBeforePassing: success, failuresBeforeWarning: warning, failuresBeforeCritical: critical };
          expect(run(fields, results)).toBe(expected);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('a status that did not change writes no record but for its first output, though newer output is kept and shown here', () => {
    const agent = new Agent().with(definition('c', { initialStatus: 'passing' }));
    agent.result('c', 'passing', 'all well');
    expect(agent.writes).toHaveLength(2);
    const before = agent.writes.length;
    agent.result('c', 'passing', 'all very well');
    expect(agent.writes).toHaveLength(before);
    expect(agent.state('c')).toEqual({ status: 'passing', output: 'all very well' });
    agent.result('c', 'critical', 'x'.repeat(limits.outputLength + 1));
    expect(agent.writes).toHaveLength(before + 1);
    expect(agent.state('c')?.output).toHaveLength(limits.outputLength);
  });

  test('output that comes and goes is told once', () => {
    const agent = new Agent().with(definition('c', { initialStatus: 'passing' }));
    for (const output of ['one', '', 'two', '', 'three']) agent.result('c', 'passing', output);
    expect(agent.writes).toHaveLength(2);
    expect(agent.state('c')?.output).toBe('three');
  });

  test('a change is told with what it was before', () => {
    const agent = new Agent().with(definition('c'));
    agent.turn.take();
    agent.result('c', 'passing', 'ok');
    expect(events(agent.turn.take())).toEqual([
      { type: 'check-changed', id: 'c', from: 'critical', to: 'passing', output: 'ok' },
    ]);
  });
});

describe('a TTL check', () => {
  const ttl = (fields: Partial<CheckDefinition> = {}): CheckDefinition =>
    definition('t', { probe: { type: 'ttl', ttlMs: 1000 }, ...fields });

  test('turns critical when nobody updated it in time, and back with an update at once', () => {
    const agent = new Agent().with(ttl({ initialStatus: 'passing' }));
    expect(agent.pass(999).status('t')).toBe('passing');
    expect(agent.pass(1).state('t')).toEqual({ status: 'critical', output: 'TTL expired' });
    expect(agent.health.updateTtl(checkId('t'), 'warning', 'late')).toEqual({ ok: true });
    expect(agent.status('t')).toBe('warning');
    expect(agent.pass(1000).state('t')?.output).toBe('TTL expired (last output before timeout follows): late');
  });

  test('is told with all others that run out at the same time, in one write', () => {
    const names = Array.from({ length: 50 }, (_, at) => `t${at}`);
    const agent = new Agent().with(
      ...names.map((id) => definition(id, { probe: { type: 'ttl', ttlMs: 1000 }, initialStatus: 'passing' })),
      definition('later', { probe: { type: 'ttl', ttlMs: 2000 }, initialStatus: 'passing' }),
    );
    const before = agent.writes.length;
    agent.turn.take();
    agent.pass(1000);
    expect(agent.writes.slice(before).map(({ upserts }) => upserts.length)).toEqual([50]);
    expect(names.map((id) => agent.status(id))).toEqual(names.map(() => 'critical'));
    expect(agent.status('later')).toBe('passing');
    const changed = agent.turn.take().filter((effect) => effect.type === 'emit' && effect.event.type === 'check-changed');
    expect(changed).toHaveLength(50);
    expect(agent.pass(1000).status('later')).toBe('critical');
  });

  test('keeps as much of what its client says as its definition allows, and says that it was cut', () => {
    const agent = new Agent().with(ttl({ outputLengthMax: 10 }), definition('u', { probe: { type: 'ttl', ttlMs: 1000 } }));
    for (const id of ['t', 'u']) agent.health.updateTtl(checkId(id), 'passing', 'x'.repeat(5000));
    expect(agent.state('t')?.output).toBe(`${'x'.repeat(10)} ... (captured 10 of 5000 characters)`);
    expect(agent.state('u')?.output).toMatch(/^x+ \.\.\. \(captured \d+ of 5000 characters\)$/);
    expect(agent.state('u')?.output.length).toBeLessThanOrEqual(limits.outputLength);
  });

  test('counts from its last update, and takes no account of thresholds', () => {
    const agent = new Agent().with(ttl({ successBeforePassing: 3, failuresBeforeCritical: 3 }));
    for (let i = 0; i < 5; i++) {
      agent.health.updateTtl(checkId('t'), 'passing', '');
      expect(agent.pass(900).status('t')).toBe('passing');
    }
    agent.health.updateTtl(checkId('t'), 'critical', 'said so');
    expect(agent.status('t')).toBe('critical');
  });

  test('is the only kind that clients update', () => {
    const agent = new Agent().with(definition('c'));
    expect(agent.health.updateTtl(checkId('c'), 'passing', '')).toMatchObject({ ok: false, code: 'not-a-ttl-check' });
    expect(agent.health.updateTtl(checkId('nobody'), 'passing', '')).toMatchObject({ ok: false, code: 'unknown-check' });
    expect(agent.status('c')).toBe('critical');
  });

  test('that is gone no longer expires', () => {
    const agent = new Agent().with(ttl({ initialStatus: 'passing' }));
    agent.health.deregisterCheck(checkId('t'));
    expect(agent.turn.deadlines.next()).toBeUndefined();
    agent.health.expireTtl('t');
    expect(agent.status('t')).toBeUndefined();
  });
});

describe('an instance that stays critical', () => {
  const owned = (fields: Partial<CheckDefinition> = {}): CheckDefinition =>
    definition('c', { deregisterCriticalAfterMs: 60_000, initialStatus: 'passing', ...fields });

  test('is deregistered with its checks once one of them was critical for that long', () => {
    const agent = new Agent();
    agent.register({}, [owned(), definition('d')]);
    agent.result('c', 'critical');
    expect(agent.pass(59_999).has('web')).toBe(true);
    agent.turn.take();
    expect(agent.pass(1).has('web')).toBe(false);
    expect(agent.writes.at(-1)).toEqual({ upserts: [], removals: ['i/web', 'c/c', 'c/d'] });
    const effects = agent.turn.take();
    expect(persisted(effects).map((each) => (each.type === 'registration-removed' ? each.key : ''))).toEqual([
      'c/c',
      'c/d',
      'i/web',
    ]);
    expect(events(effects)).toContainEqual({
      type: 'registration-removed',
      key: 'i/web',
      reason: 'check "c" was critical for too long',
    });
  });

  test('counts from when it turned critical, and starts anew after it recovered', () => {
    const agent = new Agent();
    agent.register({}, [owned()]);
    agent.result('c', 'critical');
    agent.pass(50_000).result('c', 'critical', 'again');
    agent.pass(5000).result('c', 'passing');
    agent.result('c', 'critical');
    expect(agent.pass(59_999).has('web')).toBe(true);
    expect(agent.pass(1).has('web')).toBe(false);
  });

  test.each([
    ['longer', 3_600_000, 3_600_000 - 30_000],
    ['shorter', 40_000, 10_000],
    ['already over', 10_000, 0],
  ])('registered again with a time that is %s has that time, from when it turned critical', (_what, afterMs, leftMs) => {
    const agent = new Agent();
    agent.register({}, [owned()]);
    agent.result('c', 'critical');
    agent.pass(30_000).register({}, [owned({ deregisterCriticalAfterMs: afterMs })]);
    if (leftMs > 0) expect(agent.pass(leftMs - 1).has('web')).toBe(true);
    expect(agent.pass(1).has('web')).toBe(false);
  });

  test('is let be once it is registered again without such a time, and is not given a new one by the same again', () => {
    const agent = new Agent();
    agent.register({}, [owned({ initialStatus: 'critical' })]);
    agent.pass(50_000).register({}, [owned()]);
    agent.pass(5000).register({}, [owned({ deregisterCriticalAfterMs: 0 })]);
    expect(agent.pass(60_000).has('web')).toBe(true);
    agent.register({}, [owned()]);
    expect(agent.pass(0).has('web')).toBe(false);
  });

  test('also when it starts critical, and not when the check belongs to the node', () => {
    const agent = new Agent().with(definition('host', { deregisterCriticalAfterMs: 1000 }));
    agent.register({}, [owned({ initialStatus: 'critical' })]);
    expect(agent.pass(60_000).has('web')).toBe(false);
    expect(agent.status('host')).toBe('critical');
  });
});

describe('registering again', () => {
  test('of the same thing is neither stored nor told again', () => {
    const agent = new Agent();
    const checks = [definition('c', { instanceId: instanceId('web'), initialStatus: 'passing' })];
    agent.register({}, checks);
    agent.with(definition('n'));
    agent.result('c', 'critical', 'why');
    agent.turn.take();
    let told = 0;
    agent.registrationsChanged = () => void told++;
    agent.register({}, checks);
    agent.with(definition('n'));
    expect([agent.turn.take(), told]).toEqual([[], 0]);
    agent.register({ port: 2 }, checks);
    expect(told).toBe(1);
  });

  test('keeps the status of a check, and with the same probe the counts towards its thresholds', () => {
    const agent = new Agent();
    const check = definition('c', { failuresBeforeCritical: 2, initialStatus: 'passing' });
    agent.register({}, [check]);
    agent.result('c', 'critical');
    agent.register({ port: 9 }, [{ ...check, notes: 'other', initialStatus: 'critical' }]);
    expect(agent.status('c')).toBe('passing');
    agent.result('c', 'critical');
    expect(agent.status('c')).toBe('critical');
  });

  test.each<[string, Partial<CheckDefinition>]>([
    ['another target', { probe: { type: 'tcp', address: 'y:2' } }],
    ['another kind', { probe: { type: 'ttl', ttlMs: 1000 } }],
    ['another interval', { intervalMs: 20_000 }],
    ['a status to start with', { initialStatus: 'warning' }],
  ])('with %s keeps the status and what was said until the next result, as in Consul', (_what, fields) => {
    const agent = new Agent();
    agent.register({}, [definition('c')]);
    agent.result('c', 'passing', 'fine');
    agent.register({}, [definition('c', fields)]);
    expect(agent.state('c')).toEqual({ status: 'passing', output: 'fine' });
    agent.with(definition('c', { instanceId: instanceId('web'), ...fields, notes: 'alone' }));
    expect(agent.state('c')).toEqual({ status: 'passing', output: 'fine' });
    agent.result('c', 'critical');
    expect(agent.status('c')).toBe('critical');
  });

  test('with another probe counts anew towards its thresholds', () => {
    const agent = new Agent();
    const check = definition('c', { failuresBeforeCritical: 2, initialStatus: 'passing' });
    agent.register({}, [check]);
    agent.result('c', 'critical');
    agent.register({}, [{ ...check, probe: { type: 'tcp', address: 'y:2' } }]);
    agent.result('c', 'critical');
    expect(agent.status('c')).toBe('passing');
  });

  test('with another TTL gives that much time from now', () => {
    const agent = new Agent();
    const ttl = (ttlMs: number): CheckDefinition => definition('t', { probe: { type: 'ttl', ttlMs }, initialStatus: 'passing' });
    agent.register({}, [ttl(1000)]);
    agent.pass(900).register({}, [ttl(5000)]);
    expect(agent.pass(4999).status('t')).toBe('passing');
    expect(agent.pass(1).status('t')).toBe('critical');
  });

  test('keeps checks that are not named, unless they are to be replaced', () => {
    const agent = new Agent().with(definition('host'));
    agent.register({}, [definition('a'), definition('b')]);
    agent.register({}, [definition('b')]);
    expect(agent.status('a')).toBe('critical');
    agent.register({}, [definition('b')], true);
    expect(agent.status('a')).toBeUndefined();
    expect(agent.status('host')).toBe('critical');
    expect(agent.writes.at(-1)?.removals).toEqual(['c/a']);
  });

  test('leaves maintenance to the one who ends it, also where checks are replaced', () => {
    const agent = new Agent();
    agent.register({}, [definition('a')]);
    agent.with(definition('_service_maintenance:web', { instanceId: instanceId('web'), probe: { type: 'none' } }));
    agent.register({}, [definition('b')], true);
    expect(agent.status('a')).toBeUndefined();
    expect(agent.status('_service_maintenance:web')).toBe('critical');
  });

  test('says whose it is now: of a file, or of a client', () => {
    const agent = new Agent();
    const sources = (): (string | undefined)[] => [...agent.health.registrations.values()].map(({ source }) => source);
    const checks = [definition('c')];
    agent.health.register({ type: 'register', instance: instance('web'), checks, replaceChecks: false, source: 'web.yaml' });
    expect(sources()).toEqual(['web.yaml', 'web.yaml']);
    agent.register({}, checks);
    expect(sources()).toEqual([undefined, undefined]);
    expect([...agent.health.registrations.values()].some((each) => 'source' in each)).toBe(false);
  });

  test('an id and a name made from the longest ones of an instance fit', () => {
    const id = 'i'.repeat(limits.nameLength);
    const agent = new Agent();
    expect(agent.register({ id: instanceId(id), service: id }, [])).toEqual({ ok: true });
    const made = { name: `Service '${id}' check`, instanceId: instanceId(id) };
    agent.with(definition(`_service_maintenance:${id}`, made), definition(`service:${id}:100`, made));
  });

  test('writes the instance and its checks as one version', () => {
    const agent = new Agent();
    agent.register({}, [definition('a'), definition('b')]);
    expect(agent.writes).toHaveLength(1);
    expect(
      agent.writes[0]?.upserts.map((value) => (value.type === 'instance' ? value.instance.id : value.check.instanceId)),
    ).toEqual(['web', 'web', 'web']);
  });
});

describe('a restart', () => {
  test('brings instances and checks back with the state they had, and their clocks begin anew', () => {
    const before = new Agent();
    before.register({}, [
      definition('c', { deregisterCriticalAfterMs: 60_000 }),
      definition('t', { probe: { type: 'ttl', ttlMs: 1000 } }),
    ]);
    before.result('c', 'passing', 'ok');
    before.health.updateTtl(checkId('t'), 'passing', 'fine');
    const kept = new Map<string, Registration>();
    for (const each of persisted(before.turn.take())) {
      if (each.type !== 'registration') continue;
      const { registration } = each;
      kept.set(registration.type === 'instance' ? 'i' : registration.definition.id, registration);
    }
    const after = new Agent();
    after.health.restore([...kept.values()].toReversed());
    expect([...after.health.registrations.values()].map((each) => JSON.stringify(each)).toSorted()).toEqual(
      [...before.health.registrations.values()].map((each) => JSON.stringify(each)).toSorted(),
    );
    expect(after.pass(999).status('t')).toBe('passing');
    expect(after.pass(1).status('t')).toBe('critical');
    expect(events(after.turn.take()).filter((event) => event.type === 'registration-changed')).toHaveLength(3);
  });

  test('in which a TTL runs out again keeps what its client said last', () => {
    const said = 'TTL expired (last output before timeout follows): out of memory';
    for (const output of ['out of memory', said]) {
      const agent = new Agent();
      const ttl = definition('t', { probe: { type: 'ttl', ttlMs: 1000 } });
      agent.health.restore([{ type: 'check', definition: ttl, state: { status: 'critical', output } }]);
      expect(agent.pass(1000).state('t')).toEqual({ status: 'critical', output: said });
    }
  });

  test('publishes what fits, and deregisters and reports what does not', () => {
    const agent = new Agent();
    agent.tooLarge.add('i3');
    const restored = Array.from({ length: 8 }, (_, i): Registration => ({ type: 'instance', instance: instance(`i${i}`) }));
    const owned = definition('c', { instanceId: instanceId('i3') });
    const state = { status: 'passing', output: '' } as const;
    agent.health.restore([
      ...restored,
      { type: 'check', definition: owned, state },
      { type: 'check', definition: definition('host'), state },
    ]);
    agent.turn.take();
    agent.health.publish();
    expect(
      [...agent.health.registrations.values()].flatMap((each) => (each.type === 'instance' ? [each.instance.id] : [])),
    ).toHaveLength(7);
    expect(agent.has('i3')).toBe(false);
    expect(agent.status('c')).toBeUndefined();
    expect(agent.status('host')).toBe('passing');
    expect(events(agent.turn.take())).toContainEqual({ type: 'registration-removed', key: 'i/i3', reason: 'full' });
    const published = new Set(
      agent.writes.flatMap(({ upserts }) =>
        upserts.map((value) => (value.type === 'instance' ? value.instance.id : value.check.id)),
      ),
    );
    expect(published.size).toBe(8);
    expect(published).toContain('host');
  });

  test('does not keep alive what stays critical: the time that it may be begins anew and ends', () => {
    const agent = new Agent();
    const check = definition('c', { instanceId: instanceId('web'), deregisterCriticalAfterMs: 60_000 });
    agent.health.restore([
      { type: 'instance', instance: instance('web') },
      { type: 'check', definition: check, state: { status: 'critical', output: '' } },
    ]);
    expect(agent.pass(59_999).has('web')).toBe(true);
    expect(agent.pass(1).has('web')).toBe(false);
  });

  test('drops a check whose instance is lost', () => {
    const agent = new Agent();
    agent.health.restore([
      { type: 'check', definition: definition('c', { instanceId: instanceId('web') }), state: { status: 'passing', output: '' } },
    ]);
    expect([...agent.health.registrations.values()]).toEqual([]);
  });
});
