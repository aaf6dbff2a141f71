/** Faults in words, for people: `split host-0…2 | host-3…8`, `pause host-4`. */

import type { FaultBand } from './recording.ts';
import { durationText } from './duration.ts';
import { usualKeep } from './fault.ts';
import type { Fault } from './fault.ts';
import { nodesOf } from './fault-schedule.ts';
import type { FaultSpan } from './fault-schedule.ts';
import type { LinkSettings } from './link.ts';
import { triggerText } from './trigger.ts';

/** What and whom. `names`: of the nodes, by index. `who`: said for the node of a fault that is about one. */
export function faultText(fault: Fault, names: readonly string[], who: string): string {
  const some = (indexes: readonly number[]): string => (indexes.length === names.length ? 'all' : nodesText(indexes, names));
  switch (fault.type) {
    case 'crash':
    case 'power-off':
      return `${fault.type} ${who}${fault.keep === usualKeep[fault.type] ? '' : `, disk: ${fault.keep}`}`;
    case 'restart': {
      const how = [...(fault.seeds ? [] : ['without seeds']), ...(fault.replace ? ['with a new identity'] : [])];
      return `restart ${who}${how.length === 0 ? '' : ` ${how.join(', ')}`}`;
    }
    case 'step-clock':
      return `clock of ${who} ${fault.byMs < 0 ? 'back' : 'forward'} by ${durationText(Math.abs(fault.byMs))}`;
    case 'slow-cpu':
      return `slow ${who}: ${fault.perMessageUs / 1000} ms for each message`;
    case 'drift':
      return `clock of ${who} drifts by ${fault.ppm} ppm`;
    case 'lie':
      return `${who} lies: ${fault.lie}`;
    case 'split':
      return `split ${fault.groups.map((group) => nodesText(group, names)).join(' | ')}`;
    case 'cut':
      return `cut ${some(fault.from)} → ${some(fault.to)}`;
    case 'clog':
      return `clog ${some(fault.from)} → ${some(fault.to)}`;
    case 'corrupt':
      return `corrupt ${some(fault.from)} → ${some(fault.to)}: ${percent(fault.share)} of packets`;
    case 'flap':
      return `flap ${some(fault.from)} → ${some(fault.to)}, ${durationText(fault.onMs)} on, ${durationText(fault.offMs)} off`;
    case 'link':
      return `link ${some(fault.from)} → ${some(fault.to)}: ${settingsText(fault.settings)}`;
    default:
      return `${fault.type} ${who}`;
  }
}

/** What happened, as bands. `names`: of the nodes, by index. Like faults on several nodes at the same time are one. */
export function faultBands(spans: readonly FaultSpan[], names: readonly string[], endMs: number): FaultBand[] {
  const bands = new Map<
    string,
    { readonly fault: Fault; readonly cause: string; readonly nodes: Set<number>; readonly atMs: number; readonly toMs: number }
  >();
  for (const { fault, after, atMs, endMs: undoneMs } of spans) {
    const toMs = undoneMs ?? endMs;
    const alike = 'node' in fault ? JSON.stringify([{ ...fault, node: 0 }, after, atMs, toMs]) : String(bands.size);
    const cause = after === undefined ? '' : `, after ${triggerText(after)}`;
    const band = bands.get(alike) ?? { fault, cause, nodes: new Set(), atMs, toMs };
    bands.set(alike, band);
    for (const node of bandNodes(fault, names.length)) band.nodes.add(node);
  }
  return [...bands.values()].map(({ fault, cause, nodes, atMs, toMs }) => ({
    what: `${faultText(fault, names, nodesText([...nodes], names))}${cause}`,
    nodes: [...nodes],
    fromUs: atMs * 1000,
    toUs: toMs * 1000,
  }));
}

/** Of a path to or from everybody, the nodes that are not everybody: it is about them. */
function bandNodes(fault: Fault, count: number): readonly number[] {
  if (!('from' in fault)) return nodesOf(fault);
  if (fault.to.length === count) return fault.from;
  return fault.from.length === count ? fault.to : nodesOf(fault);
}

/** Names, runs of neighbours joined: `host-0…2, host-5`. */
export function nodesText(indexes: readonly number[], names: readonly string[]): string {
  const sorted = [...new Set(indexes)].sort((a, b) => a - b);
  const runs: [from: number, to: number][] = [];
  for (const index of sorted) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] === index - 1) last[1] = index;
    else runs.push([index, index]);
  }
  const name = (index: number): string => names[index] ?? `node ${index}`;
  const texts = runs.flatMap(([from, to]) => {
    if (to - from < 2) return from === to ? [name(from)] : [name(from), name(to)];
    return [`${name(from)}…${shortName(name(from), name(to))}`];
  });
  return texts.length <= 6 ? texts.join(', ') : `${texts.slice(0, 5).join(', ')} and ${texts.length - 5} more`;
}

/** Of `host-12` after `host-3`: `12`. */
function shortName(first: string, last: string): string {
  const prefix = /^(.*?)\d+$/.exec(first)?.[1];
  return prefix !== undefined && prefix !== '' && last.startsWith(prefix) ? last.slice(prefix.length) : last;
}

function percent(share: number): string {
  return `${Math.round(share * 100_000) / 1000} %`;
}

function settingsText({ loss, latency }: Partial<LinkSettings>): string {
  const parts = [
    ...(loss === undefined ? [] : [`loss ${percent(loss)}`]),
    ...(latency === undefined ? [] : [`p50 ${latency.p50 / 1000} ms, p99 ${latency.p99 / 1000} ms`]),
  ];
  return parts.join(', ') || 'as usual';
}
