/** What the mesh benchmark needs of an agent, so that the same measurements run on Skein and on others. */

import type { Process } from './process.ts';

export interface Agent {
  readonly name: string;
  readonly process: Process;
  /** When it could be reached by others, in ms since 1970. Rejects when it ends before. */
  readonly listening: Promise<number>;
  /** When it said that it is ready. */
  readonly ready: Promise<number>;
}

/**
 * One kind of mesh. Times are ms since 1970, at which a client outside the agent could know. A wait may begin before or
 * after its cause, and answers at once when what it waits for is already so.
 */
export interface Contender {
  readonly name: string;
  /** What stands for a change, for people. */
  readonly changeIs: string;
  launch(name: string, seed: Agent | undefined): Agent;
  /** Makes requests be routed to the agent, where the mesh routes at all. */
  serve(agent: Agent): Promise<void>;
  /** When `observer` first listed `subject` as a member. */
  joined(observer: Agent, subject: string): Promise<number>;
  /** When `observer` began to route to `subject`. */
  routed(observer: Agent, subject: string): Promise<number>;
  /** When `observer` stopped routing to `subject`. */
  evicted(observer: Agent, subject: string): Promise<number>;
  /** Publishes one small change at `agent`; resolves with the time at which the agent got it, at the earliest. */
  change(agent: Agent, id: string): Promise<number>;
  /** Takes it back, so that changes do not pile up. */
  unchange(agent: Agent): Promise<void>;
  /** When `observer` showed that change. */
  changed(observer: Agent, id: string): Promise<number>;
  /** Names of members that somebody came to suspect, with the time. */
  suspicions(): readonly Suspicion[];
  /** Forgets an agent that has ended. */
  forget(agent: Agent): void;
  /** Ends everything that was launched. */
  close(): Promise<void>;
}

export interface Suspicion {
  readonly subject: string;
  readonly atMs: number;
  /** By whom, as its log has it. */
  readonly told: string;
}
