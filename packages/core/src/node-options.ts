/** What a node is made of: who it is, its settings, its ports, and what earlier boots left behind. */

import type { NodeBase } from './base.ts';
import type { SeenVersion } from './config/config-history.ts';
import type { ConfigValidator, SignedConfig } from './config/entry.ts';
import type { KnownPeer } from './effect.ts';
import type { Registration } from './health/registration.ts';
import type { MeshConfig } from './mesh-config.ts';
import type { Rng } from './rng.ts';
import type { Notary } from './signed.ts';

export interface NodeOptions {
  readonly config: MeshConfig;
  readonly mesh: string;
  readonly name: string;
  /** `host:port` where others reach this node's transport. */
  readonly addresses: readonly string[];
  readonly region: string;
  readonly zone: string;
  readonly tags: Readonly<Record<string, string>>;
  /** The boot counter, already raised and made durable for this boot. */
  readonly epoch: number;
  readonly notary: Notary;
  readonly rng: Rng;
  readonly validateConfig: ConfigValidator;
  /** What was persisted by earlier boots. */
  readonly registrations: readonly Registration[];
  readonly configEntries: readonly SignedConfig[];
  /** Default: none. */
  readonly configHistory?: readonly SeenVersion[];
  readonly peers: readonly KnownPeer[];
  /** Wall clock at construction, in ms since 1970: makes view indexes grow across restarts, and config versions. */
  readonly wallMs: number;
  /** What this node knows already, of a settled mesh that it is a member of. Default: nothing but itself. */
  readonly base?: NodeBase;
}
