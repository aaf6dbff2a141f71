/** Versions of config entries that were replaced: how they stood, how many are kept, and what a restart keeps of them. */

import { limits, versionId } from '@skein/core';
import type { ConfigVersion, NodeId, Persist, SeenVersion, SignedConfig } from '@skein/core';
import { ConfigHistory, ConfigStore, type Turn } from '@skein/core/parts';
import { describe, expect, test } from 'vitest';
import { configVersion, ids, makeTurn, persisted, wallMs } from './fixture.ts';
import { Solo } from './solo.ts';

const [self, a, b] = ids as [NodeId, NodeId, NodeId];

function store(turn: Turn = makeTurn(self)): ConfigStore {
  const validate = (_kind: string, _name: string, value: unknown): string | undefined =>
    typeof value === 'object' && value !== null && 'bad' in value ? 'bad: is not a key' : undefined;
  return new ConfigStore(turn, validate, { configChanged: () => undefined, configForgotten: () => undefined }, wallMs);
}

const after = (parent: SignedConfig): Partial<ConfigVersion> => ({ parent: versionId(parent.value) });

/** What a disk holds after these changes. */
function disk(changes: readonly Persist[]): { entries: SignedConfig[]; history: SeenVersion[] } {
  const entries = new Map<string, SignedConfig>();
  const history = new Map<string, SeenVersion>();
  const key = (each: ConfigVersion): string => `${each.kind}/${each.name}@${versionId(each)}`;
  for (const change of changes) {
    if (change.type === 'config') entries.set(key(change.entry.value), change.entry);
    else if (change.type === 'config-removed') entries.delete(key(change.version));
    else if (change.type === 'config-history') history.set(key(change.seen.version), change.seen);
    else if (change.type === 'config-history-removed') history.delete(key(change.version));
  }
  return { entries: [...entries.values()], history: [...history.values()] };
}

function states(of: ConfigStore, name = 'r'): string[] {
  return of.history(`route/${name}`).map(({ version: { json }, state, reason }) => `${state} ${json} ${reason}`.trim());
}

describe('the history of an entry', () => {
  test('has its versions, newest first: what is in force, and what was', () => {
    const at = store();
    for (const x of [1, 2, 3]) expect(at.apply('route', 'r', { x })).toEqual({ ok: true });
    expect(states(at)).toEqual(['current {"x":3}', 'superseded {"x":2}', 'superseded {"x":1}']);
    expect(states(at, 'other')).toEqual([]);
  });

  test('tells of a deletion, and of what came after it', () => {
    const at = store();
    at.apply('route', 'r', { x: 1 });
    at.delete('route', 'r');
    expect(states(at)).toEqual(['current', 'superseded {"x":1}']);
    expect(at.history('route/r')[0]?.version.deleted).toBe(true);
    at.apply('route', 'r', { x: 2 });
    expect(states(at)).toEqual(['current {"x":2}', 'superseded', 'superseded {"x":1}']);
  });

  test('shows concurrent versions as such, also once their conflict is settled', () => {
    const at = store();
    const [one, other] = [configVersion(a, 1, '{"x":1}'), configVersion(b, 2, '{"x":2}')];
    for (const each of [other, one]) at.merge(each, a);
    expect(states(at)).toEqual(['current {"x":2}', 'concurrent {"x":1}']);
    at.apply('route', 'r', { x: 9 });
    expect(states(at)).toEqual(['current {"x":9}', 'superseded {"x":2}', 'concurrent {"x":1}']);
  });

  test('shows a refused version above the one that stays in force, and remembers the reason', () => {
    const at = store();
    const good = configVersion(a, 1, '{"x":1}');
    const bad = configVersion(b, 2, '{"bad":1}', after(good));
    for (const each of [good, bad]) at.merge(each, a);
    expect(states(at)).toEqual(['quarantined {"bad":1} bad: is not a key', 'current {"x":1}']);
    at.merge(configVersion(a, 3, '{"x":3}', after(bad)), a);
    expect(states(at)).toEqual(['current {"x":3}', 'quarantined {"bad":1} bad: is not a key', 'superseded {"x":1}']);
  });

  test('shows a version that lost against a refused one, and so stays in force, once and as current', () => {
    const at = store();
    for (const each of [configVersion(a, 1, '{"x":1}'), configVersion(b, 2, '{"bad":1}')]) at.merge(each, a);
    expect(states(at)).toEqual(['quarantined {"bad":1} bad: is not a key', 'current {"x":1}']);
    at.apply('route', 'r', { x: 3 });
    expect(states(at).slice(1)).toEqual(['quarantined {"bad":1} bad: is not a key', 'superseded {"x":1}']);
  });

  test('shows a version once that was replaced and then heard of again, as a loser', () => {
    const at = store();
    const first = configVersion(a, 1, '{"x":1}');
    for (const each of [first, configVersion(a, 2, '{"x":2}', after(first)), configVersion(b, 3, '{"x":3}'), first])
      at.merge(each, a);
    expect(states(at)).toEqual(['current {"x":3}', 'superseded {"x":2}', 'concurrent {"x":1}']);
    at.apply('route', 'r', { x: 4 });
    expect(states(at)).toHaveLength(4);
  });

  test('is not kept of keys of the key-value store', () => {
    const turn = makeTurn(self);
    const at = store(turn);
    for (const value of ['YQ==', 'Yg==']) at.apply('kv', 'k', { value, flags: 0 });
    expect(at.history('kv/k')).toHaveLength(1);
    expect(disk(persisted(turn.take())).history).toEqual([]);
  });
});

describe('what is kept', () => {
  test('are the last ten that were replaced of an entry, here and on disk', () => {
    const turn = makeTurn(self);
    const at = store(turn);
    for (let x = 0; x < 30; x++) at.apply('route', 'r', { x });
    expect(at.history('route/r')).toHaveLength(1 + limits.configHistory);
    expect(states(at).at(-1)).toBe('superseded {"x":19}');
    const { entries, history } = disk(persisted(turn.take()));
    expect(entries).toHaveLength(1);
    expect(history.map(({ version: { json } }) => json).sort()).toEqual(Array.from({ length: 10 }, (_, i) => `{"x":${19 + i}}`));
  });

  test('is bounded for all entries together, by count and by bytes: what was replaced first goes', () => {
    const turn = makeTurn(self);
    const history = new ConfigHistory(turn);
    const seen = (name: string, json: string): SeenVersion => ({
      version: configVersion(a, 0, json, { name }).value,
      state: 'superseded',
      reason: '',
    });
    for (let i = 0; i <= limits.configHistoryVersions; i++) history.add(seen(`e${i}`, '{}'));
    expect([0, 1].map((i) => history.of(`route/e${i}`).length)).toEqual([0, 1]);
    const large = JSON.stringify('ü'.repeat(15_000));
    for (let i = 0; i < 300; i++) history.add(seen(`large${i}`, large));
    // 30 KB each; 8 MiB are 279 of them.
    expect([0, 20, 21, 299].map((i) => history.of(`route/large${i}`).length)).toEqual([0, 0, 1, 1]);
    expect(history.of(`route/e${limits.configHistoryVersions}`)).toEqual([]);
    expect(disk(persisted(turn.take())).history).toHaveLength(279);
  });

  test('is no longer shown of an entry when what changes others took its room', () => {
    const solo = new Solo();
    const apply = (name: string, text: string): void =>
      expect(solo.command({ type: 'apply-config', kind: 'route', name, value: { text } })).toEqual({ ok: true });
    for (const text of ['a', 'b']) apply('first', text);
    expect(solo.view.configHistory('route', 'first')).toHaveLength(2);
    for (let i = 0; i < 40; i++) for (let x = 0; x < 12; x++) apply(`large${i}`, `${x}${'y'.repeat(30_000)}`);
    expect(solo.view.configHistory('route', 'first')).toHaveLength(1);
    const kept = [...solo.view.configHistories()].flat().filter(({ state }) => state !== 'current');
    const bytes = kept.reduce((sum, { version: { json } }) => sum + json.length, 0);
    expect(bytes).toBeLessThanOrEqual(limits.configHistoryBytes);
    expect(bytes).toBeGreaterThan(limits.configHistoryBytes - 31_000);
  });

  test('goes with its entry, once an old deletion is forgotten', () => {
    const turn = makeTurn(self);
    const at = store(turn);
    at.apply('route', 'r', { x: 1 });
    at.delete('route', 'r');
    for (let i = 0; i < limits.configEntries; i++) {
      at.apply('route', `e${i}`, {});
      at.delete('route', `e${i}`);
    }
    expect(at.history('route/r')).toEqual([]);
    expect(disk(persisted(turn.take())).history.some((each) => each.version.name === 'r')).toBe(false);
  });
});

describe('a restart', () => {
  function before(): { at: ConfigStore; changes: readonly Persist[] } {
    const turn = makeTurn(self);
    const at = store(turn);
    const good = configVersion(a, -3000, '{"x":0}');
    const bad = configVersion(b, -2000, '{"bad":1}', after(good));
    for (const each of [good, bad, configVersion(b, -1000, '{"x":1}', after(bad))]) at.merge(each, a);
    for (const x of [2, 3]) at.apply('route', 'r', { x });
    at.delete('route', 'r');
    return { at, changes: persisted(turn.take()) };
  }

  test('brings the history back, and nothing of it into force', () => {
    const { at, changes } = before();
    const { entries, history } = disk(changes);
    const turn = makeTurn(self);
    const again = store(turn);
    again.restore(entries, history.toReversed());
    expect(states(again)).toEqual(states(at));
    expect(again.entry('route/r')).toBeUndefined();
    expect(persisted(turn.take())).toEqual([]);
    const empty = store();
    empty.restore([], history);
    expect([...empty.all()]).toEqual([]);
    expect(states(empty)).toEqual([]);
  });

  test('after a crash that kept a replaced version among those in force counts it once', () => {
    const { at, changes } = before();
    const isKept = (change: Persist): boolean => change.type !== 'config-removed' && change.type !== 'config-history';
    const { entries } = disk(changes.filter(isKept));
    const turn = makeTurn(self);
    const again = store(turn);
    again.restore(entries);
    expect(again.entry('route/r')).toBeUndefined();
    expect(again.history('route/r').map((each) => each.version)).toEqual(at.history('route/r').map((each) => each.version));
    const after = persisted(turn.take());
    expect(disk([...changes.filter(isKept), ...after]).entries).toHaveLength(1);
    const { history } = disk(changes);
    const both = store();
    both.restore(entries, history);
    expect(states(both)).toEqual(states(at));
  });

  test('forgets what is of another mesh, of an entry that is not there, or in force again', () => {
    const { changes } = before();
    const { entries, history } = disk(changes);
    const strange = history.map((seen) => ({ ...seen, version: { ...seen.version, mesh: 'other' } }));
    const orphan = history.map((seen) => ({ ...seen, version: { ...seen.version, name: 'gone' } }));
    const current: SeenVersion = { version: entries[0]!.value, state: 'superseded', reason: '' };
    const turn = makeTurn(self);
    const again = store(turn);
    again.restore(entries, [...strange, ...orphan, current]);
    expect(again.history('route/r')).toHaveLength(1);
    expect(persisted(turn.take()).every((change) => change.type === 'config-history-removed')).toBe(true);
  });
});
