/**
 * Which boots do not know what their node claimed before: only they may begin below it. An epoch is durable when the call
 * that writes it returns, so neither a crash nor a power loss alone costs one.
 */

import type { MemberView, NodeId } from '@skein/core';
import type { FaultSpan } from '../fault-schedule.ts';
import type { Scene, SceneNode } from '../property.ts';

export class LostClaims {
  readonly #scene: Scene;
  /** Whose next boot knows less. */
  readonly #lost = new Set<NodeId>();
  /** Whose disk takes nothing now. */
  readonly #full = new Set<NodeId>();
  readonly #boots = new Map<NodeId, number>();

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  note({ fault, endMs }: FaultSpan): void {
    const node = 'node' in fault ? this.#scene.nodes[fault.node] : undefined;
    if (node === undefined) return;
    const isEnd = fault.type === 'crash' || fault.type === 'power-off';
    if (isEnd && (fault.keep === 'rollback' || fault.keep === 'nothing')) this.#lost.add(node.id);
    if (fault.type !== 'full-disk') return;
    if (endMs === undefined) this.#full.add(node.id);
    else this.#full.delete(node.id);
  }

  /** A node shows another row of its own. True when it is of a boot that does not know what those before it claimed. */
  begins(node: SceneNode, before: MemberView | undefined, after: MemberView): boolean {
    const { id, boot } = node;
    const isNext = this.#boots.get(id) !== boot;
    this.#boots.set(id, boot);
    if (isNext) return this.#lost.delete(id);
    // A disk that refused the epoch to which the node rose has the old one.
    if (this.#full.has(id) && before !== undefined && after.record.epoch > before.record.epoch) this.#lost.add(id);
    return false;
  }
}
