/** Faults that did not happen, and what to say where none did: trouble that never came is no reason for a test to pass. */

import type { TimedFault } from './fault.ts';
import { faultText, nodesText } from './fault-text.ts';
import { whenText } from './trigger.ts';

/** A fault that made no sense when its time came, or whose time never came. */
export interface SkippedFault extends TimedFault {
  /** In words: what its node was doing, or what it waited for in vain. */
  readonly why: string;
}

/** So many different ones are told, and how many more there are. */
const toldMax = 5;

/**
 * Why runs put nothing to the test although there was trouble in their plans: every fault was skipped. Undefined where some
 * fault happened, or none was planned. `first`: what was skipped in the first run, of so many `nodes`.
 */
export function nothingTestedText(
  runs: number,
  { faults, skipped }: { readonly faults: number; readonly skipped: number },
  first: { readonly skipped: readonly SkippedFault[]; readonly nodes: number },
): string | undefined {
  if (faults > 0 || skipped === 0) return undefined;
  const [where, which] = runs === 1 ? ['the run', ''] : [`${runs} runs`, ', in the first of them'];
  const told = skippedTexts(first.skipped, first.nodes);
  const more = told.length > toldMax ? [`and ${told.length - toldMax} more`] : [];
  const text = [...told.slice(0, toldMax), ...more].join('; ');
  return `in ${where} every fault was skipped, ${skipped} in all, so nothing was put to the test${which}: ${text}`;
}

/** What was to be, when, and why it was not; like faults on several nodes are one. */
function skippedTexts(skipped: readonly SkippedFault[], count: number): readonly string[] {
  const names = Array.from({ length: count }, (_, index) => `node ${index}`);
  const alike = new Map<string, { readonly one: SkippedFault; readonly nodes: number[] }>();
  for (const one of skipped) {
    const { fault } = one;
    const key = 'node' in fault ? JSON.stringify({ ...one, fault: { ...fault, node: 0 } }) : String(alike.size);
    const group = alike.get(key) ?? { one, nodes: [] };
    alike.set(key, group);
    if ('node' in fault) group.nodes.push(fault.node);
  }
  return [...alike.values()].map(
    ({ one, nodes }) => `${faultText(one.fault, names, nodesText(nodes, names))} ${whenText(one)} (${one.why})`,
  );
}
