/** `skein completion`: Tab in a shell completes commands, options and what the agent knows. */

import { Argument } from 'commander';
import type { Command } from 'commander';
import { candidatesFor } from '../completion/candidates.ts';
import type { Candidates } from '../completion/candidates.ts';
import { completionScripts, shells } from '../completion/scripts.ts';
import type { Shell } from '../completion/scripts.ts';
import { typedWords } from '../completion/typed-line.ts';
import { completionValues } from '../completion/values.ts';
import type { Io } from '../io.ts';
import { plain } from '../table.ts';
import { examplesText } from './api-command.ts';

const completionHelp = `
The script completes commands, options and their values, files, and names that the agent knows (of services, nodes,
instances, keys), asked at --http-addr or SKEIN_HTTP_ADDR as any command does. An agent that does not answer at once is
left out. The script calls "skein", which therefore has to be on the PATH.`;

export function addCompletionCommands(program: Command, io: Io): void {
  program
    .command('completion')
    .description('print the script that teaches a shell to complete skein')
    .addArgument(new Argument('<shell>', 'bash, zsh or fish').choices(shells))
    .addHelpText('after', completionHelp)
    .addHelpText(
      'after',
      examplesText([
        'source <(skein completion bash)',
        'skein completion bash > ~/.local/share/bash-completion/completions/skein',
        'skein completion zsh > "${fpath[1]}/_skein"',
        'skein completion fish > ~/.config/fish/completions/skein.fish',
      ]),
    )
    .action((shell: Shell) => io.out(completionScripts[shell]));

  program
    .command('complete', { hidden: true })
    .argument('<shell>', 'who asks')
    .argument('<words...>', 'after --: what follows "skein"; of bash the line up to the cursor')
    .action(async (shell: string, words: readonly string[]) => {
      const typed = shell === 'bash' ? typedWords(words[0] ?? '').slice(1) : words;
      io.out(candidateLines(await candidatesFor(program, typed, completionValues(io))));
    });
}

function candidateLines({ values, hasFiles }: Candidates): string {
  const lines = values.map(({ value, description }) => `${value}\t${plain(description)}\n`);
  return `${lines.join('')}${hasFiles ? ':files\n' : ''}`;
}
