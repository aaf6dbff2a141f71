/** A list shown once, or with `--watch` again on each change until Ctrl-C. */

import type { Command } from 'commander';
import { notAnAgent } from '../agent-api.ts';
import type { AgentApi } from '../agent-api.ts';
import { outPaint } from '../colour.ts';
import type { Paint } from '../colour.ts';
import { apiFor, print } from '../commands/api-command.ts';
import type { ApiOptions } from '../commands/api-command.ts';
import type { CliFailure } from '../failure.ts';
import type { Io } from '../io.ts';
import { isObjectList } from '../json-value.ts';
import { changes } from './changes.ts';
import { plain } from '../table.ts';
import { liveScreen, plainScreen } from './screen.ts';
import type { WatchScreen } from './screen.ts';

export interface WatchOptions extends ApiOptions {
  readonly watch?: boolean;
}

/** A list of an agent. */
export interface Listing<Row> {
  /** What is watched, for the title on a terminal: the command line without options. */
  readonly title: string;
  /** Whatever changes the rows moves the index of one of these. */
  readonly paths: readonly string[];
  /** Whether these can be the bodies that an agent has at `paths`. Default: lists with objects, or empty ones. */
  isAgents?(bodies: readonly unknown[]): boolean;
  /** The rows, from the bodies of `paths`; what they do not hold is asked. */
  rows(bodies: readonly unknown[], api: AgentApi): readonly Row[] | Promise<readonly Row[]>;
  table(rows: readonly Row[], paint: Paint): string;
  /** What JSON has of it. Default: the rows. */
  json?(rows: readonly Row[]): unknown;
  /** Without `--watch`, a list without rows fails with this. Default: it is shown as `table` shows it. */
  none?(api: AgentApi): CliFailure;
}

export function withWatch(command: Command): Command {
  return command.option('--watch', 'show it again on each change, until Ctrl-C (with --json one document a line)');
}

export async function showListing<Row>(io: Io, options: WatchOptions, listing: Listing<Row>): Promise<void> {
  const api = apiFor(io, options);
  if (options.watch === true) return watchListing(io, options, listing);
  const bodies = await Promise.all(listing.paths.map((path) => api.get(path)));
  const rows = await rowsOf(listing, bodies, api);
  const none = rows.length === 0 ? listing.none?.(api) : undefined;
  if (none !== undefined) throw none;
  print(io, options, jsonOf(listing, rows), () => listing.table(rows, outPaint(io)));
}

/** Rejects where something else than an agent answered: that would look like an empty mesh. */
async function rowsOf<Row>(listing: Listing<Row>, bodies: readonly unknown[], api: AgentApi): Promise<readonly Row[]> {
  if (!(listing.isAgents?.(bodies) ?? bodies.every(isObjectList)))
    throw notAnAgent(api.base, `answered GET ${listing.paths.join(' and ')} with something else than an agent`);
  return listing.rows(bodies, api);
}

function jsonOf<Row>(listing: Listing<Row>, rows: readonly Row[]): unknown {
  return listing.json === undefined ? rows : listing.json(rows);
}

async function watchListing<Row>(io: Io, options: WatchOptions, listing: Listing<Row>): Promise<void> {
  const api = apiFor(io, options);
  const interrupted = new AbortController();
  const forget = io.onInterrupt(() => interrupted.abort());
  const screen = screenFor(io, options, listing.title);
  let shown: string | undefined;
  try {
    for await (const rows of changes({
      io,
      api,
      paths: listing.paths,
      read: (bodies) => rowsOf(listing, bodies, api),
      signal: interrupted.signal,
      lost: (failure, retryMs) => screen.lost(`skein: ${plain(failure.message)}; trying again in ${retryMs / 1000} s`),
      found: () => screen.found(`skein: the agent at ${api.base} answers again`),
    })) {
      const json = JSON.stringify(jsonOf(listing, rows));
      if (json === shown || interrupted.signal.aborted) continue;
      shown = json;
      screen.show(options.json === true ? `${json}\n` : listing.table(rows, outPaint(io)));
    }
  } finally {
    screen.close();
    forget();
  }
}

function screenFor(io: Io, options: WatchOptions, title: string): WatchScreen {
  if (options.json === true) return plainScreen(io, () => '');
  const paint = outPaint(io);
  if (io.outIsTerminal && io.env['TERM'] !== 'dumb') return liveScreen(io, title, paint);
  return plainScreen(io, (time) => `${paint('dim', time)}\n`);
}
