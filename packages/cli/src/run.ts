/** The `skein` command as a function: arguments in, exit code out. */

import { Command, CommanderError } from 'commander';
import { addAgentCommand } from './commands/agent.ts';
import { addCompletionCommands } from './commands/completion.ts';
import { addConfigCommands } from './commands/config.ts';
import { addDemoCommands } from './commands/demo.ts';
import { addEventCommands } from './commands/event.ts';
import { addKvCommands } from './commands/kv.ts';
import { addListCommands } from './commands/lists.ts';
import { addMaintCommands } from './commands/maint.ts';
import { addMeshCommands } from './commands/mesh.ts';
import { addMonitorCommand } from './commands/monitor.ts';
import { addResolveCommand } from './commands/resolve.ts';
import { addServiceCommands } from './commands/service.ts';
import { addSimCommand } from './commands/sim.ts';
import { addTokenCommands } from './commands/token.ts';
import { errPaint } from './colour.ts';
import { CliFailure, exitCodes } from './failure.ts';
import type { Io } from './io.ts';
import { harmless } from './table.ts';
import { version } from './version.ts';

/**
 * Carries out one command line (without node and script) and resolves with the exit code: 0 done, 1 failed,
 * 2 wrong usage. Rejects only for a bug in this program.
 */
export async function run(args: readonly string[], io: Io): Promise<number> {
  let exitCode: number = exitCodes.ok;
  const program = programFor(io, (code) => (exitCode = code));
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    if (!(error instanceof CliFailure)) throw error;
    io.err(failureText(error, io));
    return error.exitCode;
  }
}

function programFor(io: Io, setExitCode: (code: number) => void): Command {
  const program = new Command('skein')
    .description('A service mesh with no center.')
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .showHelpAfterError('(--help shows what it takes)')
    .configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.err(text), getOutHelpWidth: () => io.columns() })
    .exitOverride()
    // Options belong to the command before them: those of "maint" and of "maint on" have the same names.
    .enablePositionalOptions()
    .addHelpText('after', '\nStart here:\n  skein demo\n  skein agent --dev');
  addAgentCommand(program, setExitCode);
  addDemoCommands(program, io, setExitCode);
  addListCommands(program, io);
  addResolveCommand(program, io);
  addServiceCommands(program, io);
  addMaintCommands(program, io);
  addMeshCommands(program, io);
  addEventCommands(program, io);
  addMonitorCommand(program, io);
  addConfigCommands(program, io, setExitCode);
  addKvCommands(program, io);
  addTokenCommands(program, io);
  addSimCommand(program, io, setExitCode);
  addCompletionCommands(program, io);
  return program;
}

function failureText(failure: CliFailure, io: Io): string {
  const paint = errPaint(io);
  const hint = failure.hint.map((line) => `  ${harmless(line)}\n`).join('');
  return `${paint('red', 'skein:')} ${harmless(failure.message)}\n${hint}`;
}
