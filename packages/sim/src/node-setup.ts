/** What a node of a world is made of: its settings, with everything decided, and the logic that it runs. */

import type { MeshConfig, MeshNode, NodeId, NodeOptions } from '@skein/core';

/** The part of `MeshNode` that a driver uses. A test may put something else in its place. */
export type NodeLogic = Pick<MeshNode, 'self' | 'start' | 'step' | 'dispatch' | 'nextDeadline' | 'epoch' | 'view'>;

export interface NodeSetup {
  readonly index: number;
  readonly id: NodeId;
  readonly name: string;
  readonly mesh: string;
  readonly addresses: readonly string[];
  readonly region: string;
  readonly zone: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly config: MeshConfig;
  readonly validateConfig: NodeOptions['validateConfig'];
  /** Addresses that every boot joins. */
  readonly seeds: readonly string[];
}
