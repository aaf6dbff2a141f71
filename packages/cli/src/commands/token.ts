/** `skein token create`: the secret that admits agents to a mesh. */

import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import type { Io } from '../io.ts';
import { examplesText, print } from './api-command.ts';

/** 256 bits: nobody guesses it, so no rate limit has to protect it. */
const tokenBytes = 32;

export function createToken(): string {
  return randomBytes(tokenBytes).toString('base64url');
}

export function addTokenCommands(program: Command, io: Io): void {
  const token = program.command('token').description('join tokens: the secret that all agents of a mesh share');
  token
    .command('create')
    .description('make a new join token')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examplesText(['(umask 077; skein token create > mesh.token)', 'skein agent --token-file mesh.token --join 10.0.0.7:7946']),
    )
    .action((options: { readonly json?: boolean }) => {
      const created = createToken();
      print(io, options, { token: created }, () => `${created}\n`);
    });
}
