/** Whether clients of the API may have programs run. Off unless an operator says so: the API asks nobody who he is. */

import type { CheckDefinition } from '@skein/core';
import { badRequest } from './refusal.ts';

/** Throws, in Consul's words, where a check is a script and scripts from clients are not allowed. */
export function refuseScripts(checks: readonly CheckDefinition[], isAllowed: boolean): void {
  if (isAllowed || !checks.some(({ probe }) => probe.type === 'script')) return;
  throw badRequest(
    "Invalid check: Scripts are disabled on this agent from remote calls; to enable, configure 'enable_script_checks' to true (here: --enable-script-checks, or enableScriptChecks in a config file)",
  );
}
