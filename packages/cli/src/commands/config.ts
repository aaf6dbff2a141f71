/** `skein config`: entries that the whole mesh shares, such as routes. */

import type { Command } from 'commander';
import { pathPart } from '../agent-api.ts';
import type { AgentApi } from '../agent-api.ts';
import { outPaint } from '../colour.ts';
import { readDocuments } from '../documents.ts';
import type { FileDocument } from '../documents.ts';
import { exitCodes, usageFailure } from '../failure.ts';
import type { Io } from '../io.ts';
import { isObject, objectsIn, textAt } from '../json-value.ts';
import type { JsonObject } from '../json-value.ts';
import { plain, table } from '../table.ts';
import { apiFor, print, withApiOptions } from './api-command.ts';
import type { ApiOptions } from './api-command.ts';
import { changeText } from './config-change.ts';
import { addConfigHistory } from './config-history.ts';
import { addConfigStatus, statusText, waitUntilApplied } from './config-status.ts';

const documentHelp = `
FILE is YAML or JSON, - is standard input, and may hold several documents (--- between them, or a list). A document
has "kind" and "name"; every other key belongs to the value of the entry. A route takes the fields that the spec of
Gateway API's HTTPRoute has:

  kind: route
  name: orders
  rules:
    - matches: [{ path: { type: PathPrefix, value: /order } }]
      backendRefs: [{ name: orders }]

What "config get" prints is such a document.`;

interface Entry {
  readonly kind: string;
  readonly name: string;
  readonly value: JsonObject;
}

export function addConfigCommands(program: Command, io: Io, setExitCode: (code: number) => void): void {
  const config = program.command('config').description('what the whole mesh shares: routes');
  addApply(config, io, setExitCode);

  withApiOptions(config.command('get').description('print one entry').argument('<kind>').argument('<name>'), [
    'skein config get route orders > orders.yaml',
  ]).action(async (kind: string, name: string, options: ApiOptions) => {
    const entry = await apiFor(io, options).get(entryPath(kind, name));
    const { stringify } = await import('../yaml.ts');
    print(io, options, entry, () => stringify({ kind, name, ...valueOf(entry) }));
  });

  withApiOptions(config.command('list').description('list entries').argument('[kind]', 'only those of one kind'), [
    'skein config list',
    'skein config list route --json',
  ]).action(async (kind: string | undefined, options: ApiOptions) => {
    const entries = await listEntries(apiFor(io, options), kind);
    print(io, options, entries, () => entriesTable(entries, io));
  });

  withApiOptions(
    config.command('conflicts').description('list entries that were written at the same time, or have a version that is refused'),
    ['skein config conflicts'],
  ).action(async (options: ApiOptions) => {
    const entries = objectsIn(await apiFor(io, options).get('/v1/mesh/config?conflicts'));
    print(io, options, entries, () => (entries.length === 0 ? 'there are no conflicts\n' : entriesTable(entries, io)));
  });

  addDiff(config, io);
  addConfigStatus(config, io, setExitCode);
  addConfigHistory(config, io);

  withApiOptions(config.command('delete').description('delete one entry').argument('<kind>').argument('<name>'), [
    'skein config delete route orders',
  ]).action(async (kind: string, name: string, options: ApiOptions) => {
    await apiFor(io, options).delete(entryPath(kind, name));
    print(io, options, { deleted: { kind, name } }, () => `deleted ${plain(kind)}/${plain(name)}\n`);
  });
}

interface ApplyOptions extends ApiOptions {
  readonly wait?: number;
}

function addApply(config: Command, io: Io, setExitCode: (code: number) => void): void {
  withApiOptions(
    config
      .command('apply')
      .description('create or change the entries in a file')
      .argument('<file>')
      .option('--wait <duration>', 'wait for so long (90s, 5m) until all nodes apply them; exit status 1 if they do not', waitMs),
    [
      'skein config apply routes.yaml',
      'skein config apply routes.yaml --wait 30s',
      'skein config get route orders | sed s/orders/billing/ | skein config apply -',
    ],
  )
    .addHelpText('after', documentHelp)
    .action(async (path: string, options: ApplyOptions) => {
      const entries = await readEntries(io, path);
      const api = apiFor(io, options);
      for (const { at, value } of entries) await api.put(at, value);
      const applied = entries.map(({ kind, name }) => ({ kind, name }));
      const lines = applied.map(({ kind, name }) => `applied ${plain(kind)}/${plain(name)}\n`).join('');
      if (options.wait === undefined) return print(io, options, { applied }, () => lines);
      if (options.json !== true) io.out(lines);
      const { isComplete, status } = await waitUntilApplied(io, api, options.wait);
      const text = (): string =>
        status === undefined ? 'no answer in that time about what the nodes apply\n' : statusText(status, io, outPaint(io));
      print(io, options, { applied, status: status ?? null }, text);
      if (!isComplete) setExitCode(exitCodes.failure);
    });
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const waitMsMax = 86_400_000;

function waitMs(text: string): number {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
  const ms = Math.round(Number(amount) * (unitMs[unit] ?? NaN));
  if (ms > 0 && ms <= waitMsMax) return ms;
  throw usageFailure(`--wait "${text}" is no duration of up to 24 hours`, 'examples: --wait 500ms, --wait 30s, --wait 5m');
}

function addDiff(config: Command, io: Io): void {
  withApiOptions(config.command('diff').description('what "config apply" of this file would change').argument('<file>'), [
    'skein config diff routes.yaml',
    "skein config diff routes.yaml --json | jq -r '.[].change'",
  ])
    .addHelpText('after', documentHelp)
    .action(async (path: string, options: ApiOptions) => {
      const entries = await readEntries(io, path);
      const api = apiFor(io, options);
      const plans: unknown[] = [];
      for (const { at, value } of entries) plans.push(await api.put(`${at}?dry-run`, value));
      print(io, options, plans, () => objectsIn(plans).map(planText).join(''));
    });
}

const planWords: Readonly<Record<string, string>> = { create: 'is new', update: 'changes', none: 'stays as it is' };

function planText(plan: JsonObject): string {
  const change = textAt(plan, 'change');
  const lines = change === 'update' ? objectsIn(plan['changes']).map(changeText) : [];
  return `${plain(textAt(plan, 'kind'))}/${plain(textAt(plan, 'name'))} ${planWords[change] ?? plain(change)}\n${lines.join('')}`;
}

/** The entries of a file, all of them looked at before any is sent. */
async function readEntries(io: Io, path: string): Promise<readonly (Entry & { readonly at: string })[]> {
  const entries = (await readDocuments(io, path)).map(toEntry);
  return entries.map((entry) => ({ ...entry, at: entryPath(entry.kind, entry.name) }));
}

function toEntry({ where, value }: FileDocument): Entry {
  const { kind, name, ...rest } = value;
  for (const [key, part] of [
    ['kind', kind],
    ['name', name],
  ] as const) {
    if (typeof part !== 'string' || part === '') {
      throw usageFailure(`${where} has no "${key}"`, 'see the example in: skein config apply --help');
    }
  }
  return { kind: textAt(value, 'kind'), name: textAt(value, 'name'), value: rest };
}

async function listEntries(api: AgentApi, kind: string | undefined): Promise<readonly JsonObject[]> {
  return objectsIn(await api.get(`/v1/mesh/config${kind === undefined ? '' : `/${pathPart(kind)}`}`));
}

function entriesTable(entries: readonly JsonObject[], io: Io): string {
  if (entries.length === 0) return 'there are no entries; make one: skein config apply FILE\n';
  return table(
    ['KIND', 'NAME', 'NOTE'],
    entries.map((entry) => [textAt(entry, 'kind'), textAt(entry, 'name'), noteOf(entry)]),
    outPaint(io),
  );
}

/** What a person should know about an entry: it is not the newest, somebody else wrote at the same time, or another one wins. */
function noteOf(entry: JsonObject): string {
  const conflicts = objectsIn(entry['conflicts']).length;
  const winners = new Set(objectsIn(entry['shadowed']).map((match) => textAt(match, 'by')));
  const notes = [
    ...(isObject(entry['quarantined']) ? [`newer version refused: ${textAt(entry['quarantined'], 'reason')}`] : []),
    ...(conflicts > 0 ? [`${conflicts} concurrent ${conflicts === 1 ? 'version' : 'versions'}`] : []),
    ...[...winners].map((name) => `has a match of route/${name} too, which goes first`),
  ];
  return notes.join('; ');
}

function entryPath(kind: string, name: string): string {
  return `/v1/mesh/config/${pathPart(kind)}/${pathPart(name)}`;
}

function valueOf(entry: unknown): JsonObject {
  const value = isObject(entry) ? entry['value'] : undefined;
  return isObject(value) ? value : {};
}
