/** A node's own registrations and checks by themselves, with what they write. */

import { checkId } from '@skein/core';
import type { CheckDefinition, CheckStatus, CommandResult, Instance, RecordValue } from '@skein/core';
import { Health, type HealthListener, type Turn } from '@skein/core/parts';
import { expect } from 'vitest';
import { ids, instance, makeTurn } from './fixture.ts';

export function definition(id: string, fields: Partial<CheckDefinition> = {}): CheckDefinition {
  return {
    id: checkId(id),
    name: id,
    notes: '',
    instanceId: undefined,
    probe: { type: 'tcp', address: 'x:1' },
    intervalMs: 10_000,
    timeoutMs: 1000,
    successBeforePassing: 0,
    failuresBeforeWarning: 0,
    failuresBeforeCritical: 0,
    deregisterCriticalAfterMs: 0,
    initialStatus: 'critical',
    ...fields,
  };
}

export class Agent implements HealthListener {
  readonly turn: Turn = makeTurn(ids[0]!);
  readonly health = new Health(this.turn, this);
  readonly writes: { readonly upserts: readonly RecordValue[]; readonly removals: readonly string[] }[] = [];
  refuse = false;
  /** Instances that do not fit. */
  readonly tooLarge = new Set<string>();

  writeRecords = (upserts: readonly RecordValue[], removals: readonly string[]): CommandResult => {
    const isLarge = upserts.some((value) => value.type === 'instance' && this.tooLarge.has(value.instance.id));
    if (this.refuse || isLarge) return { ok: false, code: 'limit-exceeded', message: 'full' };
    this.writes.push({ upserts, removals });
    return { ok: true };
  };
  registrationsChanged = (): void => undefined;

  register(fields: Partial<Instance> = {}, checks: readonly CheckDefinition[] = [], replaceChecks = false): CommandResult {
    return this.health.register({ type: 'register', instance: instance('web', fields), checks, replaceChecks });
  }

  with(...checks: readonly CheckDefinition[]): this {
    for (const check of checks) expect(this.health.registerCheck(check)).toEqual({ ok: true });
    return this;
  }

  pass(ms: number): this {
    const end = this.turn.now + ms;
    for (let at = this.turn.deadlines.next(); at !== undefined && at <= end; at = this.turn.deadlines.next()) {
      this.turn.now = Math.max(this.turn.now, at);
      const key = this.turn.deadlines.takeDue(this.turn.now)?.key ?? '';
      const slash = key.indexOf('/');
      if (key.startsWith('ttl/')) this.health.expireTtl(key.slice(slash + 1));
      else this.health.expireCritical(key.slice(slash + 1));
    }
    this.turn.now = end;
    return this;
  }

  result(id: string, status: CheckStatus, output = ''): CommandResult {
    return this.health.result(checkId(id), status, output);
  }

  state(id: string): { status: CheckStatus; output: string } | undefined {
    for (const each of this.health.registrations.values())
      if (each.type === 'check' && each.definition.id === id) return each.state;
    return undefined;
  }

  status(id: string): CheckStatus | undefined {
    return this.state(id)?.status;
  }

  has(id: string): boolean {
    return [...this.health.registrations.values()].some((each) => each.type === 'instance' && each.instance.id === id);
  }
}
