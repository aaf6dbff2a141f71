/** What a client registered on this node: the part that stays here (definitions), from which records are made. */

import type { CheckStatus, Instance } from '../catalog/record.ts';
import type { CheckId, InstanceId } from '../identity.ts';

/** How a probe speaks TLS. */
export interface ProbeTls {
  /** The name to ask for and to expect in the certificate. Empty: the host of the probe's address. */
  readonly serverName: string;
  /** Take any certificate. */
  readonly skipVerify: boolean;
}

/** How a check gets its result. Runners for all but `ttl` and `none` live in the agent. Addresses are `host:port`. */
export type CheckProbe =
  | {
      readonly type: 'http';
      readonly url: string;
      readonly method: string;
      readonly headers: Readonly<Record<string, readonly string[]>>;
      readonly body: string;
      readonly followRedirects: boolean;
      readonly skipTlsVerify: boolean;
      /** As in `ProbeTls`; absent where it is empty. */
      readonly tlsServerName?: string;
    }
  /** Without `tls` a connection is all that is asked for. */
  | { readonly type: 'tcp'; readonly address: string; readonly tls?: ProbeTls }
  | { readonly type: 'udp'; readonly address: string }
  /** The gRPC health checking protocol; an empty `service` asks for the whole process. Without `tls` in the clear. */
  | { readonly type: 'grpc'; readonly address: string; readonly service: string; readonly tls?: ProbeTls }
  /** An HTTP/2 PING. Without `tls` in the clear, with prior knowledge. */
  | { readonly type: 'h2ping'; readonly address: string; readonly tls?: ProbeTls }
  /** A program and its arguments; its exit code is the result. */
  | { readonly type: 'script'; readonly args: readonly string[] }
  /**
   * As healthy as an instance (by id) with its node, or, where `instance` is empty, as a node alone. `node` is a name or
   * an id; empty for this node.
   */
  | { readonly type: 'alias'; readonly node: string; readonly instance: string }
  /** Its writer must update it within `ttlMs`, or it turns critical. */
  | { readonly type: 'ttl'; readonly ttlMs: number }
  /** Only ever updated by hand, such as maintenance mode. */
  | { readonly type: 'none' };

export interface CheckDefinition {
  readonly id: CheckId;
  readonly name: string;
  readonly notes: string;
  readonly instanceId: InstanceId | undefined;
  readonly probe: CheckProbe;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Consecutive results needed before a status is believed. 0 and 1 mean at once. */
  readonly successBeforePassing: number;
  readonly failuresBeforeWarning: number;
  readonly failuresBeforeCritical: number;
  /** Deregister the instance once it was critical this long; 0 never. */
  readonly deregisterCriticalAfterMs: number;
  /** The status to start with. */
  readonly initialStatus: CheckStatus;
  /** How much of what a probe or client says is kept, in UTF-16 units. Absent: `limits.outputLength`, which is also the most. */
  readonly outputLengthMax?: number;
}

export interface CheckState {
  readonly status: CheckStatus;
  readonly output: string;
}

/**
 * One local registration, as persisted: an instance or a check, each under its record key. `source` is the service file
 * that defines it; absent for what a client registered.
 */
export type Registration =
  | { readonly type: 'instance'; readonly instance: Instance; readonly source?: string }
  | {
      readonly type: 'check';
      readonly definition: CheckDefinition;
      readonly state: CheckState;
      readonly source?: string;
    };

/** `i/<instance id>` or `c/<check id>`, as in the catalog. */
export function registrationKey(registration: Registration): string {
  return registration.type === 'instance' ? `i/${registration.instance.id}` : `c/${registration.definition.id}`;
}
