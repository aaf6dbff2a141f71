/** What may follow on a command line that is being typed: found in the commands themselves, values asked elsewhere. */

import type { Argument, Command, Option } from 'commander';

export interface Candidate {
  readonly value: string;
  /** One line for people; may be empty. */
  readonly description: string;
}

export interface Candidates {
  readonly values: readonly Candidate[];
  /** Whether names of files fit too. */
  readonly hasFiles: boolean;
}

/** What is known where a value is wanted. */
export interface ValuePlace {
  /** The command, without the program's name: `config get`. */
  readonly command: string;
  /** What help calls the value: `service` of `<service>`, `host:port` of `--http <host:port>`. */
  readonly placeholder: string;
  /** The arguments before it. */
  readonly before: readonly string[];
  /** What is typed of it so far. */
  readonly typed: string;
  /** The value of `--http-addr`, where it was given. */
  readonly httpAddr: string | undefined;
}

export type ValuesFor = (place: ValuePlace) => Promise<Candidates>;

/** `words`: what follows the program's name; the last one is the word under the cursor. */
export async function candidatesFor(program: Command, words: readonly string[], valuesFor: ValuesFor): Promise<Candidates> {
  const typed = words.at(-1) ?? '';
  const line = readLine(program, words.slice(0, -1));
  const { command, operands, httpAddr, hasOnlyOperands } = line;
  const path = pathOf(command);
  const ask = (placeholder: string, part: string): Promise<Candidates> =>
    valuesFor({ command: path, placeholder, before: operands, typed: part, httpAddr });

  if (line.open !== undefined) return fitting(await optionValues(line.open, typed, ask), typed);
  const assigned = hasOnlyOperands ? null : /^(--[^=]+)=(.*)$/s.exec(typed);
  if (assigned !== null) {
    const [, name = '', part = ''] = assigned;
    const option = command.options.find((known) => known.long === name);
    const { values, hasFiles } = option === undefined ? nothing : await optionValues(option, part, ask);
    return fitting({ values: values.map((each) => ({ ...each, value: `${name}=${each.value}` })), hasFiles }, typed);
  }
  if (typed.startsWith('-') && !hasOnlyOperands) return fitting({ values: optionNames(command), hasFiles: false }, typed);
  const subcommands = operands.length === 0 ? subcommandNames(command) : [];
  const argument = argumentAt(command, operands.length);
  const { values, hasFiles } = argument === undefined ? nothing : await argumentValues(argument, typed, ask);
  return fitting({ values: [...subcommands, ...values], hasFiles }, typed);
}

const nothing: Candidates = { values: [], hasFiles: false };

interface Line {
  readonly command: Command;
  readonly operands: readonly string[];
  /** The option whose value comes next. */
  readonly open: Option | undefined;
  readonly httpAddr: string | undefined;
  /** After `--`. */
  readonly hasOnlyOperands: boolean;
}

function readLine(program: Command, words: readonly string[]): Line {
  let command = program;
  let open: Option | undefined;
  let httpAddr: string | undefined;
  let hasOnlyOperands = false;
  const operands: string[] = [];
  for (const word of words) {
    if (open !== undefined) {
      if (open.long === '--http-addr') httpAddr = word;
      open = undefined;
    } else if (word === '--' && !hasOnlyOperands) hasOnlyOperands = true;
    else if (word.startsWith('-') && !hasOnlyOperands) {
      const [name, ...value] = word.split('=');
      const option = command.options.find(({ long, short }) => long === name || short === name);
      if (option?.long === '--http-addr' && value.length > 0) httpAddr = value.join('=');
      if (option?.required === true && value.length === 0) open = option;
    } else {
      const sub = operands.length === 0 ? command.commands.find((each) => each.name() === word) : undefined;
      if (sub === undefined) operands.push(word);
      else command = sub;
    }
  }
  return { command, operands, open, httpAddr, hasOnlyOperands };
}

function pathOf(command: Command): string {
  const names: string[] = [];
  for (let at: Command | null = command; at?.parent; at = at.parent) names.unshift(at.name());
  return names.join(' ');
}

function subcommandNames(command: Command): readonly Candidate[] {
  const help = command.createHelp();
  return help
    .visibleCommands(command)
    .filter((each) => each.name() !== 'help')
    .map((each) => ({ value: each.name(), description: help.subcommandDescription(each) }));
}

function optionNames(command: Command): readonly Candidate[] {
  const help = command.createHelp();
  return help
    .visibleOptions(command)
    .map((option) => ({ value: option.long ?? option.short ?? '', description: option.description }));
}

/** The last argument may repeat. */
function argumentAt(command: Command, index: number): Argument | undefined {
  const all = command.registeredArguments;
  const last = all.at(-1);
  return all[index] ?? (last?.variadic === true ? last : undefined);
}

type Ask = (placeholder: string, typed: string) => Promise<Candidates>;

async function optionValues(option: Option, typed: string, ask: Ask): Promise<Candidates> {
  if (option.argChoices !== undefined) return choices(option.argChoices);
  return ask(/[<[]([^>\]]*?)(?:\.\.\.)?[>\]]/.exec(option.flags)?.[1] ?? '', typed);
}

async function argumentValues(argument: Argument, typed: string, ask: Ask): Promise<Candidates> {
  return argument.argChoices === undefined ? ask(argument.name(), typed) : choices(argument.argChoices);
}

function choices(values: readonly string[]): Candidates {
  return { values: values.map((value) => ({ value, description: '' })), hasFiles: false };
}

function fitting({ values, hasFiles }: Candidates, typed: string): Candidates {
  return { values: values.filter(({ value }) => value.startsWith(typed)), hasFiles };
}
