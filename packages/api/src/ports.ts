/** What the HTTP API needs besides the mesh itself. The agent implements these. */

import type { CancelSignal, MeshEvent, NodeId } from '@skein/core';

/** A user event, as Consul's `event/list` shows it. */
export interface UserEvent {
  /** A UUID, the same on every agent. Its halves, xored, are the index, as Consul's clients in Go expect. */
  readonly id: string;
  readonly name: string;
  readonly payload: Uint8Array;
  readonly nodeFilter: string;
  readonly serviceFilter: string;
  readonly tagFilter: string;
  /** Grows with each event that this agent saw; above 1. */
  readonly index: number;
}

export interface EventsPort {
  /** Sends an event to every node, this one included. Rejects with an error of code `invalid-event` when it breaks a rule. */
  fire(event: {
    readonly name: string;
    readonly payload: Uint8Array;
    readonly nodeFilter: string;
    readonly serviceFilter: string;
    readonly tagFilter: string;
  }): Promise<UserEvent>;
  /** The last 256, oldest first. */
  list(): readonly UserEvent[];
  /** Resolves when an event came after `afterIndex`, which is 1 before the first, or `signal` aborts. */
  changed(afterIndex: number, signal: CancelSignal): Promise<void>;
}

/** Facts about the running agent. */
export interface AgentInfo {
  readonly name: string;
  readonly id: NodeId;
  readonly mesh: string;
  readonly version: string;
  readonly startedAtMs: number;
  /** Addresses in use, `host:port`, by listener: `gossip`, `http`, `proxy`, `dns`. */
  readonly listeners: Readonly<Record<string, string>>;
  readonly dataDir: string;
}

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error';

export interface AgentPort {
  info(): AgentInfo;
  /** Joined and synced, or alone by choice. The reason is for people. */
  ready(): { readonly ready: boolean; readonly reason: string };
  /**
   * Resolves once this agent knows again what the mesh knows, or has tried for long enough since its start; undefined from
   * then on. Until then reads of the mesh wait, since in their answers everything beyond this host would be missing.
   */
  caughtUp(): Promise<void> | undefined;
  /** Milliseconds since anything was heard from any peer; 0 when alone by choice. */
  lastContactMs(): number;
  /** Resolves once all writes so far survive a crash of this host. Rejects with an error of code `storage-failed`. */
  durable(): Promise<void>;
  /** Leave the mesh and stop. Resolves when the announcement was made; the process ends after. */
  leave(): Promise<void>;
  /** Reads the settings again and applies what can change while running. Rejects with an error of code `reload-failed`. */
  reload(): Promise<void>;
  /** Prometheus text. */
  metrics(): Promise<string>;
  /**
   * Calls `take` with each line that is logged from now on at `level` or above: JSON with `time`, `level` and `msg`, without
   * its end. Returns how to listen no more.
   */
  followLog(level: LogLevel, take: (line: string) => void): () => void;
  /**
   * Calls `take` with each event of the node from now on, and when it came, in milliseconds since 1970. It must not throw.
   * Returns how to listen no more.
   */
  followMesh(take: (event: MeshEvent, timeMs: number) => void): () => void;
}
