/** Alias checks: what they make of the view, and when they look. */

import { AliasChecks } from '@skein/agent/parts';
import {
  checkId,
  instanceId,
  topics,
  type CheckDefinition,
  type CheckProbe,
  type CheckStatus,
  type CheckView,
} from '@skein/core';
import { beforeEach, expect, test } from 'vitest';
import { FakePort, fakeCheck, fakeInstance } from '../api/fake-port.ts';

let port: FakePort;
let results: string[];
let isSynced: boolean;
let aliases: AliasChecks;
let looks: number;

beforeEach(() => {
  port = new FakePort();
  results = [];
  isSynced = true;
  looks = 0;
  aliases = new AliasChecks({
    view: () => port.view(),
    isSynced: () => isSynced,
    result: (_id, status, output) => {
      looks++;
      results.push(`${status}: ${output}`);
    },
  });
});

function alias(probe: Partial<Extract<CheckProbe, { type: 'alias' }>>, id = 'a'): CheckDefinition {
  return {
    id: checkId(id),
    name: id,
    notes: '',
    instanceId: instanceId('front'),
    probe: { type: 'alias', node: '', instance: '', ...probe },
    intervalMs: 0,
    timeoutMs: 0,
    successBeforePassing: 0,
    failuresBeforeWarning: 0,
    failuresBeforeCritical: 0,
    deregisterCriticalAfterMs: 0,
    initialStatus: 'critical',
  };
}

function last(): string | undefined {
  return results.at(-1);
}

test('is as its instance is: the worst of its checks, warnings included', () => {
  port.addInstance(port.self, fakeInstance('db-1', 'db'), ['passing', 'warning', 'critical']);
  aliases.changed(alias({ instance: 'db-1' }));
  expect(last()).toBe('critical: Aliased check "check service:db-1:3" failing: output of service:db-1:3');
  port.instances[0]!.checks.splice(2);
  aliases.viewChanged([topics.node(port.self)]);
  expect(last()).toBe('warning: Aliased check "check service:db-1:2" failing: output of service:db-1:2');
  port.instances[0]!.checks.splice(1);
  aliases.viewChanged([topics.node(port.self)]);
  expect(last()).toBe('passing: All checks passing.');
  port.instances[0]!.checks.splice(0);
  aliases.viewChanged([topics.node(port.self)]);
  expect(last()).toBe('passing: No checks found.');
});

test('of an instance that does not exist is critical, until it does', () => {
  aliases.changed(alias({ instance: 'db-1' }));
  expect(last()).toBe('critical: Service db-1 could not be found on node alpha');
  port.addInstance(port.self, fakeInstance('db-1', 'db'));
  aliases.viewChanged([topics.node(port.self)]);
  expect(last()).toBe('passing: No checks found.');
});

test('of another node is that of the node, by name or id, and critical while it cannot be reached', () => {
  const beta = port.addMember('beta');
  for (const node of ['beta', beta.id]) {
    aliases.changed(alias({ node }));
    expect(last()).toBe('passing: No checks found.');
  }
  beta.checks.push(fakeCheck('disk', 'warning', undefined));
  aliases.viewChanged([topics.node(beta.id)]);
  expect(last()).toBe('warning: Aliased check "check disk" failing: output of disk');
  beta.reachable = false;
  aliases.viewChanged([topics.node(beta.id)]);
  expect(last()).toBe('critical: Aliased node beta is not live or unreachable');
});

test('of a node that nobody knows is critical; right after a start it stays as it was', () => {
  isSynced = false;
  aliases.changed(alias({ node: 'gamma' }));
  expect(results).toEqual([]);
  isSynced = true;
  aliases.lookAtAll();
  expect(results).toEqual(['critical: Aliased node gamma is not known in this mesh']);
  port.addMember('gamma');
  aliases.viewChanged([topics.members]);
  expect(last()).toBe('passing: No checks found.');
});

test('does not count itself, or it would never leave the status that it has', () => {
  port.addInstance(port.self, fakeInstance('front', 'front'));
  port.instances[0]!.checks.push(fakeCheck('a', 'critical', port.instances[0]!.instance));
  aliases.changed(alias({ instance: 'front' }));
  expect(last()).toBe('passing: No checks found.');
});

test.each([
  ['of their node', ['', ''], [undefined, undefined]],
  ['of each other', ['back', 'front'], ['front', 'back']],
] as const)('two %s keep each other critical no longer than what they stand for', (_what, targets, owners) => {
  const instances = ['front', 'back'].map((id) => fakeInstance(id, id));
  for (const instance of instances) port.addInstance(port.self, instance);
  const own = port.view().member(port.self)!.checks as CheckView[];
  const show = (id: string, status: CheckStatus, owner: string | undefined): void => {
    const instance = instances.find((each) => each.id === owner);
    const checks = owner === undefined ? own : port.instances.find((each) => each.instance.id === owner)!.checks;
    const at = checks.findIndex((check) => check.id === id);
    checks.splice(at < 0 ? checks.length : at, 1, fakeCheck(id, status, instance));
  };
  const statuses = new Map<string, CheckStatus>();
  aliases = new AliasChecks({
    view: () => port.view(),
    isSynced: () => true,
    result: (id, status) => {
      statuses.set(id, status);
      show(id, status, owners[id === 'a' ? 0 : 1]);
    },
  });
  const lookAll = (): void => {
    for (let n = 0; n < 3; n++) aliases.viewChanged([topics.node(port.self)]);
  };
  show('x', 'critical', owners[0]);
  for (const [n, id] of ['a', 'b'].entries()) {
    aliases.changed(alias({ instance: targets[n]! }, id));
  }
  lookAll();
  expect([...statuses.values()]).toEqual(['critical', 'critical']);
  show('x', 'warning', owners[0]);
  lookAll();
  expect([...statuses.values()]).toEqual(['warning', 'warning']);
  show('x', 'passing', owners[0]);
  lookAll();
  expect([...statuses.values()]).toEqual(['passing', 'passing']);
});

test('of which there are hundreds looks at what they all stand for once', () => {
  const own = port.view().member(port.self)!.checks as CheckView[];
  own.push(fakeCheck('x', 'critical', undefined));
  const ids = Array.from({ length: 300 }, (_, n) => `alias-${n}`);
  for (const id of ids) own.push(fakeCheck(id, 'passing', undefined));
  for (const id of ids) aliases.changed(alias({}, id));
  aliases.viewChanged([topics.node(port.self)]);
  expect(last()?.match(/Aliased check/g)).toHaveLength(1);
  expect(last()).toContain('critical: Aliased check "');
});

test('looks only when its target changes', () => {
  const beta = port.addMember('beta');
  aliases.changed(alias({ node: 'beta' }));
  aliases.viewChanged([topics.node(port.self), topics.checks, topics.members, topics.service('web')]);
  expect(looks).toBe(1);
  aliases.viewChanged([topics.node(beta.id)]);
  expect(looks).toBe(2);
});

test('that is gone, or of another kind now, says nothing more', () => {
  aliases.changed(alias({ instance: 'x' }, 'a'));
  aliases.changed(alias({ instance: 'x' }, 'b'));
  aliases.removed('c/a');
  aliases.changed({ ...alias({}, 'b'), probe: { type: 'ttl', ttlMs: 1 } });
  expect(aliases.size).toBe(0);
  aliases.viewChanged([topics.node(port.self)]);
  expect(looks).toBe(2);
});
