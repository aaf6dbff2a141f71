/** `skein config history`: the versions of one entry, as one agent saw them. */

import type { Command } from 'commander';
import { pathPart } from '../agent-api.ts';
import { outPaint } from '../colour.ts';
import type { Paint } from '../colour.ts';
import type { Io } from '../io.ts';
import { isTrueAt, numberAt, objectAt, objectsIn, textAt } from '../json-value.ts';
import type { JsonObject } from '../json-value.ts';
import { plain, short, table } from '../table.ts';
import type { Cell } from '../table.ts';
import { apiFor, print, withApiOptions } from './api-command.ts';
import type { ApiOptions } from './api-command.ts';
import { changeText } from './config-change.ts';

interface HistoryOptions extends ApiOptions {
  readonly diff?: boolean;
}

const help = `
An agent shows the versions that it has, and the last 10 that it had before; another agent may have seen others. STATE is
how a version stands there, or stood when it was replaced:
  current      in force (or, of a deletion, the entry is gone)
  superseded   was in force
  concurrent   lost against one that was written without knowledge of it
  quarantined  was refused by that agent`;

export function addConfigHistory(config: Command, io: Io): void {
  withApiOptions(
    config
      .command('history')
      .description('the versions of one entry, newest first, as this agent saw them')
      .argument('<kind>')
      .argument('<name>')
      .option('--diff', 'with what each version changed'),
    ['skein config history route orders', 'skein config history route orders --diff'],
  )
    .addHelpText('after', help)
    .action(async (kind: string, name: string, options: HistoryOptions) => {
      const path = `/v1/mesh/config/${pathPart(kind)}/${pathPart(name)}?history`;
      const versions = objectsIn(await apiFor(io, options).get(path));
      const paint = outPaint(io);
      print(io, options, versions, () => (options.diff === true ? diffsText(versions, paint) : historyTable(versions, paint)));
    });
}

function historyTable(versions: readonly JsonObject[], paint: Paint): string {
  return table(['WRITTEN', 'STATE', 'BY', 'VERSION', 'PARENT', 'CHANGE'], versions.map(cells), paint);
}

function diffsText(versions: readonly JsonObject[], paint: Paint): string {
  const lines = historyTable(versions, paint).split('\n');
  return versions.reduce((text, version, at) => {
    const changes = objectsIn(version['changes']).map(changeText).join('');
    return `${text}${lines[at + 1]}\n${changes}`;
  }, `${lines[0]}\n`);
}

function cells(version: JsonObject): readonly (string | Cell)[] {
  return [
    timeText(numberAt(objectAt(version, 'time'), 'ms')),
    stateCell(textAt(version, 'state')),
    textAt(version, 'authorName') || textAt(version, 'author').slice(-8),
    versionText(textAt(version, 'id')),
    versionText(textAt(version, 'parent')),
    changeNote(version),
  ];
}

function stateCell(state: string): Cell {
  if (state === 'current') return { text: state, colour: 'green' };
  return { text: state, colour: state === 'superseded' ? 'dim' : 'yellow' };
}

/** Its author's clock: the first two parts of an id, which tell it from all others of that author. */
function versionText(id: string): string {
  return id.split('.').slice(0, 2).join('.');
}

function timeText(ms: number): string {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? '' : time.toISOString();
}

const reasonLength = 60;

function changeNote(version: JsonObject): string {
  const changes = version['changes'];
  const reason = plain(textAt(version, 'reason'));
  const refused = reason === '' ? '' : `; refused: ${short(reason, reasonLength)}`;
  if (isTrueAt(version, 'deleted')) return `deleted${refused}`;
  if (textAt(version, 'parent') === '') return `created${refused}`;
  if (!Array.isArray(changes)) return `its parent is not known here${refused}`;
  const [first, ...more] = objectsIn(changes);
  // After a deletion.
  if (first !== undefined && more.length === 0 && textAt(first, 'path') === '' && !Object.hasOwn(first, 'before'))
    return `created${refused}`;
  const { length } = changes;
  return `${length === 0 ? 'nothing' : length === 1 ? '1 change' : `${length} changes`}${refused}`;
}
