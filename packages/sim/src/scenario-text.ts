/** A plan as a scenario that can be pasted into a test file, and a failure as a report that says how to see it again. */

import { durationText } from './duration.ts';
import type { TimedFault } from './fault.ts';
import type { FaultPlan, TimedWrite } from './plan.ts';
import { convergeBoundMs, formBoundMs } from './plan.ts';
import type { Failure } from './property.ts';
import { secondsText } from './trace.ts';

/** The call of `chaos` that makes this plan. */
export function scenarioText(name: string, plan: FaultPlan): string {
  const lines = [
    ...plan.services.map(({ name: service, on }) => `sim.service(${quote(service)}, { on: ${nodesText(on, plan)} });`),
    ...plan.loads.map(
      ({ service, from, everyMs, retries }) =>
        `sim.load(${quote(service)}, { every: ${time(everyMs)}, from: ${nodesText(from, plan)}, retries: ${retries} });`,
    ),
    ...plan.faults.map((fault) => faultText(fault, plan)),
    ...plan.writes.map(writeText),
    `sim.at(${time(plan.chaosMs)}).calm(${plan.core === 'all' ? '' : nodesText(plan.core, plan)});`,
  ];
  return [`chaos(${quote(name)}, ${optionsText(plan)}, (sim) => {`, ...lines.map((line) => `  ${line}`), '});'].join('\n');
}

/** What failed, in one line. */
export function causeText(plan: FaultPlan, failure: Failure): string {
  const when =
    failure.chaosMs === undefined ? secondsText(failure.atMs * 1000) : `${secondsText(failure.chaosMs * 1000)} s of chaos`;
  const who = failure.node === '' ? '' : `, ${failure.node}`;
  return `${failure.property}: ${failure.found} (seed ${plan.seed}, ${failure.phase}, ${when}${who})`;
}

/** Everything a person needs to see a failure again: cause, shrunk plan, scenario, command. */
export function failureText(
  name: string,
  found: { readonly plan: FaultPlan; readonly failure: Failure; readonly seed: string; readonly runs: number },
): string {
  const { plan, failure, seed, runs } = found;
  return [
    causeText(plan, failure),
    `  promised: ${failure.doc}`,
    '',
    `As small as ${runs} runs could make it: ${plan.nodes} nodes, ${plan.faults.length} faults, ${plan.writes.length} writes. To paste:`,
    '',
    scenarioText(failure.property, plan),
    '',
    `Or replay it: chaos.replay(${quote(name)}, ${JSON.stringify(plan)})`,
    `The whole run again: CHAOS_SEED=${seed} with the same command and \`-t ${quote(name)}\``,
  ].join('\n');
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
  const { atMs, forMs, fault } = timed;
  const nodes = (indexes: readonly number[]): string => nodesText(indexes, plan);
  const at = `sim.at(${time(atMs)})`;
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
    case 'flap':
      return `${at}.flap(${nodes(fault.from)}, ${nodes(fault.to)}, { on: ${time(fault.onMs)}, off: ${time(fault.offMs)} })${lasting}`;
    default:
      return `${at}.linkOneWay(${nodes(fault.from)}, ${nodes(fault.to)}, ${objectText(fault.settings)})${lasting}`;
  }
}

function writeText({ atMs, node, write }: TimedWrite): string {
  const at = `sim.at(${time(atMs)})`;
  switch (write.type) {
    case 'register':
      return `${at}.register(${node}, ${quote(write.service)}, ${quote(write.instance)}, ${write.port});`;
    case 'deregister':
      return `${at}.deregister(${node}, ${quote(write.instance)});`;
    case 'check':
      return `${at}.check(${node}, ${quote(write.instance)}, ${quote(write.status)});`;
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

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', ' ')}'`;
}

function objectText(value: object): string {
  const fields = Object.entries(value).map(
    ([key, field]) =>
      `${key}: ${field !== null && typeof field === 'object' ? objectText(field as object) : JSON.stringify(field)}`,
  );
  return `{ ${fields.join(', ')} }`;
}
