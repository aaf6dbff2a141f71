/**
 * The audit at the end of a run: do all running nodes believe the same, and is it true? Compares whole views, not
 * samples, since anti-entropy promises that nothing at all stays different.
 */

import type { ConfigEntry, InstanceView, NodeId, View } from '@skein/core';
import { versionId } from '@skein/core';
import { canonicalJson } from './canonical.ts';
import type { SimNode } from './sim-node.ts';

const nobody: ReadonlySet<NodeId> = new Set();

/**
 * What keeps the running nodes from agreeing, each as one line; empty when they agree: the members they hold alive
 * are those that run, and their catalogs and config entries are equal. Of the members in `excused` nothing is asked.
 */
export function differences(nodes: readonly SimNode[], excused: ReadonlySet<NodeId> = nobody): readonly string[] {
  const running = nodes.filter((node) => node.isRunning);
  const found: string[] = [];
  const truth = running.map((node) => `${node.id} alive`).sort();
  const pictures = running.map((node) => ({
    id: node.id,
    instances: instancesOf(node.view(), excused),
    configs: configsOf(node.view()),
  }));
  for (const node of running) {
    for (const line of difference(truth, aliveIn(node.view(), excused))) found.push(`${node.id} members: ${line}`);
  }
  const [first, ...others] = pictures;
  if (first === undefined) return found;
  for (const other of others) {
    const pair = `${other.id} against ${first.id}`;
    for (const line of difference(first.instances, other.instances)) found.push(`${pair} catalog: ${line}`);
    for (const line of difference(first.configs, other.configs)) found.push(`${pair} config: ${line}`);
  }
  return found;
}

function aliveIn(view: View, excused: ReadonlySet<NodeId>): string[] {
  const lines: string[] = [];
  for (const member of view.members()) {
    if (member.status === 'failed' || member.status === 'left' || excused.has(member.id)) continue;
    const doubts = `${member.reachable ? '' : ' unreachable'}${member.verified ? '' : ' unverified'}`;
    lines.push(`${member.id} ${member.status}${doubts}`);
  }
  return lines.sort();
}

function instancesOf(view: View, excused: ReadonlySet<NodeId>): string[] {
  const lines: string[] = [];
  for (const service of view.services()) {
    for (const instance of service.instances) if (!excused.has(instance.owner)) lines.push(instanceLine(instance));
  }
  return lines.sort();
}

function instanceLine(view: InstanceView): string {
  const checks = view.checks.map((check) => `${check.id}=${check.status}`).sort();
  return `${view.owner} ${textOf(view.instance)} ${view.status} ${view.routable ? 'routable' : 'not routable'} ${checks.join(' ')}`;
}

/** Records are frozen and all nodes hold the same objects: each is written out once. */
const texts = new WeakMap<object, string>();

function textOf(record: object): string {
  let text = texts.get(record);
  if (text === undefined) texts.set(record, (text = canonicalJson(record)));
  return text;
}

function configsOf(view: View): string[] {
  // The key-value store and external nodes are entries of kinds that are listed apart.
  return [undefined, 'kv', 'external'].flatMap((kind) => Array.from(view.configEntries(kind), configLine)).sort();
}

function configLine(entry: ConfigEntry): string {
  const conflicts = entry.conflicts.map(versionId).sort();
  return `${entry.kind}/${entry.name} ${versionId(entry.version)} ${canonicalJson(entry.value)} ${conflicts.join(' ')}`.trimEnd();
}

/** What only one of two sorted lists has. */
function difference(expected: readonly string[], actual: readonly string[]): string[] {
  const wanted = new Set(expected);
  const have = new Set(actual);
  return [
    ...expected.filter((line) => !have.has(line)).map((line) => `lacks ${line}`),
    ...actual.filter((line) => !wanted.has(line)).map((line) => `has ${line}`),
  ];
}
