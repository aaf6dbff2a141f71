/** What the agent sees of the network: inputs for its node come out, messages and dials go in. */

import type { Input, Lane, Message, NodeId, Notary } from '@skein/core';

/** An application event on its way through the mesh (GossipSub). At most `eventLimits.bytes` encoded. */
export interface MeshMessage {
  /** Unique: origin node id plus a counter of its boot. */
  readonly id: string;
  readonly origin: NodeId;
  /** Orders events of all origins: later than every event that its origin had seen. 0 from one that does not say. */
  readonly stamp: number;
  readonly name: string;
  readonly payload: Uint8Array;
  readonly nodeFilter: string;
  readonly serviceFilter: string;
  readonly tagFilter: string;
}

export interface TransportHandler {
  /**
   * One input for the node, in the order things happened, and never from within a call of `send`, `connect` or
   * `disconnect`. A link that is replaced (a fresh dial of either side, a newer boot of the peer) gives `linked` again,
   * without a `lost` in between; every other link gives one `linked` and, unless the transport stops first, one `lost`.
   */
  input(input: Input): void;
  /** An application event from another node. */
  message(message: MeshMessage): void;
  /** A connection, hello or frame that was refused, by a stable reason such as `wrong-token`. For log and metrics. */
  refused(refusal: {
    readonly reason: string;
    readonly peer: NodeId | undefined;
    readonly address: string;
    readonly detail: string;
  }): void;
}

export interface TransportStats {
  readonly links: number;
  readonly framesIn: number;
  readonly framesOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly unknownMessages: number;
  readonly refusals: Readonly<Record<string, number>>;
}

export interface Transport {
  readonly id: NodeId;
  readonly notary: Notary;
  /** Starts to listen. Throws a `TransportError` (code `port-in-use`, `bad-address`, ...) when it cannot. */
  start(handler: TransportHandler): Promise<void>;
  /** `host:port` pairs it listens on, with the ports that the system chose. */
  listening(): readonly string[];
  /** Performs a `send` effect. Never throws, never blocks; dropped when there is no link to `to`. */
  send(to: NodeId, message: Message, lane: Lane): void;
  /** Performs a `connect` effect; always answered by a `dialed` input. */
  connect(dial: {
    readonly dial: number;
    readonly to: NodeId | undefined;
    readonly addresses: readonly string[];
    readonly fresh: boolean;
    readonly timeoutMs: number;
  }): void;
  /** Performs a `disconnect` effect. */
  disconnect(to: NodeId, reason: string): void;
  /** Sends an application event to every node of the mesh. Resolves once it was handed to the links. */
  publish(message: Omit<MeshMessage, 'id' | 'origin'>): Promise<MeshMessage>;
  stats(): TransportStats;
  /** Closes everything, flushing what was sent for at most a second. Idempotent. */
  stop(): Promise<void>;
}
