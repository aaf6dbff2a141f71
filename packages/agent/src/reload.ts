/** What a reload of the settings can change while the agent runs, and what waits for a restart. */

import type { AgentConfig } from './config.ts';

export interface ReloadReport {
  /** Settings that are now in force. */
  readonly applied: readonly string[];
  /** Settings that changed but wait for a restart. */
  readonly needRestart: readonly string[];
}

const whileRunning: ReadonlySet<keyof AgentConfig> = new Set<keyof AgentConfig>(['tags', 'join', 'logLevel']);

/** The names of the settings that differ. Never their values: one of them is the token. */
export function diffSettings(before: AgentConfig, after: AgentConfig): ReloadReport {
  const names = Object.keys(after) as (keyof AgentConfig)[];
  const changed = names.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  return {
    applied: changed.filter((name) => whileRunning.has(name)),
    needRestart: changed.filter((name) => !whileRunning.has(name)),
  };
}

/** The settings were not read again; those before stay. */
export class ReloadFailed extends Error {
  override readonly name: string = 'ReloadFailed';
  readonly code = 'reload-failed';

  constructor(reason: string) {
    super(`Settings were not reloaded, those before stay: ${reason}`);
  }
}
