/** `skein kv`: the key-value store that all agents share. */

import type { Command } from 'commander';
import { pathPart } from '../agent-api.ts';
import type { AgentApi } from '../agent-api.ts';
import { CliFailure, reasonOf, usageFailure } from '../failure.ts';
import type { Io } from '../io.ts';
import { numberAt, objectsIn, textAt } from '../json-value.ts';
import { plain } from '../table.ts';
import { apiFor, print, withApiOptions } from './api-command.ts';
import type { ApiOptions } from './api-command.ts';

export function addKvCommands(program: Command, io: Io): void {
  const kv = program.command('kv').description('keys and values that all agents share');

  withApiOptions(kv.command('get').description('print the value of a key, byte for byte').argument('<key>'), [
    'skein kv get limits/orders',
    'skein kv get limits/orders --json | jq .modifyIndex',
  ]).action(async (key: string, options: ApiOptions) => {
    const [entry] = objectsIn(await existing(key, apiFor(io, options).get(keyPath(key))));
    const value = Buffer.from(textAt(entry, 'Value'), 'base64');
    if (options.json === true) print(io, options, toRow(entry), () => '');
    else io.out(io.outIsTerminal && !value.toString('utf8').endsWith('\n') ? Buffer.concat([value, Buffer.from('\n')]) : value);
  });

  withApiOptions(
    kv
      .command('put')
      .description('set a key')
      .argument('<key>')
      .argument('<value>', 'text; @PATH takes the content of a file, - standard input')
      .option(
        '--cas <index>',
        'only if the key was last changed at this index (0: only if there is none), as this agent sees it',
      ),
    ['skein kv put limits/orders 100', 'skein kv put tls/ca.pem @ca.pem', 'skein kv put limits/orders 200 --cas 0'],
  ).action(async (key: string, value: string, options: ApiOptions & { readonly cas?: string }) => {
    const { cas } = options;
    if (cas !== undefined && !/^\d{1,16}$/.test(cas))
      throw usageFailure(`--cas "${cas}" is not an index`, 'see: skein kv get KEY --json');
    const bytes = await valueBytes(io, value);
    const done = await apiFor(io, options).putRaw(`${keyPath(key)}${cas === undefined ? '' : `?cas=${cas}`}`, bytes);
    if (done === false) {
      throw new CliFailure(`the key "${plain(key)}" is not as it was at index ${cas}: nothing was changed`, {
        hint: [`see what it is now: skein kv get ${key} --json`],
      });
    }
    print(io, options, { put: key, bytes: bytes.length }, () => `put ${plain(key)}, ${bytes.length} bytes\n`);
  });

  withApiOptions(
    kv.command('delete').description('delete a key').argument('<key>').option('--recurse', 'every key that begins with it'),
    ['skein kv delete limits/orders', 'skein kv delete limits/ --recurse'],
  ).action(async (key: string, options: ApiOptions & { readonly recurse?: boolean }) => {
    await apiFor(io, options).delete(`${keyPath(key)}${options.recurse === true ? '?recurse' : ''}`);
    print(io, options, { deleted: key }, () => `deleted ${plain(key)}${options.recurse === true ? ' and all below' : ''}\n`);
  });

  withApiOptions(kv.command('list').description('list keys').argument('[key]', 'only those that begin with it'), [
    'skein kv list',
    'skein kv list limits/',
  ]).action(async (prefix: string | undefined, options: ApiOptions) => {
    const keys = await listKeys(apiFor(io, options), prefix ?? '');
    print(io, options, keys, () => keys.map((key) => `${plain(key)}\n`).join(''));
  });
}

/** No key is an empty list. With `separator`, keys that share what is before it count as one. */
export async function listKeys(api: Pick<AgentApi, 'get'>, prefix: string, separator = ''): Promise<readonly string[]> {
  const query = separator === '' ? '' : `&separator=${encodeURIComponent(separator)}`;
  const answer = await api.get(`${keyPath(prefix)}?keys${query}`).catch((error: unknown) => {
    if (isNoKey(error)) return [];
    throw error;
  });
  return Array.isArray(answer) ? answer.filter((key) => typeof key === 'string') : [];
}

/** An answer of 404 without a text; with one, the agent says what it does not have. */
function isNoKey(error: unknown): boolean {
  return error instanceof CliFailure && error.refusal?.status === 404 && error.refusal.text === '';
}

async function existing(key: string, answer: Promise<unknown>): Promise<unknown> {
  return answer.catch((error: unknown) => {
    if (!isNoKey(error)) throw error;
    throw new CliFailure(`there is no key "${plain(key)}"`, { hint: ['list the keys: skein kv list'] });
  });
}

function toRow(entry: unknown): Record<string, unknown> {
  const value = Buffer.from(textAt(entry, 'Value'), 'base64');
  return {
    key: textAt(entry, 'Key'),
    value: value.toString('utf8'),
    valueBase64: value.toString('base64'),
    flags: numberAt(entry, 'Flags'),
    createIndex: numberAt(entry, 'CreateIndex'),
    modifyIndex: numberAt(entry, 'ModifyIndex'),
  };
}

function keyPath(key: string): string {
  return `/v1/kv/${pathPart(key)}`;
}

async function valueBytes(io: Io, value: string): Promise<Uint8Array<ArrayBuffer>> {
  if (value !== '-' && !value.startsWith('@')) return Uint8Array.from(Buffer.from(value));
  const path = value === '-' ? '-' : value.slice(1);
  return io.readBytes(path).catch((error: unknown) => {
    throw usageFailure(
      `cannot read ${path === '-' ? 'standard input' : path}: ${reasonOf(error)}`,
      '@PATH, or - for standard input',
    );
  });
}
