/** `skein event` and `events`: small messages to every agent of the mesh. */

import type { Command } from 'commander';
import { pathPart } from '../agent-api.ts';
import type { Io } from '../io.ts';
import { objectsIn, textAt } from '../json-value.ts';
import { plain, short, table } from '../table.ts';
import { showListing, withWatch } from '../watch/watch-list.ts';
import type { WatchOptions } from '../watch/watch-list.ts';
import { apiFor, print, withApiOptions } from './api-command.ts';
import type { ApiOptions } from './api-command.ts';

interface EventRow {
  readonly name: string;
  readonly id: string;
  /** As text; bytes that are none are replaced. */
  readonly payload: string;
  /** Which agents it was for: regular expressions, empty for all. */
  readonly node: string;
  readonly service: string;
  readonly tag: string;
}

interface EventFlags extends ApiOptions {
  readonly node?: string;
  readonly service?: string;
  readonly tag?: string;
}

const payloadLength = 60;

export function addEventCommands(program: Command, io: Io): void {
  withApiOptions(
    program
      .command('event')
      .description('send an event to every agent of the mesh')
      .argument('<event>', 'name of the event')
      .argument('[payload]', 'text that goes with it; - is standard input')
      .option('--node <regex>', 'only for agents whose node name matches')
      .option('--service <regex>', 'only for agents that have a service whose name matches')
      .option('--tag <regex>', 'only those with a tag that matches on that service; needs --service'),
    ['skein event deploy v42', 'skein event reload --service "^orders$" --tag canary'],
  ).action(async (name: string, payload: string | undefined, flags: EventFlags) => {
    const data = payload === '-' ? await io.readBytes('-') : (payload ?? '');
    const query = new URLSearchParams();
    for (const key of ['node', 'service', 'tag'] as const) if (flags[key] !== undefined) query.set(key, flags[key]);
    const filters = query.size === 0 ? '' : `?${query.toString()}`;
    const fired = await apiFor(io, flags).putRaw(`/v1/event/fire/${pathPart(name)}${filters}`, data);
    print(io, flags, toEvent(fired), () => `sent ${plain(name)}, id ${plain(textAt(fired, 'ID'))}\n`);
  });

  withApiOptions(
    withWatch(
      program
        .command('events')
        .description('the latest events that this agent saw, newest last')
        .argument('[event]', 'only those with this name'),
    ),
    ['skein events', 'skein events deploy --watch', "skein events --json | jq -r '.[-1].payload'"],
  ).action((name: string | undefined, options: WatchOptions) =>
    showListing(io, options, {
      title: `skein events ${plain(name ?? '')}`.trim(),
      paths: [`/v1/event/list${name === undefined ? '' : `?${new URLSearchParams({ name }).toString()}`}`],
      rows: ([body]) => objectsIn(body).map(toEvent),
      table: (events, paint) => {
        if (events.length === 0) return 'this agent saw no such event yet; send one: skein event NAME\n';
        return table(
          ['NAME', 'PAYLOAD', 'NODE', 'SERVICE', 'TAG', 'ID'],
          events.map((event) => [
            event.name,
            short(plain(event.payload), payloadLength),
            event.node,
            event.service,
            event.tag,
            event.id,
          ]),
          paint,
        );
      },
    }),
  );
}

function toEvent(value: unknown): EventRow {
  return {
    name: textAt(value, 'Name'),
    id: textAt(value, 'ID'),
    payload: Buffer.from(textAt(value, 'Payload'), 'base64').toString('utf8'),
    node: textAt(value, 'NodeFilter'),
    service: textAt(value, 'ServiceFilter'),
    tag: textAt(value, 'TagFilter'),
  };
}
