/** `skein config status`: whether all nodes apply what the agent applies. */

import type { Command } from 'commander';
import { notAnAgent } from '../agent-api.ts';
import type { AgentApi, Indexed } from '../agent-api.ts';
import type { Paint } from '../colour.ts';
import { exitCodes } from '../failure.ts';
import type { Io } from '../io.ts';
import { isObject, numberAt, objectsIn, textAt } from '../json-value.ts';
import type { JsonObject } from '../json-value.ts';
import { plain, table } from '../table.ts';
import { TimeLimit } from '../time-limit.ts';
import { showListing, withWatch } from '../watch/watch-list.ts';
import type { WatchOptions } from '../watch/watch-list.ts';
import { withApiOptions } from './api-command.ts';

const statusPath = '/v1/mesh/config/status';

const help = `
Each node tells the others what it applies, some seconds after it changed (in a mesh of thousands, minutes). STATE:
  different    it told that it applies something else
  unknown      it did not tell: it has just started, or its version does not tell
  unreachable  it failed or cannot be reached; DIGEST is what it told last
Exit status: 0 when all nodes apply the same and this agent refuses nothing, 1 when not. A node that is gone for good
counts until it is told to leave: skein force-leave NODE`;

export function addConfigStatus(config: Command, io: Io, setExitCode: (code: number) => void): void {
  withApiOptions(
    withWatch(config.command('status').description('whether all nodes apply what this agent applies, and which do not')),
    [
      'skein config status',
      'skein config status --watch',
      "skein config status --json | jq -r '.nodes[] | [.name, .state] | @tsv'",
    ],
  )
    .addHelpText('after', help)
    .action(async (options: WatchOptions) => {
      let isComplete = true;
      await showListing(io, options, {
        title: 'skein config status',
        paths: [statusPath],
        isAgents: ([body]) => isStatus(body),
        rows: (bodies) => {
          const statuses = bodies.filter(isStatus);
          isComplete = statuses.every(isApplied);
          return statuses;
        },
        json: ([status]) => status,
        table: ([status], paint) => statusText(status ?? {}, io, paint),
      });
      if (options.watch !== true && !isComplete) setExitCode(exitCodes.failure);
    });
}

/** An agent counts itself at least. */
function isStatus(body: unknown): body is JsonObject {
  return isObject(body) && numberAt(body, 'of') > 0;
}

function isApplied(status: JsonObject): boolean {
  const of = numberAt(status, 'of');
  return numberAt(status, 'applied') === of && objectsIn(status['refused']).length === 0;
}

/** Before asking again for what did not change: an agent that does not wait must not be asked without a pause. */
const unchangedPauseMs = 250;

/**
 * Waits until all nodes apply what the agent applies, for `waitMs` at most, or until Ctrl-C. Gives the last status,
 * undefined when there was no answer in that time, and whether they do.
 */
export async function waitUntilApplied(
  io: Io,
  api: AgentApi,
  waitMs: number,
): Promise<{ readonly isComplete: boolean; readonly status: JsonObject | undefined }> {
  const interrupted = new AbortController();
  const forget = io.onInterrupt(() => interrupted.abort());
  const until = io.wallMs() + waitMs;
  let status: JsonObject | undefined;
  let index: string | undefined;
  try {
    for (let leftMs = waitMs; leftMs > 0 && !interrupted.signal.aborted; leftMs = until - io.wallMs()) {
      const limit = new TimeLimit(leftMs, interrupted.signal);
      const { signal } = limit;
      const ask = (): Promise<Indexed> => api.getAfter(statusPath, index, signal);
      const answer = await limit.hold(ask).catch((error: unknown) => {
        if (signal.aborted) return undefined;
        throw error;
      });
      if (answer === undefined) break;
      if (!isStatus(answer.body)) throw notAnAgent(api.base, `answered GET ${statusPath} with something else than an agent`);
      status = answer.body;
      if (isApplied(status)) break;
      if (answer.index === index) await io.sleep(Math.min(unchangedPauseMs, leftMs), interrupted.signal);
      index = answer.index;
    }
  } finally {
    forget();
  }
  return { isComplete: status !== undefined && isApplied(status), status };
}

export function statusText(status: JsonObject, io: Pick<Io, 'wallMs'>, paint: Paint): string {
  const nodes = objectsIn(status['nodes']);
  const [applied, of] = [numberAt(status, 'applied'), numberAt(status, 'of')];
  const counts = paint(applied === of ? 'green' : 'yellow', `${applied} of ${of} ${of === 1 ? 'node' : 'nodes'}`);
  const head = `${counts}: ${contentText(status)}\n`;
  return head + nodesText(nodes, of - applied, paint) + refusedText(status, paint) + hintText(status, nodes, io);
}

function contentText(status: JsonObject): string {
  const entries = numberAt(status, 'entries');
  if (entries === 0) return 'no entry is in force';
  return `${entries} ${entries === 1 ? 'entry' : 'entries'} in force, digest ${plain(textAt(status, 'digest'))}`;
}

function nodesText(nodes: readonly JsonObject[], others: number, paint: Paint): string {
  if (nodes.length === 0) return '';
  const rows = nodes.map((node) => [
    textAt(node, 'name'),
    { text: textAt(node, 'state'), colour: textAt(node, 'state') === 'unknown' ? 'yellow' : 'red' } as const,
    textAt(node, 'status'),
    textAt(node, 'digest'),
    textAt(node, 'id').slice(-8),
  ]);
  const left = others - nodes.length;
  return table(['NODE', 'STATE', 'STATUS', 'DIGEST', 'ID'], rows, paint) + (left > 0 ? `and ${left} more\n` : '');
}

function refusedText(status: JsonObject, paint: Paint): string {
  return objectsIn(status['refused'])
    .map((entry) => {
      const name = `${plain(textAt(entry, 'kind'))}/${plain(textAt(entry, 'name'))}`;
      const author = plain(textAt(entry, 'authorName')) || textAt(entry, 'author').slice(-8);
      return `${paint('red', 'refused here')}: ${name}, written by ${author}: ${plain(textAt(entry, 'reason'))}\n`;
    })
    .join('');
}

/** What to make of nodes that differ: they are about to tell, or it is this agent that is behind. */
function hintText(status: JsonObject, nodes: readonly JsonObject[], io: Pick<Io, 'wallMs'>): string {
  const different = numberAt(status, 'different');
  if (different === 0) return '';
  const ageMs = io.wallMs() - numberAt(status, 'changedAtMs');
  const withinMs = numberAt(status, 'toldWithinMs');
  if (ageMs >= 0 && ageMs < withinMs)
    return `changed ${seconds(ageMs)} s ago; nodes tell what they apply within about ${seconds(withinMs)} s\n`;
  const byDigest = new Map<string, number>();
  for (const node of nodes)
    if (textAt(node, 'state') === 'different')
      byDigest.set(textAt(node, 'digest'), (byDigest.get(textAt(node, 'digest')) ?? 0) + 1);
  const [digest = '', count = 0] = [...byDigest].sort((a, b) => b[1] - a[1])[0] ?? [];
  if (count <= numberAt(status, 'applied')) return '';
  return `more nodes (${count}) apply ${plain(digest)}: this agent is behind, or they refuse what it applies; ask one of them\n`;
}

function seconds(ms: number): string {
  return String(Math.max(1, Math.round(ms / 1000)));
}
