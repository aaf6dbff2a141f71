/** What a client registered on this node: the part that stays here (definitions), from which records are made. */

import type { CheckStatus, Instance } from '../catalog/record.ts';
import type { CheckId, InstanceId } from '../identity.ts';

/** How a check gets its result. Runners for all but `ttl` and `none` live in the agent. */
export type CheckProbe =
  | {
      readonly type: 'http';
      readonly url: string;
      readonly method: string;
      readonly headers: Readonly<Record<string, readonly string[]>>;
      readonly body: string;
      readonly followRedirects: boolean;
      readonly skipTlsVerify: boolean;
    }
  | { readonly type: 'tcp'; readonly address: string }
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
}

export interface CheckState {
  readonly status: CheckStatus;
  readonly output: string;
}

/** One local registration, as persisted: an instance or a check, each under its record key. */
export type Registration =
  | { readonly type: 'instance'; readonly instance: Instance }
  | { readonly type: 'check'; readonly definition: CheckDefinition; readonly state: CheckState };

/** `i/<instance id>` or `c/<check id>`, as in the catalog. */
export function registrationKey(registration: Registration): string {
  return registration.type === 'instance' ? `i/${registration.instance.id}` : `c/${registration.definition.id}`;
}
