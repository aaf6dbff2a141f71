/** A plan as a scenario that can be pasted into a test file, and a failure as a report that says how to see it again. */

import { durationText } from './duration.ts';
import type { TimedFault } from './fault.ts';
import type { FaultPlan, TimedWrite } from './plan.ts';
import { convergeBoundMs, formBoundMs } from './plan.ts';
import type { Failure, Property } from './property.ts';
import { quote } from './quote.ts';
import { instancesByNode } from './workload.ts';
import { seedNumber, seedText } from './randomness.ts';
import type { Seed } from './randomness.ts';
import type { Shrunk } from './shrink.ts';

/** The call of `chaos` that makes this plan; `asks` are lines of a script that ask for properties. */
export function scenarioText(name: string, plan: FaultPlan, asks: readonly string[] = []): string {
  const instances = instancesByNode(plan);
  const lines = [
    ...plan.services.map(({ name: service, on }) => `sim.service(${quote(service)}, { on: ${nodesText(on, plan)} });`),
    ...plan.loads.map(
      ({ service, from, everyMs, retries }) =>
        `sim.load(${quote(service)}, { every: ${time(everyMs)}, from: ${nodesText(from, plan)}, retries: ${retries} });`,
    ),
    ...plan.faults.map((fault) => faultText(fault, plan)),
    ...plan.writes.map((write) => writeText(write, instances.get(write.node))),
    `sim.at(${time(plan.chaosMs)}).calm(${plan.core === 'all' ? '' : nodesText(plan.core, plan)});`,
    // Test runners rewrite what a module imports; a person wants the names.
    ...asks.map((line) => line.replace(/\(0, ?__vi_import_\d+__\.(\w+)\)|__vi_import_\d+__\.(\w+)/g, '$1$2')),
  ];
  return [`chaos(${quote(name)}, ${optionsText(plan)}, (sim) => {`, ...lines.map((line) => `  ${line}`), '});'].join('\n');
}

/** What failed, in one line. */
export function causeText(plan: FaultPlan, failure: Failure): string {
  const when = failure.chaosMs === undefined ? `${seconds(failure.atMs)} s` : `${seconds(failure.chaosMs)} s of chaos`;
  const who = failure.node === '' ? '' : `, ${failure.node}`;
  return `${failure.property}: ${failure.found} (seed ${plan.seed}, ${failure.phase}, ${when}${who})`;
}

/**
 * Everything a person needs to see a failure again: cause, shrunk plan, scenario, command. `seed`: of the whole run, and
 * undefined where the plan is all there is. `asked`: the property that failed, unless every mesh has it. `again`: the
 * command for the whole run, where that is no test of vitest.
 */
export function failureText(
  name: string,
  found: {
    readonly plan: FaultPlan;
    readonly failure: Failure;
    readonly seed: Seed | undefined;
    readonly runs: number;
    /** What ended it before nothing was left to try. */
    readonly stopped?: Shrunk['stopped'];
    readonly asked?: Property | undefined;
    readonly again?: string;
  },
): string {
  const { plan, failure, seed, runs, stopped, asked, again } = found;
  const counts = `${counted(plan.nodes, 'node')}, ${counted(plan.faults.length, 'fault')}, ${counted(plan.writes.length, 'write')}`;
  const size = runs === 0 ? counts : `${sizeText(runs, stopped)}: ${counts}`;
  const isFaultless = plan.faults.length === 0 && plan.loss === 0;
  const isOwn = asked !== undefined && asked.text === undefined;
  const lines = [causeText(plan, failure), `  promised: ${failure.doc}`, '', `${size}. To paste:`, ''];
  lines.push(scenarioText(failure.property, plan, asked?.text === undefined ? [] : [asked.text]), '');
  if (isFaultless && plan.writes.length > 0) lines.push('Nothing goes wrong in this plan: what is written in it is enough.');
  if (isFaultless && plan.writes.length === 0)
    lines.push('It fails without any trouble: nothing goes wrong in this plan. See whether what is promised can be so.');
  if (isOwn) lines.push(`It is a property of the test's options, so give the scenario the same ones.`);
  if (asked === undefined) lines.push(`Or replay it: chaos.replay(${quote(name)}, ${JSON.stringify(plan)})`);
  if (asked?.text !== undefined && !asked.text.startsWith('sim.expect('))
    lines.push('What the property uses of the code around it has to be pasted too.');
  lines.push(again === undefined ? againText(name, seed) : `The whole run again: ${again}`);
  return lines.join('\n');
}

function sizeText(runs: number, stopped: Shrunk['stopped']): string {
  const after = counted(runs, 'run');
  if (stopped === undefined) return `As small as ${after} could make it`;
  const until = stopped === 'time' ? `until the time for it was over, in ${after}` : `in ${after}, which are the most`;
  return `Made smaller ${until}, so that it may get smaller yet`;
}

/** The command that runs one test with one seed again. */
export function againText(name: string, seed: Seed | undefined): string {
  const only = `npx vitest run -t ${shellQuote(name.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'))}`;
  return `The whole run again: ${seed === undefined ? '' : `CHAOS_SEED=${seedText(seedNumber(seed))} `}${only}`;
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function shellQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function optionsText(plan: FaultPlan): string {
  const options: string[] = [`nodes: ${plan.nodes}`, `seed: ${quote(plan.seed)}`];
  if (plan.zones.length > 0) options.push(`zones: [${plan.zones.map(quote).join(', ')}]`);
  if (plan.network !== 'lan') options.push(`network: ${quote(plan.network)}`);
  if (plan.profile !== (plan.network === 'wan' ? 'wan' : 'lan')) options.push(`profile: ${quote(plan.profile)}`);
  if (Object.keys(plan.config).length > 0) options.push(`config: ${objectText(plan.config)}`);
  if (plan.loss > 0) options.push(`loss: ${plan.loss}`);
  if (plan.formMs !== formBoundMs(plan)) options.push(`formWithin: ${time(plan.formMs)}`);
  if (plan.convergeMs !== convergeBoundMs(plan)) options.push(`convergeWithin: ${time(plan.convergeMs)}`);
  options.push(`rest: ${plan.restMs === 0 ? 0 : time(plan.restMs)}`);
  return `{ ${options.join(', ')} }`;
}

function faultText(timed: TimedFault, plan: FaultPlan): string {
  const { atMs, forMs, after, fault } = timed;
  const nodes = (indexes: readonly number[]): string => nodesText(indexes, plan);
  const at = after === undefined ? `sim.at(${time(atMs)})` : `sim.after(${quote(after.event)}${afterText(atMs, after.nth)})`;
  const lasting = forMs === undefined ? ';' : `.for(${time(forMs)});`;
  switch (fault.type) {
    case 'crash':
      return `${at}.crash(${nodes([fault.node])}, { keep: ${quote(fault.keep)} });`;
    case 'power-off':
      return `${at}.powerOff(${nodes([fault.node])}, { keep: ${quote(fault.keep)} });`;
    case 'restart':
      return `${at}.restart(${nodes([fault.node])}, { seeds: ${fault.seeds}, replace: ${fault.replace} });`;
    case 'leave':
      return `${at}.leave(${nodes([fault.node])});`;
    case 'step-clock':
      return `${at}.stepClock(${nodes([fault.node])}, ${time(Math.abs(fault.byMs))}, ${fault.byMs < 0 ? -1 : 1});`;
    case 'pause':
      return `${at}.pause(${nodes([fault.node])})${lasting}`;
    case 'block-io':
      return `${at}.blockIo(${nodes([fault.node])})${lasting}`;
    case 'slow-cpu':
      return `${at}.slow(${nodes([fault.node])}, ${fault.perMessageUs / 1000})${lasting}`;
    case 'drift':
      return `${at}.drift(${nodes([fault.node])}, ${fault.ppm})${lasting}`;
    case 'full-disk':
      return `${at}.fullDisk(${nodes([fault.node])})${lasting}`;
    case 'lie':
      return `${at}.lie(${nodes([fault.node])}, ${quote(fault.lie)})${lasting}`;
    case 'split':
      return `${at}.split(${fault.groups.map(nodes).join(', ')})${lasting}`;
    case 'cut':
      return `${at}.cut(${nodes(fault.from)}, ${nodes(fault.to)})${lasting}`;
    case 'clog':
      return `${at}.clog(${nodes(fault.from)}, ${nodes(fault.to)})${lasting}`;
    case 'corrupt':
      return `${at}.corrupt(${nodes(fault.from)}, ${nodes(fault.to)}, ${fault.share})${lasting}`;
    case 'flap':
      return `${at}.flap(${nodes(fault.from)}, ${nodes(fault.to)}, { on: ${time(fault.onMs)}, off: ${time(fault.offMs)} })${lasting}`;
    default:
      return `${at}.linkOneWay(${nodes(fault.from)}, ${nodes(fault.to)}, ${objectText(fault.settings)})${lasting}`;
  }
}

/** How long after which of its kind, where it is not at once after the first. */
function afterText(atMs: number, nth: number): string {
  const parts = [...(nth === 1 ? [] : [`nth: ${nth}`]), ...(atMs === 0 ? [] : [`by: ${time(atMs)}`])];
  return parts.length === 0 ? '' : `, { ${parts.join(', ')} }`;
}

/** `had`: the instances that its node has at some time. */
function writeText({ atMs, node, write }: TimedWrite, had: ReadonlySet<string> = new Set()): string {
  const at = `sim.at(${time(atMs)})`;
  // Whoever reads it shall see that nothing comes of it, and a script refuses what looks like a slip.
  const missing = !('instance' in write) || had.has(write.instance) ? '' : ', { mayBeMissing: true }';
  switch (write.type) {
    case 'register':
      return `${at}.register(${node}, ${quote(write.service)}, ${quote(write.instance)}, ${write.port});`;
    case 'deregister':
      return `${at}.deregister(${node}, ${quote(write.instance)}${missing});`;
    case 'check':
      return `${at}.check(${node}, ${quote(write.instance)}, ${quote(write.status)}${missing});`;
    default:
      return `${at}.config(${node}, ${quote(write.name)}, ${write.value});`;
  }
}

function nodesText(indexes: readonly number[], plan: FaultPlan): string {
  const isAll = indexes.length === plan.nodes && indexes.every((index, at) => index === at);
  return isAll && indexes.length > 1 ? 'sim.all()' : `sim.node(${indexes.join(', ')})`;
}

function time(ms: number): string {
  return `'${durationText(ms)}'`;
}

function objectText(value: object): string {
  const fields = Object.entries(value).map(
    ([key, field]) =>
      `${key}: ${field !== null && typeof field === 'object' ? objectText(field as object) : JSON.stringify(field)}`,
  );
  return `{ ${fields.join(', ')} }`;
}
