/** Refuses stories that could not mean what they say. A story that is silently bent into shape proves nothing. */

import { durationText } from './duration.ts';
import { nodesOf } from './fault-schedule.ts';
import type { TimedFault } from './fault.ts';
import { PlanError, readPlan, readTimedFault, readTimedWrite } from './plan-reader.ts';
import type { FaultPlan, TimedWrite } from './plan.ts';
import { ScenarioError } from './scenario-error.ts';

/** What a mesh may be told. */
const meshOptions = ['nodes', 'zones', 'network', 'profile', 'config', 'loss', 'formWithin', 'convergeWithin', 'rest'];
/** What runs, tests and files of `simulations/` say beside that. */
const runOptions = [
  'seed',
  'seeds',
  'properties',
  'builtIn',
  'stopAt',
  'create',
  'onEvent',
  'traceLines',
  'validateConfig',
  'witness',
];
const optionNames = new Set([...meshOptions, ...runOptions, 'name', 'summary', 'script']);

export function checkOptions(options: object): void {
  const unknown = Object.keys(options).find((key) => !optionNames.has(key));
  if (unknown === undefined) return;
  throw new ScenarioError(`${unknown}: is not an option; of a mesh there are ${meshOptions.join(', ')}`);
}

export function checkFault(timed: TimedFault, nodes: number): TimedFault {
  const what = `${timed.fault.type} at ${durationText(timed.atMs)}`;
  const fault = told(what, () => readTimedFault(timed, nodes).fault);
  const selections = fault.type === 'split' ? fault.groups : 'node' in fault ? [[fault.node]] : [fault.from, fault.to];
  if (selections.length < 2 && fault.type === 'split') throw new ScenarioError(`${what}: needs two groups or more`);
  if (selections.some((selection) => selection.length === 0)) throw nobody(what);
  const twice = nodesOf(fault).find((node, at, all) => all.indexOf(node) !== at);
  if (fault.type === 'split' && twice !== undefined)
    throw new ScenarioError(`${what}: node ${twice} is in two groups; sim.except(...) selects the others`);
  return timed;
}

export function checkWrite(timed: TimedWrite, nodes: number): TimedWrite {
  return told(`${timed.write.type} at ${durationText(timed.atMs)}`, () => readTimedWrite(timed, nodes));
}

export function nobody(what: string): ScenarioError {
  return new ScenarioError(`${what}: nobody is selected`);
}

/** What can only be said of the whole story. */
export function checkPlan(plan: FaultPlan, asked: readonly string[]): FaultPlan {
  const { faults, writes, chaosMs } = plan;
  const late = [
    ...faults.map(({ atMs, fault }) => ({ atMs, what: fault.type })),
    ...writes.map(({ atMs, write }) => ({ atMs, what: write.type })),
  ];
  const tooLate = late.find(({ atMs }) => atMs >= chaosMs);
  if (tooLate !== undefined)
    throw new ScenarioError(
      `${tooLate.what} at ${durationText(tooLate.atMs)}: would never happen, since it is calm at ${durationText(chaosMs)}; move one of the two`,
    );
  if (plan.core.length === 0) throw nobody(`calm at ${durationText(chaosMs)}`);
  for (const service of asked) {
    if (!plan.loads.some((load) => load.service === service))
      throw new ScenarioError(`expect('${service}'): nobody calls it; sim.load('${service}', { every: '100ms' }) does`);
  }
  for (const { service } of plan.loads) {
    const isOffered = plan.services.some(({ name }) => name === service);
    if (!isOffered && !writes.some(({ write }) => write.type === 'register' && write.service === service))
      throw new ScenarioError(
        `load('${service}'): nobody offers it; sim.service('${service}', { on: sim.all() }) puts an instance on every node`,
      );
  }
  return told('', () => readPlan(plan));
}

/** A property that looks at a service that nobody ever has would hold, or break, by accident. */
export function checkService({ services, loads, writes }: FaultPlan, service: string): void {
  const written = writes.flatMap(({ write }) => (write.type === 'register' ? [write.service] : []));
  const names = new Set([...services.map(({ name }) => name), ...loads.map((load) => load.service), ...written]);
  if (!names.has(service))
    throw new ScenarioError(
      `routable('${service}'): no host ever has this service; there are ${[...names].join(', ') || 'none'}`,
    );
}

/** The plan reader names fields; a story names what was told. */
function told<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof PlanError)) throw error;
    throw new ScenarioError(what === '' ? error.message : `${what}: ${error.message.replace(/^(?:fault|write)\./, '')}`);
  }
}
