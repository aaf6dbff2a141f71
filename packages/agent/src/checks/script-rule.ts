/** Who may have programs run as checks: nobody, service files on this host, or clients of the API too. */

import type { CheckDefinition } from '@skein/core';
import type { AgentConfig } from '../config.ts';

type ScriptSettings = Pick<AgentConfig, 'enableScriptChecks' | 'enableLocalScriptChecks'>;

/**
 * Why a check is not run, in Consul's words, or undefined when it is. `source`: the service file it comes from, undefined
 * for a client's. Asked when it is defined, and again of those of earlier boots.
 */
export function scriptRefusal(
  settings: ScriptSettings,
  { probe }: CheckDefinition,
  source: string | undefined,
): string | undefined {
  if (probe.type !== 'script' || settings.enableScriptChecks) return undefined;
  if (source === undefined) {
    return "Scripts are disabled on this agent from remote calls; to enable, configure 'enable_script_checks' to true (here: --enable-script-checks)";
  }
  if (settings.enableLocalScriptChecks) return undefined;
  return "Scripts are disabled on this agent; to enable, configure 'enable_script_checks' or 'enable_local_script_checks' to true (here: --enable-local-script-checks)";
}
