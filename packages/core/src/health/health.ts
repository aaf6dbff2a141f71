/**
 * Local registrations and the state of their checks: thresholds, TTLs, and deregistration of what stayed
 * critical. Results come in as commands (runners live in the agent); catalog records come out.
 */

import { assert } from '../assert.ts';
import type { Check, CheckStatus, Instance, RecordValue } from '../catalog/record.ts';
import type { Command, CommandResult } from '../command.ts';
import type { CheckId, InstanceId } from '../identity.ts';
import { limits } from '../limits.ts';
import { isSameValue } from '../same-value.ts';
import { wellFormed } from '../text.ts';
import type { Turn } from '../turn.ts';
import { PersistentMap } from '../view/persistent-map.ts';
import { type CheckDefinition, type Registration, registrationKey } from './registration.ts';
import { validateCheck, validateInstance } from './validate.ts';

export interface HealthListener {
  /**
   * Write these records of ours, remove those keys; a refusal means that nothing may change. `isStatus`: nothing but
   * versions and statuses of records that were there, without output, for which there is always room.
   */
  writeRecords(upserts: readonly RecordValue[], removals: readonly string[], isStatus?: boolean): CommandResult;
  /** Own registrations changed: the View's `local` topic. */
  registrationsChanged(): void;
}

interface CheckRun {
  definition: CheckDefinition;
  status: CheckStatus;
  output: string;
  successes: number;
  failures: number;
  /** When its status turned critical; undefined while it is not. */
  criticalSinceMs: number | undefined;
  /** Its record has said some output: later output alone is not told. */
  isTold: boolean;
  /** The service file that defines it; undefined for a client's. */
  source: string | undefined;
}

interface OwnInstance {
  readonly instance: Instance;
  readonly source: string | undefined;
}

/** Records that stand and fall together. */
interface Publication {
  readonly records: readonly RecordValue[];
  readonly drop: (reason: string) => void;
}

const expired = 'TTL expired';

type RegisterCommand = Extract<Command, { type: 'register' }>;

export class Health {
  readonly #turn: Turn;
  readonly #listener: HealthListener;
  readonly #instances = new Map<InstanceId, OwnInstance>();
  readonly #checks = new Map<CheckId, CheckRun>();
  #registrations = PersistentMap.empty<Registration>();

  constructor(turn: Turn, listener: HealthListener) {
    this.#turn = turn;
    this.#listener = listener;
  }

  /** All registrations by their key: the map of this moment, which later changes leave as it is. */
  get registrations(): PersistentMap<Registration> {
    return this.#registrations;
  }

  /** All records, as a first catalog version has them. */
  *records(): IterableIterator<RecordValue> {
    for (const { instance } of this.#instances.values()) yield { type: 'instance', instance };
    for (const run of this.#checks.values()) yield asRecord(run);
  }

  /** The same without output. */
  *#bareRecords(): IterableIterator<RecordValue> {
    for (const { instance } of this.#instances.values()) yield { type: 'instance', instance };
    for (const run of this.#checks.values()) yield asRecord({ ...run, output: '' });
  }

  /** Takes back what an earlier boot had: checks keep their last state until their next result. */
  restore(registrations: readonly Registration[]): void {
    for (const registration of registrations) {
      if (registration.type !== 'instance') continue;
      const { instance, source } = registration;
      this.#instances.set(instance.id, { instance, source });
      this.#note(registration);
    }
    for (const registration of registrations) {
      if (registration.type !== 'check') continue;
      const { definition, state, source } = registration;
      if (definition.instanceId !== undefined && !this.#instances.has(definition.instanceId)) continue;
      this.#start({
        definition,
        status: state.status,
        output: state.output,
        successes: 0,
        failures: 0,
        criticalSinceMs: undefined,
        isTold: state.output !== '',
        source,
      });
      this.#note(registration);
    }
    for (const registration of this.#registrations.values()) this.#turn.emit({ type: 'registration-changed', registration });
  }

  /** Publishes everything anew. What does not fit (limits may have been higher once) is deregistered and reported. */
  publish(): void {
    if (this.#listener.writeRecords([...this.records()], []).ok) return;
    // What checks said since they were last told may be longer than all that was.
    if (this.#listener.writeRecords([...this.#bareRecords()], [], true).ok) return;
    this.#listener.writeRecords([], []);
    const checks = [...this.#checks.values()];
    this.#publish(
      [...this.#instances.values()].map(({ instance }) => ({
        records: [
          { type: 'instance', instance },
          ...checks.filter((run) => run.definition.instanceId === instance.id).map(asRecord),
        ],
        drop: (reason) => this.deregister(instance.id, reason),
      })),
    );
    this.#publish(
      checks
        .filter((run) => run.definition.instanceId === undefined)
        .map((run) => ({ records: [asRecord(run)], drop: (reason) => this.#dropCheck(run.definition.id, reason) })),
    );
  }

  /** By halves, so that one that does not fit costs few attempts. */
  #publish(units: readonly Publication[]): void {
    const written = this.#listener.writeRecords(
      units.flatMap(({ records }) => records),
      [],
    );
    const [first] = units;
    if (written.ok || first === undefined) return;
    if (units.length === 1) {
      first.drop(written.message);
      return;
    }
    const half = units.length >> 1;
    this.#publish(units.slice(0, half));
    this.#publish(units.slice(half));
  }

  register(command: RegisterCommand): CommandResult {
    const { instance, checks, replaceChecks, source } = command;
    const invalid = validateInstance(instance) ?? firstInvalid(checks);
    if (invalid !== undefined) return { ok: false, code: 'invalid-registration', message: invalid };
    const dropped: CheckId[] = [];
    if (replaceChecks) {
      const named = new Set(checks.map((check) => check.id));
      for (const [id, { definition }] of this.#checks) {
        // Maintenance is what an operator decided, not a part of what is registered again.
        if (definition.instanceId === instance.id && definition.probe.type !== 'none' && !named.has(id)) dropped.push(id);
      }
    }
    const runs = checks.map((definition) => this.#planRun({ ...definition, instanceId: instance.id }, source));
    const upserts: RecordValue[] = [{ type: 'instance', instance }, ...runs.map(asRecord)];
    const removals = dropped.map((id) => `c/${id}`);
    const written = this.#listener.writeRecords(upserts, removals);
    if (!written.ok) return written;
    const before = this.#registrations;
    for (const id of dropped) this.#forgetCheck(id, 'replaced');
    this.#instances.set(instance.id, { instance, source });
    this.#keep({ type: 'instance', instance, ...(source === undefined ? {} : { source }) });
    for (const run of runs) this.#commitRun(run);
    if (this.#registrations !== before) this.#listener.registrationsChanged();
    return { ok: true };
  }

  deregister(id: InstanceId, reason: string): CommandResult {
    if (!this.#instances.has(id)) {
      return {
        ok: false,
        code: 'unknown-instance',
        message: `no instance "${id}" is registered on this agent: see its /v1/agent/services, and call the agent it was registered on`,
      };
    }
    const checks = [...this.#checks.values()].filter((run) => run.definition.instanceId === id).map((run) => run.definition.id);
    const written = this.#listener.writeRecords([], [`i/${id}`, ...checks.map((check) => `c/${check}`)]);
    if (!written.ok) return written;
    for (const check of checks) this.#forgetCheck(check, reason);
    this.#instances.delete(id);
    this.#forget(`i/${id}`, reason);
    this.#listener.registrationsChanged();
    return { ok: true };
  }

  registerCheck(definition: CheckDefinition, source?: string): CommandResult {
    const invalid = validateCheck(definition);
    if (invalid !== undefined) return { ok: false, code: 'invalid-registration', message: invalid };
    if (definition.instanceId !== undefined && !this.#instances.has(definition.instanceId)) {
      return {
        ok: false,
        code: 'unknown-instance',
        message: `check "${definition.id}" names instance "${definition.instanceId}", which is not registered on this agent: register the instance first`,
      };
    }
    const run = this.#planRun(definition, source);
    const written = this.#listener.writeRecords([asRecord(run)], []);
    if (!written.ok) return written;
    const before = this.#registrations;
    this.#commitRun(run);
    if (this.#registrations !== before) this.#listener.registrationsChanged();
    return { ok: true };
  }

  deregisterCheck(id: CheckId): CommandResult {
    return this.#checks.has(id) ? this.#dropCheck(id, 'deregistered') : unknownCheck(id);
  }

  #dropCheck(id: CheckId, reason: string): CommandResult {
    const written = this.#listener.writeRecords([], [`c/${id}`]);
    if (!written.ok) return written;
    this.#forgetCheck(id, reason);
    this.#listener.registrationsChanged();
    return { ok: true };
  }

  /** A runner's result: believed once its threshold of consecutive results is met. */
  result(id: CheckId, status: CheckStatus, output: string): CommandResult {
    const run = this.#checks.get(id);
    if (run === undefined) return unknownCheck(id);
    if (status === 'critical') {
      run.successes = 0;
      run.failures++;
      const { failuresBeforeCritical, failuresBeforeWarning } = run.definition;
      if (run.failures >= failuresBeforeCritical) this.#settle(run, 'critical', output);
      else if (run.failures >= failuresBeforeWarning && failuresBeforeWarning > 0) this.#settle(run, 'warning', output);
    } else {
      run.failures = 0;
      run.successes++;
      if (run.successes >= run.definition.successBeforePassing) this.#settle(run, status, output);
    }
    return { ok: true };
  }

  updateTtl(id: CheckId, status: CheckStatus, output: string): CommandResult {
    const run = this.#checks.get(id);
    if (run === undefined) return unknownCheck(id);
    if (run.definition.probe.type !== 'ttl') {
      return {
        ok: false,
        code: 'not-a-ttl-check',
        message: `check "${id}" does not have associated TTL: only TTL checks take updates`,
      };
    }
    this.#settle(run, status, cut(output, run.definition.outputLengthMax));
    this.#armTtl(run);
    return { ok: true };
  }

  /**
   * A TTL ran out without an update. Those that ran out with it, as of a client that died, are told in the same write:
   * each write goes over all records of this node, so that thousands of them would keep it from everything else.
   */
  expireTtl(id: string): void {
    const run = this.#checks.get(id as CheckId);
    if (run === undefined) return;
    const { deadlines, now } = this.#turn;
    const others = [...this.#checks.values()].filter((other) => deadlines.takeIfDue(`ttl/${other.definition.id}`, now));
    this.#settleAll(
      [run, ...others].map((each) => {
        // Kept behind it: what the client said last is often why it fell silent.
        const { output: last } = each;
        const isTold = last.startsWith(expired);
        // After a restart it may run out again, and what the client said is behind it already.
        const output = isTold ? last : last === '' ? expired : `${expired} (last output before timeout follows): ${last}`;
        return { run: each, status: 'critical', output };
      }),
    );
  }

  /** A check has been critical for as long as its instance may be. */
  expireCritical(id: string): void {
    const instance = this.#checks.get(id as CheckId)?.definition.instanceId;
    if (instance !== undefined) this.deregister(instance, `check "${id}" was critical for too long`);
  }

  /**
   * A run for this definition. A check that exists keeps its status until its next result whatever is new of it, as Consul's
   * do: whoever registers again with every start must not take himself out of rotation. Another probe counts anew.
   */
  #planRun(definition: CheckDefinition, source: string | undefined): CheckRun {
    const known = this.#checks.get(definition.id);
    const counts = { successes: 0, failures: 0 };
    if (known !== undefined) return { ...known, ...(sameProbe(known.definition, definition) ? {} : counts), definition, source };
    const status = definition.initialStatus;
    return { definition, status, output: '', ...counts, criticalSinceMs: undefined, isTold: false, source };
  }

  #commitRun(run: CheckRun): void {
    this.#start(run);
    this.#keep(asRegistration(run));
  }

  #start(run: CheckRun): void {
    this.#checks.set(run.definition.id, run);
    this.#armTtl(run);
    this.#armCritical(run);
  }

  #keep(registration: Registration): void {
    const held = this.#registrations.get(registrationKey(registration));
    if (held !== undefined && isSameValue(held, registration)) return;
    this.#note(registration);
    this.#turn.persist({ type: 'registration', registration });
    this.#turn.emit({ type: 'registration-changed', registration });
  }

  #forgetCheck(id: CheckId, reason: string): void {
    this.#checks.delete(id);
    this.#turn.deadlines.clear(`ttl/${id}`);
    this.#turn.deadlines.clear(`critical/${id}`);
    this.#forget(`c/${id}`, reason);
  }

  #forget(key: string, reason: string): void {
    this.#registrations = this.#registrations.delete(key);
    this.#turn.persist({ type: 'registration-removed', key });
    this.#turn.emit({ type: 'registration-removed', key, reason });
  }

  #note(registration: Registration): void {
    this.#registrations = this.#registrations.set(registrationKey(registration), registration);
  }

  #settle(run: CheckRun, status: CheckStatus, output: string): void {
    this.#settleAll([{ run, status, output }]);
  }

  #settleAll(outcomes: readonly Outcome[]): void {
    const news = outcomes
      .map((outcome) => ({ ...outcome, output: wellFormed(outcome.output.slice(0, limits.outputLength)) }))
      .filter(({ run, status, output }) => run.status !== status || run.output !== output);
    if (news.length === 0) return;
    // Output alone wakes nobody, but a check that starts in its status must say once why.
    const told = news.filter(({ run, status, output }) => run.status !== status || (!run.isTold && output !== ''));
    this.#tell(told);
    for (const { run, status, output } of news) {
      const from = run.status;
      run.status = status;
      run.output = output;
      const registration = asRegistration(run);
      this.#note(registration);
      this.#turn.persist({ type: 'registration', registration });
      if (from === status) continue;
      this.#armCritical(run);
      this.#turn.emit({ type: 'check-changed', id: run.definition.id, from, to: status, output });
    }
    this.#listener.registrationsChanged();
  }

  #tell(outcomes: readonly Outcome[]): void {
    if (outcomes.length === 0) return;
    for (const { run } of outcomes) run.isTold = true;
    const records = outcomes.map(({ run, status, output }) => asRecord({ ...run, status, output }));
    if (this.#listener.writeRecords(records, []).ok) return;
    // Over the limit by a longer output: the status matters more than the text.
    const bare = outcomes.map(({ run, status }) => asRecord({ ...run, status, output: '' }));
    assert(this.#listener.writeRecords(bare, [], true).ok, 'there is room for the status of every check that was registered');
  }

  #armTtl(run: CheckRun): void {
    const { probe, id } = run.definition;
    const key = `ttl/${id}`;
    if (probe.type === 'ttl') this.#turn.deadlines.set(key, this.#turn.now + probe.ttlMs);
    else this.#turn.deadlines.clear(key);
  }

  #armCritical(run: CheckRun): void {
    const { deregisterCriticalAfterMs, id } = run.definition;
    const key = `critical/${id}`;
    run.criticalSinceMs = run.status === 'critical' ? (run.criticalSinceMs ?? this.#turn.now) : undefined;
    if (run.criticalSinceMs !== undefined && deregisterCriticalAfterMs > 0)
      this.#turn.deadlines.set(key, run.criticalSinceMs + deregisterCriticalAfterMs);
    else this.#turn.deadlines.clear(key);
  }
}

function firstInvalid(checks: readonly CheckDefinition[]): string | undefined {
  for (const check of checks) {
    const invalid = validateCheck(check);
    if (invalid !== undefined) return invalid;
  }
  const ids = checks.map((check) => check.id);
  const twice = ids.find((id, i) => ids.indexOf(id) !== i);
  return twice === undefined ? undefined : `check id "${twice}" is used twice: give each check an id of its own`;
}

function sameProbe(a: CheckDefinition, b: CheckDefinition): boolean {
  return a.instanceId === b.instanceId && JSON.stringify(a.probe) === JSON.stringify(b.probe);
}

/** What becomes of a check. */
interface Outcome {
  readonly run: CheckRun;
  readonly status: CheckStatus;
  readonly output: string;
}

function asRegistration({ definition, status, output, source }: CheckRun): Registration {
  return { type: 'check', definition, state: { status, output }, ...(source === undefined ? {} : { source }) };
}

/** A client's output, with a word at its end where not all of it is kept. */
function cut(output: string, lengthMax: number = limits.outputLength): string {
  if (output.length <= lengthMax) return output;
  const kept = (length: number): string => ` ... (captured ${length} of ${output.length} characters)`;
  const length = Math.min(lengthMax, limits.outputLength - kept(lengthMax).length);
  return `${output.slice(0, length)}${kept(length)}`;
}

function asRecord(run: CheckRun): RecordValue {
  const { definition } = run;
  const check: Check = {
    id: definition.id,
    name: definition.name,
    type: definition.probe.type === 'none' ? '' : definition.probe.type,
    status: run.status,
    notes: definition.notes,
    output: run.output,
    instanceId: definition.instanceId,
    intervalMs: definition.intervalMs,
    timeoutMs: definition.timeoutMs,
  };
  return { type: 'check', check };
}

function unknownCheck(id: CheckId): CommandResult {
  return { ok: false, code: 'unknown-check', message: `no check "${id}" is registered on this agent: see its /v1/agent/checks` };
}
