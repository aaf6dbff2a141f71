/**
 * Refuses stories that could not mean what they say, told or stored. A story that is silently bent into shape proves
 * nothing.
 */

import { durationText, microseconds, milliseconds } from './duration.ts';
import type { Duration } from './duration.ts';
import { nodesOf } from './fault-schedule.ts';
import { isCondition } from './fault.ts';
import type { TimedFault } from './fault.ts';
import { PlanError, readPlan, readTimedFault, readTimedWrite } from './plan-reader.ts';
import { planLimits } from './plan.ts';
import type { FaultPlan, TimedWrite } from './plan.ts';
import { ScenarioError } from './scenario-error.ts';
import { triggerEvents, whenText } from './trigger.ts';
import { instancesByNode } from './workload.ts';

/** What a mesh may be told. */
const meshOptions = ['nodes', 'zones', 'network', 'profile', 'config', 'loss', 'formWithin', 'convergeWithin', 'rest'];
/** What every run may be told beside that. */
const runOptions = ['properties', 'builtIn', 'stopAt', 'create', 'onEvent', 'traceLines', 'validateConfig', 'witness'];
const seedOptions = ['seed', 'seeds'];
const swarmOptions = ['nodesMin', 'nodesMax', 'chaosMs'];
/** What files of `simulations/` say as well. */
const optionNames = new Set([...meshOptions, ...runOptions, ...seedOptions, 'name', 'summary', 'script']);

/** Options and script of a story, from code that no compiler has read. */
export function checkStory(options: unknown, script: unknown): void {
  const example = "({ nodes: 3 }, (sim) => { sim.at('1s').crash(sim.node(0)).restart('1s'); })";
  if (options === null || typeof options !== 'object')
    throw new ScenarioError(`the mesh is missing: a story is told as ${example}`);
  if (typeof script !== 'function') throw new ScenarioError(`the script is missing: a story is told as ${example}`);
}

/** A story is run once: of several seeds all but one would be passed over. */
export function checkOneSeed(options: object): void {
  if ('seeds' in options && options.seeds !== undefined)
    throw new ScenarioError('seeds: simulate runs one seed; give seed: 1, or call it for each; chaos(...) takes seeds');
}

export function checkOptions(options: object): void {
  const unknown = Object.keys(options).find((key) => !optionNames.has(key));
  if (unknown === undefined) return;
  throw new ScenarioError(
    `${unknown}: is not an option; of a mesh there are ${meshOptions.join(', ')}, of a run seed and properties`,
  );
}

/** What a scenario of a file may say: how it is run is said where it is run, and would be passed over here. */
export function checkScenarioKeys(scenario: object): void {
  const names = ['name', 'summary', ...('plan' in scenario ? ['plan'] : ['script', ...meshOptions])];
  const unknown = Object.keys(scenario).find((key) => !names.includes(key));
  if (unknown === undefined) return;
  const instead = seedOptions.includes(unknown) ? 'seeds are chosen where it is run, as by skein sim --seed 1 --runs 3; ' : '';
  throw new ScenarioError(`${unknown}: is not an option of a scenario: ${instead}there are ${names.join(', ')}`);
}

/** Options of plans that seeds draw. */
export function checkSwarmOptions(options: object): void {
  checkKeys('a drawn plan', options, [...swarmOptions, ...seedOptions, ...runOptions]);
}

/** Options of plans that are stored: all that a mesh is, they say themselves. */
export function checkReplayOptions(options: object): void {
  checkKeys('a stored plan', options, runOptions);
}

/** What is misspelt would be as if it had not been said. */
export function checkKeys(what: string, options: unknown, names: readonly string[]): void {
  if (options === null || typeof options !== 'object')
    throw new ScenarioError(`${what}: its options are missing: { ${names.join(', ')} }`);
  const unknown = Object.keys(options).find((key) => !names.includes(key));
  if (unknown !== undefined)
    throw new ScenarioError(
      `${what}: ${unknown} is not an option; there ${names.length === 1 ? 'is' : 'are'} ${names.join(', ')}`,
    );
}

/** A time of a story. */
export function storyMs(what: string, duration: Duration): number {
  const ms = clockMs(what, duration);
  if (ms > planLimits.ms) throw tooLong(what, duration);
  return ms;
}

/** A time that is not one of the story, as wall clocks show it. */
export function clockMs(what: string, duration: Duration): number {
  return named(what, () => milliseconds(duration));
}

/** What one message takes. */
export function messageUs(what: string, duration: Duration): number {
  return named(what, () => microseconds(duration));
}

/** A time in which something happens. */
export function lastingMs(what: string, duration: Duration): number {
  const ms = storyMs(what, duration);
  if (ms === 0) throw new ScenarioError(`${what}: ${duration} is no time at all; the least is 1ms`);
  return ms;
}

/** What a fault waits for, from code that no compiler has read. */
export function checkTrigger(what: string, event: unknown, nth: unknown): void {
  if (!triggerEvents.some((each) => each === event))
    throw new ScenarioError(`${what}: '${String(event)}' is not one of ${triggerEvents.join(', ')}`);
  if (!Number.isInteger(nth) || Number(nth) < 1)
    throw new ScenarioError(`${what}: nth: ${String(nth)} is no number of an event; the first is 1`);
}

export function tooLong(what: string, duration: Duration): ScenarioError {
  return new ScenarioError(`${what}: ${duration} is too long: a story lasts ${planLimits.ms} ms at most, which is some 277h`);
}

/** Nodes, from code that no compiler has read. */
export function checkSelection(what: string, selection: unknown, nodes: number = planLimits.nodes): void {
  if (!Array.isArray(selection))
    throw new ScenarioError(
      `${what}: ${JSON.stringify(selection) ?? 'undefined'} selects no nodes; sim.node(0) and sim.zone('a') do`,
    );
  if (selection.length === 0) throw nobody(what);
  for (const [at, node] of (selection as readonly unknown[]).entries()) {
    if (selection.indexOf(node) !== at) throw new ScenarioError(`${what}: node ${String(node)} is named twice`);
    if (!Number.isInteger(node) || Number(node) < 0) throw new ScenarioError(`${what}: ${String(node)} is no number of a node`);
    if (Number(node) >= nodes)
      throw new ScenarioError(`${what}: node ${String(node)} is none of this mesh, which has nodes 0 to ${nodes - 1}`);
  }
}

/** The most of something is said when it is told: no list of any length is made of it. */
export function checkCount(what: string, kind: 'faults' | 'writes' | 'services' | 'loads', count: number): void {
  if (count >= planLimits[kind]) throw new ScenarioError(`${what}: a story has ${planLimits[kind]} ${kind} at most`);
}

export function checkFault(timed: TimedFault, nodes: number): TimedFault {
  const what = faultName(timed);
  const read = told(what, () => readTimedFault(timed, nodes));
  const flaw = faultFlaw(read);
  if (flaw !== undefined) throw new ScenarioError(`${what}: ${flaw}`);
  return timed;
}

export function checkWrite(timed: TimedWrite, nodes: number): TimedWrite {
  return told(writeName(timed), () => readTimedWrite(timed, nodes));
}

export function nobody(what: string): ScenarioError {
  return new ScenarioError(`${what}: ${nobodyFlaw}`);
}

/** What can only be said of the whole story. `asked`: services that are expected to be available. `sure`: writes that have to be meant. */
export function checkPlan(plan: FaultPlan, asked: readonly string[], sure: readonly TimedWrite[]): FaultPlan {
  const [flaw] = flawsOf(plan);
  if (flaw !== undefined) throw new ScenarioError(`${flaw.what}: ${flaw.reason}`);
  for (const service of asked) {
    if (!plan.loads.some((load) => load.service === service))
      throw new ScenarioError(`expect('${service}'): nobody calls it; sim.load('${service}', { every: '100ms' }) does`);
  }
  const instances = instancesByNode(plan);
  for (const write of sure) checkInstance(write, instances.get(write.node));
  return told('', () => readPlan(plan));
}

/** The plan that a value is, of which all is so that it can happen. Throws a `PlanError` that names the field. */
export function readSoundPlan(value: unknown): FaultPlan {
  const plan = readPlan(value);
  const [flaw] = flawsOf(plan);
  if (flaw !== undefined) throw new PlanError(flaw.path, `${flaw.what}: ${flaw.reason}`);
  return plan;
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

/** So would one that counts requests of which there are none. */
export function checkCalled({ loads }: FaultPlan, service: string): void {
  if (loads.some((load) => load.service === service)) return;
  const names = [...new Set(loads.map((load) => load.service))].join(', ') || 'none';
  throw new ScenarioError(
    `calls('${service}'): nobody calls this service, which sim.load('${service}', { every: '100ms' }) does; called are ${names}`,
  );
}

/** Something that cannot be meant: where it is in a plan, and what it is called in a story. */
interface Flaw {
  readonly path: string;
  readonly what: string;
  readonly reason: string;
}

const nobodyFlaw = 'nobody is selected';

function* flawsOf(plan: FaultPlan): IterableIterator<Flaw> {
  const { faults, writes, chaosMs } = plan;
  const late = `would never happen, since it is calm at ${durationText(chaosMs)}; move one of the two`;
  for (const [at, timed] of faults.entries()) {
    const reason = timed.atMs >= chaosMs ? late : faultFlaw(timed);
    if (reason !== undefined) yield { path: `faults[${at}]`, what: faultName(timed), reason };
  }
  for (const [at, timed] of writes.entries())
    if (timed.atMs >= chaosMs) yield { path: `writes[${at}]`, what: writeName(timed), reason: late };
  if (plan.core.length === 0) yield { path: 'core', what: `calm at ${durationText(chaosMs)}`, reason: nobodyFlaw };
  for (const [at, { name, on }] of plan.services.entries())
    if (on.length === 0) yield { path: `services[${at}].on`, what: `service('${name}')`, reason: nobodyFlaw };
  const twice = plan.services.findIndex(({ name }, at) => plan.services.findIndex((each) => each.name === name) !== at);
  if (twice >= 0) {
    const reason = 'is there already; say once on which nodes it runs';
    yield { path: `services[${twice}]`, what: `service('${plan.services[twice]?.name}')`, reason };
  }
  for (const [at, load] of plan.loads.entries()) {
    const { service, from, everyMs } = load;
    const flaw = { path: `loads[${at}]`, what: `load('${service}')` };
    if (from.length === 0) yield { ...flaw, reason: nobodyFlaw };
    const isOffered = plan.services.some(({ name }) => name === service);
    if (!isOffered && !writes.some(({ write }) => write.type === 'register' && write.service === service)) {
      const reason = `nobody offers it; sim.service('${service}', { on: sim.all() }) puts an instance on every node`;
      yield { ...flaw, reason };
    }
    // Callers take turns over the first interval: most would ask when all is over, or never.
    if (everyMs > chaosMs)
      yield { ...flaw, reason: `every ${durationText(everyMs)} is too seldom: it is calm at ${durationText(chaosMs)}` };
  }
}

/** Why a fault would be none, or none of this kind. */
function faultFlaw({ fault, forMs }: TimedFault): string | undefined {
  if (forMs !== undefined && !isCondition(fault)) return `happens at once, and does not last for ${durationText(forMs)}`;
  if (forMs === 0) return 'lasts no time at all; the least is 1ms';
  switch (fault.type) {
    case 'split': {
      if (fault.groups.length < 2) return 'needs two groups or more';
      if (fault.groups.some((group) => group.length === 0)) return nobodyFlaw;
      const twice = nodesOf(fault).find((node, at, all) => all.indexOf(node) !== at);
      return twice === undefined ? undefined : `node ${twice} is in two groups; sim.except(...) selects the others`;
    }
    case 'cut':
    case 'clog':
    case 'flap':
    case 'corrupt':
    case 'link':
      if (fault.from.length === 0 || fault.to.length === 0) return nobodyFlaw;
      if (fault.from.concat(fault.to).every((node) => node === fault.from[0]))
        return `node ${fault.from[0]} has no path to itself; name two nodes`;
      if (fault.type === 'corrupt' && fault.share === 0) return 'of no packet at all; share is the chance for each, such as 0.01';
      if (fault.type === 'link' && Object.keys(fault.settings).length === 0) return 'changes nothing; give loss, latency or p99';
      return undefined;
    case 'step-clock':
      return fault.byMs === 0 ? 'by 0 sets no clock' : undefined;
    case 'drift':
      return fault.ppm === 0 ? 'of 0 ppm is none' : undefined;
    default:
      return undefined;
  }
}

/** What is written of an instance that its node never has is refused by the node, and changes nothing. */
function checkInstance(timed: TimedWrite, had: ReadonlySet<string> = new Set()): void {
  const { node, write } = timed;
  if (!('instance' in write) || had.has(write.instance)) return;
  throw new ScenarioError(
    `${writeName(timed)}: node ${node} never has an instance '${write.instance}', but ${[...had].join(', ') || 'none'}; { mayBeMissing: true } says that this is meant`,
  );
}

function faultName(timed: TimedFault): string {
  return `${timed.fault.type} ${whenText(timed)}`;
}

function writeName({ write, atMs }: TimedWrite): string {
  return `${write.type} at ${durationText(atMs)}`;
}

/** Who cannot read a duration does not know what it is for. */
function named<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof ScenarioError ? new ScenarioError(`${what}: ${error.message}`) : error;
  }
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
