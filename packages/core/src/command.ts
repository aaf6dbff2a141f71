/** Local writes. Each is answered as soon as the local step is done. */

import type { CheckStatus, Instance } from './catalog/record.ts';
import type { MeshErrorCode } from './errors.ts';
import type { CheckDefinition } from './health/registration.ts';
import type { CheckId, InstanceId, NodeId } from './identity.ts';

export type Command =
  /** Add seeds: addresses to dial, again and again, until each was joined once. */
  | { readonly type: 'join'; readonly addresses: readonly string[] }
  /** Announce that this node leaves. The event `left` says when it is done. */
  | { readonly type: 'leave' }
  /** Treat a failed member as left: it is removed at once and its tombstone kept. */
  | { readonly type: 'force-leave'; readonly node: NodeId }
  /** Change this node's own labels. */
  | { readonly type: 'set-tags'; readonly tags: Readonly<Record<string, string>> }
  /**
   * Register an instance with its checks. Registering the same id again replaces the instance; its checks of
   * the same definition keep their state. `replaceChecks`: checks of this instance not named here are removed, but for
   * those that only their writer updates (maintenance). `source`: the service file that says so.
   */
  | {
      readonly type: 'register';
      readonly instance: Instance;
      readonly checks: readonly CheckDefinition[];
      readonly replaceChecks: boolean;
      readonly source?: string;
    }
  | { readonly type: 'deregister'; readonly id: InstanceId }
  | { readonly type: 'register-check'; readonly definition: CheckDefinition; readonly source?: string }
  | { readonly type: 'deregister-check'; readonly id: CheckId }
  /** A result from a runner: goes through the check's thresholds. Unknown ids are ignored (the check was just removed). */
  | { readonly type: 'check-result'; readonly id: CheckId; readonly status: CheckStatus; readonly output: string }
  /** A TTL update by a client: takes effect at once. */
  | { readonly type: 'update-ttl'; readonly id: CheckId; readonly status: CheckStatus; readonly output: string }
  | { readonly type: 'apply-config'; readonly kind: string; readonly name: string; readonly value: unknown }
  | { readonly type: 'delete-config'; readonly kind: string; readonly name: string };

export type CommandResult =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: MeshErrorCode; readonly message: string };
