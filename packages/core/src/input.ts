/** What goes into a node: everything that can happen to it. */

import type { Command } from './command.ts';
import type { NodeId } from './identity.ts';
import type { Message } from './message.ts';

/** Why a dial did not give a link. */
export type DialFailure =
  /** Nobody listens there, or the connection was reset during the handshake. */
  | 'refused'
  /** No answer in time, or our own host could not ask: it has no network, or no socket left. */
  | 'timeout'
  /** The address does not parse or its name does not resolve. */
  | 'unresolvable'
  /** The other side refused our hello, or we refused its: see `detail` for the named reason. */
  | 'rejected'
  /** The address is our own. */
  | 'self'
  /** Somebody else answers there: the address was reused. */
  | 'wrong-peer';

export type DialOutcome =
  | { readonly ok: true; readonly id: NodeId }
  | { readonly ok: false; readonly reason: DialFailure; readonly detail: string };

export type Input =
  /** A message from an admitted peer, decoded and within limits. */
  | { readonly type: 'message'; readonly from: NodeId; readonly message: Message }
  /** A deadline passed: `nextDeadline()` is not after now. */
  | { readonly type: 'tick' }
  /** A local write. `MeshNode.dispatch` is the same with its result. */
  | { readonly type: 'command'; readonly command: Command }
  /**
   * A hint about a link, never proof of life. `linked`: admitted, with the boot epoch and the wall clock (milliseconds since
   * 1970) that its hello stated, where it stated one. `lost`: its connection closed. `congested`: its write buffer is full, gossip to it is being dropped.
   * `writable`: it takes data again.
   */
  | { readonly type: 'peer'; readonly id: NodeId; readonly state: 'linked'; readonly epoch: number; readonly wallMs?: number }
  | { readonly type: 'peer'; readonly id: NodeId; readonly state: 'lost' | 'congested' | 'writable' }
  /** How a `connect` effect ended. An outcome `ok` follows the `peer linked` input of the same link. */
  | { readonly type: 'dialed'; readonly dial: number; readonly outcome: DialOutcome }
  /** Sent by the driver about once a second: how late its event loop was at worst, and the wall clock (for config versions only). */
  | { readonly type: 'clock'; readonly lagMs: number; readonly wallMs: number };
