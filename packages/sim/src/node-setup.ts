/** What a node of a world is made of: its settings, with everything decided, the logic that it runs, and what it has around it. */

import type { MeshConfig, MeshEvent, MeshNode, NodeId, NodeOptions, Registration } from '@skein/core';
import type { Network, Timeline } from './network.ts';
import type { KeyRing } from './notary.ts';
import type { Randomness } from './randomness.ts';
import type { Storage } from './storage.ts';
import type { Trace } from './trace.ts';
import type { Witness } from './world.ts';

/** The part of `MeshNode` that a driver uses. A test may put something else in its place. */
export type NodeLogic = Pick<MeshNode, 'self' | 'start' | 'step' | 'dispatch' | 'nextDeadline' | 'epoch' | 'view'> &
  Partial<Pick<MeshNode, 'linkQueues'>>;

export interface NodeSetup {
  readonly index: number;
  readonly id: NodeId;
  readonly name: string;
  readonly mesh: string;
  readonly addresses: readonly string[];
  readonly dialOutOnly: boolean;
  readonly region: string;
  readonly zone: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly config: MeshConfig;
  readonly validateConfig: NodeOptions['validateConfig'];
  /** Addresses that every boot joins. */
  readonly seeds: readonly string[];
  /** What its disk holds before the first boot. */
  readonly registrations: readonly Registration[];
}

/** What is different at each boot. */
type Boot = Pick<NodeOptions, 'addresses' | 'epoch' | 'notary' | 'rng' | 'wallMs'>;

/** What a node of this setup, with this disk, is given when it boots. */
export function nodeOptions(setup: NodeSetup, disk: Storage, boot: Boot): NodeOptions {
  const { mesh, name, config, region, zone, tags, validateConfig } = setup;
  const labels = { mesh, name, region, zone, tags };
  const registrations = disk.registrations();
  const entries = { configEntries: disk.configEntries(), configHistory: disk.configHistory() };
  return { ...labels, config, validateConfig, registrations, ...entries, peers: disk.peers(), ...boot };
}

export interface RestartOptions {
  /** Instead of the usual ones, for this boot. */
  readonly seeds?: readonly string[];
  readonly replace?: boolean;
  readonly addresses?: readonly string[];
}

/** What a node needs from its world. */
export interface Surroundings<Node> extends Timeline {
  readonly randomness: Randomness;
  readonly network: Network;
  readonly trace: Trace;
  readonly keys: KeyRing;
  /** Makes the node of one boot. */
  create(options: NodeOptions, now: number): NodeLogic;
  readonly witness?: Witness;
  /** An event of a node, or a fault: whoever waits for a state of the world may look again. */
  changed(node: Node, event: MeshEvent | undefined): void;
}
