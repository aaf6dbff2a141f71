/** Catalog records. Each has one writer, its owner; everybody else relays it unchanged. */

import type { CheckId, InstanceId, NodeId } from '../identity.ts';

export type CheckStatus = 'passing' | 'warning' | 'critical';

export interface Weights {
  readonly passing: number;
  readonly warning: number;
}

export interface TaggedAddress {
  readonly address: string;
  readonly port: number;
}

/** One registered instance of a service. */
export interface Instance {
  readonly id: InstanceId;
  readonly service: string;
  /** Where it listens. Empty: the owner node's own address. */
  readonly address: string;
  readonly port: number;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  readonly weights: Weights;
  readonly taggedAddresses: Readonly<Record<string, TaggedAddress>>;
  readonly enableTagOverride: boolean;
  /** Application protocol: `http`, `http2`, `grpc` or `tcp`. Empty: not said. */
  readonly protocol: string;
  /** Empty: the owner's region and zone. */
  readonly region: string;
  readonly zone: string;
  /** Consul's `Kind`: empty for a plain service. */
  readonly kind: string;
  readonly socketPath: string;
}

/** The gossiped summary of a check. Its definition stays with its owner. */
export interface Check {
  readonly id: CheckId;
  readonly name: string;
  /** `http`, `tcp`, `ttl`, ... or empty for a check that only its writer updates. */
  readonly type: string;
  readonly status: CheckStatus;
  readonly notes: string;
  /** As of the last change of status: output alone is not gossiped (it would wake every watcher). */
  readonly output: string;
  /** The instance it belongs to; undefined for a check of the whole node. */
  readonly instanceId: InstanceId | undefined;
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

export type RecordValue =
  | { readonly type: 'instance'; readonly instance: Instance }
  | { readonly type: 'check'; readonly check: Check };

export interface CatalogRecord {
  /** The owner's catalog version at which this record was last written. */
  readonly version: number;
  readonly value: RecordValue;
}

/** The key of a record within its owner: `i/<instance id>` or `c/<check id>`. */
export function recordKey(value: RecordValue): string {
  return value.type === 'instance' ? `i/${value.instance.id}` : `c/${value.check.id}`;
}

/** Signed by the owner: what its whole catalog is at one version. Proves deltas and snapshots alike. */
export interface CatalogHead {
  readonly mesh: string;
  readonly owner: NodeId;
  readonly epoch: number;
  /** Monotonic within an epoch, starting at 1. */
  readonly version: number;
  /** How many records there are. */
  readonly count: number;
  /** The notary's digest over the records' hashes, in key order. */
  readonly digest: string;
  /**
   * Which config its owner applies: a digest, `none`, or empty where the owner does not tell. A new version may be about
   * nothing else, and is one like any other to nodes that do not know this field.
   */
  readonly appliedConfig: string;
}
