/** What comes out of a node. The driver performs effects in order and never answers them but by inputs. */

import type { SeenVersion } from './config/config-history.ts';
import type { ConfigVersion, SignedConfig } from './config/entry.ts';
import type { MeshEvent } from './event.ts';
import type { Registration } from './health/registration.ts';
import type { NodeId } from './identity.ts';
import type { Lane, Message } from './message.ts';

/** An address book entry: enough to find a mesh again after everybody restarted. */
export interface KnownPeer {
  readonly id: NodeId;
  readonly name: string;
  readonly addresses: readonly string[];
}

export type Persist =
  /** Must be durable before any later effect is performed: an epoch is never used twice. */
  | { readonly type: 'epoch'; readonly epoch: number }
  | { readonly type: 'registration'; readonly registration: Registration }
  | { readonly type: 'registration-removed'; readonly key: string }
  | { readonly type: 'config'; readonly entry: SignedConfig }
  | { readonly type: 'config-removed'; readonly version: ConfigVersion }
  /** A version that was replaced, to be shown by a later boot. */
  | { readonly type: 'config-history'; readonly seen: SeenVersion }
  | { readonly type: 'config-history-removed'; readonly version: ConfigVersion }
  | { readonly type: 'peers'; readonly peers: readonly KnownPeer[] };

export type Effect =
  | { readonly type: 'send'; readonly to: NodeId; readonly message: Message; readonly lane: Lane }
  /**
   * Dial until one address answers and its hello was accepted, then answer with a `dialed` input, always.
   * `to` undefined: whoever answers there (a seed). `fresh`: do not reuse an existing link, replace it.
   */
  | {
      readonly type: 'connect';
      readonly dial: number;
      readonly to: NodeId | undefined;
      readonly addresses: readonly string[];
      readonly fresh: boolean;
      readonly timeoutMs: number;
    }
  | { readonly type: 'disconnect'; readonly to: NodeId; readonly reason: string }
  | { readonly type: 'emit'; readonly event: MeshEvent }
  | { readonly type: 'persist'; readonly persist: Persist };
