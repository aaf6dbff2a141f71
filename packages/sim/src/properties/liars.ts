/** Who lies, or did, and whom they made up: what they say may well never have been. */

import type { NodeId } from '@skein/core';
import { isMadeUp } from '../adversary.ts';
import type { FaultSpan } from '../fault-schedule.ts';
import type { Scene, SceneNode } from '../property.ts';

export class Liars {
  readonly #scene: Scene;
  readonly #liars = new Set<NodeId>();

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  note({ fault }: FaultSpan): void {
    const liar = fault.type === 'lie' ? this.#scene.nodes[fault.node] : undefined;
    if (liar !== undefined) this.#add(liar);
  }

  /** A lie is the machine's: whoever boots there tells it too. */
  booted(node: SceneNode): void {
    const isLie = ({ fault, endMs }: FaultSpan): boolean =>
      fault.type === 'lie' && fault.node === node.index && endMs === undefined;
    if (this.#scene.faults.some(isLie)) this.#add(node);
  }

  has(id: NodeId): boolean {
    return this.#liars.has(id);
  }

  madeUp(id: NodeId): boolean {
    for (const liar of this.#liars) if (isMadeUp(id, liar)) return true;
    return false;
  }

  /** Whether one that is lying now made this member up. */
  speakOf(id: NodeId): boolean {
    return this.#scene.faults.some(({ fault, endMs }) => {
      const liar = fault.type === 'lie' && endMs === undefined ? this.#scene.nodes[fault.node] : undefined;
      return liar !== undefined && isMadeUp(id, liar.id);
    });
  }

  #add({ id }: SceneNode): void {
    this.#liars.add(id);
  }
}
