/** What the network sees of a node: a machine that may be off, and a process on it that may be paused or gone. */

import type { Input, NodeId } from '@skein/core';

/** `paused` is SIGSTOP: the kernel still accepts and acknowledges, nothing reads. */
export type ProcessState = 'running' | 'paused' | 'stopped';

/** A machine, as the paths between machines see it. */
export interface Site {
  readonly index: number;
  readonly zone: string;
  readonly powered: boolean;
}

/** Which queue the timers of a host are in, for `Timeline.schedule`. */
export function timersOf(host: Site): number {
  return host.index * 2 + 1;
}

/** Which queue holds what arrives at a host: each connection keeps its order. */
export function socketsOf(host: Site): number {
  return host.index * 2 + 2;
}

export interface Host extends Site {
  readonly id: NodeId;
  readonly mesh: string;
  readonly addresses: readonly string[];
  /** It sits behind a gateway that lets nobody in: whoever dials it hears nothing. */
  readonly dialOutOnly: boolean;
  readonly process: ProcessState;
  /** Counts the processes that ran here. A connection belongs to one and does not outlive it. */
  readonly boot: number;
  /** The boot epoch that the process states in a hello. */
  readonly epoch: number;
  /** The wall clock that it states there, milliseconds since 1970. */
  readonly wallMs: number;
  /** Nothing is sent or received, though timers run. */
  readonly blocked: boolean;
  /** World time at which its process would have handled what arrives now. */
  readonly readyUs: number;
  /** Hands an input to the process, which may be paused. `taken` is called once it was read. Dropped when no process runs. */
  receive(input: Input, taken?: () => void): void;
}
