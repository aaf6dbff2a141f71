/** One running node: storage, identity, transport, node, API and proxy, started in order and stopped in reverse. */

import type { AgentInfo } from '@skein/api';
import type { MeshPort } from '@skein/core';
import type { AgentConfig } from './config.ts';
import { AgentError } from './errors.ts';

export interface AgentHooks {
  /** Log lines go here instead of standard output. */
  readonly logTo?: { write(line: string): void };
  /** Things to say in the log at start, such as the notes of `loadConfig`. */
  readonly notes?: readonly string[];
}

/** What a reload did. */
export interface ReloadReport {
  /** Settings that are now in force. */
  readonly applied: readonly string[];
  /** Settings that changed but wait for a restart. */
  readonly needRestart: readonly string[];
}

export interface Agent {
  readonly info: AgentInfo;
  readonly port: MeshPort;
  /** Takes over what can change while running: tags, seeds, log level. */
  reload(config: AgentConfig): ReloadReport;
  /** Stops, after saying goodbye to the mesh when `leave`. Idempotent; a call without `leave` cuts a leave short. */
  stop(options: { readonly leave: boolean }): Promise<void>;
  /** Resolves once everything has stopped, whoever asked for it (a signal, `stop`, or the API's leave). */
  readonly stopped: Promise<void>;
}

/** Starts a node and resolves once its listeners are open. Throws `AgentError`, leaving nothing running. */
export async function startAgent(config: AgentConfig, hooks: AgentHooks = {}): Promise<Agent> {
  void hooks;
  throw new AgentError('data-dir-unusable', `${config.name}: under construction`);
}
