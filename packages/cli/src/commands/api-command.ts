/** What all commands that talk to a running agent have in common. */

import type { Command } from 'commander';
import { agentApi } from '../agent-api.ts';
import type { AgentApi } from '../agent-api.ts';
import type { Io } from '../io.ts';

export interface ApiOptions {
  readonly json?: boolean;
  readonly httpAddr?: string;
}

/** Adds `--json`, `--http-addr` and the examples to a command. */
export function withApiOptions(command: Command, examples: readonly string[]): Command {
  return command
    .option('--json', 'print JSON')
    .option('--http-addr <host:port>', "the agent's HTTP address (env SKEIN_HTTP_ADDR, default 127.0.0.1:8500)")
    .addHelpText('after', examplesText(examples));
}

export function examplesText(examples: readonly string[]): string {
  return `\nExamples:\n${examples.map((example) => `  ${example}`).join('\n')}`;
}

export function apiFor(io: Io, options: ApiOptions): AgentApi {
  return agentApi(io, options.httpAddr);
}

/** Prints the JSON value, or what `text` makes for people. */
export function print(io: Io, options: ApiOptions, value: unknown, text: () => string): void {
  io.out(options.json === true ? `${JSON.stringify(value, undefined, 2)}\n` : text());
}
