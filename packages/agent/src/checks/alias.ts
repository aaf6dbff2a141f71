/**
 * Alias checks: as healthy as another instance with its node, or as a node alone. Nothing is polled: what the view says
 * of the target is looked at when the view's topic of the target's node changes.
 */

import {
  type CheckDefinition,
  type CheckId,
  checkId,
  type CheckProbe,
  type CheckStatus,
  type CheckView,
  type MemberView,
  nodeId,
  type NodeId,
  topics,
  type View,
} from '@skein/core';
import { critical, type Verdict } from './verdict.ts';

export type AliasProbe = Extract<CheckProbe, { type: 'alias' }>;

export interface AliasChecksOptions {
  readonly view: () => View;
  /** Whether a node that the view lacks is unknown to the mesh too: not so right after a start. */
  readonly isSynced: () => boolean;
  readonly result: (id: CheckId, status: CheckStatus, output: string) => void;
}

interface Alias {
  readonly probe: AliasProbe;
  /** The node that was looked at last; undefined where none was known. */
  node: NodeId | undefined;
}

export class AliasChecks {
  readonly #options: AliasChecksOptions;
  readonly #checks = new Map<CheckId, Alias>();

  constructor(options: AliasChecksOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#checks.size;
  }

  /** A check is new or changed. */
  changed({ id, probe }: CheckDefinition): void {
    if (probe.type !== 'alias') return void this.#checks.delete(id);
    const alias: Alias = { probe, node: undefined };
    this.#checks.set(id, alias);
    this.#look(id, alias);
  }

  /** A registration is gone; `key` as in `registrationKey`. */
  removed(key: string): void {
    if (key.startsWith('c/')) this.#checks.delete(checkId(key.slice(2)));
  }

  /** These topics of the view have changed. */
  viewChanged(changed: readonly string[]): void {
    if (this.#checks.size === 0) return;
    const names = new Set(changed);
    for (const [id, alias] of this.#checks) {
      const node = targetOf(this.#options.view(), alias.probe)?.id;
      // A name may be another node's by now, or somebody's at last.
      const isOther = node !== alias.node;
      if (isOther || (node !== undefined && names.has(topics.node(node)))) this.#look(id, alias);
    }
  }

  /** Looks at every target again. */
  lookAtAll(): void {
    for (const [id, alias] of this.#checks) this.#look(id, alias);
  }

  #look(id: CheckId, alias: Alias): void {
    const { view, isSynced, result } = this.#options;
    const { probe } = alias;
    const target = targetOf(view(), probe);
    alias.node = target?.id;
    // What it was before a restart stays until this node knows the mesh again.
    if (target === undefined && !isSynced()) return;
    const { status, output } = this.#verdict(view(), probe, new Set());
    result(id, status, output);
  }

  /**
   * The health of what a check stands for. Without any check it is passing, as in Consul. Aliases of this node are looked
   * through: a circle of them must not keep itself where it is. `seen`: what was looked at for this verdict, each once.
   */
  #verdict(view: View, probe: AliasProbe, seen: Set<string>): Verdict {
    const target = targetOf(view, probe);
    if (target === undefined) return critical(`Aliased node ${probe.node} is not known in this mesh`);
    const isOwn = target.id === view.self;
    if (!isOwn && !(target.reachable && target.verified)) {
      return critical(`Aliased node ${target.name} is not live or unreachable`);
    }
    const checks = probe.instance === '' ? target.checks : checksOf(view, target.id, probe.instance);
    if (checks === undefined) return critical(`Service ${probe.instance} could not be found on node ${target.name}`);
    seen.add(targetKey(target, probe));
    const states: (Verdict & { readonly name: string })[] = [];
    for (const check of checks) {
      const alias = isOwn ? this.#checks.get(check.id)?.probe : undefined;
      const beyond = alias && targetOf(view, alias);
      if (alias !== undefined && beyond !== undefined && seen.has(targetKey(beyond, alias))) continue;
      // What stands for a node that is not known yet is as it was left.
      const { status, output } = alias !== undefined && beyond !== undefined ? this.#verdict(view, alias, seen) : check;
      states.push({ name: check.name, status, output });
    }
    const worst = states.find(({ status }) => status === 'critical') ?? states.find(({ status }) => status === 'warning');
    if (worst === undefined)
      return { status: 'passing', output: states.length === 0 ? 'No checks found.' : 'All checks passing.' };
    return { status: worst.status, output: `Aliased check "${worst.name}" failing: ${worst.output}` };
  }
}

function targetKey({ id }: MemberView, { instance }: AliasProbe): string {
  return `${id}/${instance}`;
}

function targetOf(view: View, { node }: AliasProbe): MemberView | undefined {
  return node === '' ? view.member(view.self) : (view.memberByName(node) ?? view.member(nodeId(node)));
}

/** The checks of an instance and of its node. */
function checksOf(view: View, owner: NodeId, instance: string): readonly CheckView[] | undefined {
  return view.instancesOf(owner).find((each) => each.instance.id === instance)?.checks;
}
