/**
 * `/v1/mesh/view`: all that this agent believes about nodes, instances and config entries. As JSON a snapshot, or as
 * server-sent events a snapshot and then every change: an `EventSource` in a browser connects again by itself and goes on
 * where it was, and so does any client that brings the id of the last event it had.
 */

import type { ApiContext } from '../context.ts';
import { parseWait } from '../query.ts';
import { badRequest, Refusal } from '../refusal.ts';
import type { Answer, ApiRequest, Route } from '../route.ts';
import type { Cursor } from '../view-feed/view-feed.ts';

/** Streams at once. Each is a connection, and sends each change. */
export const streamsMax = 1024;
/** A client that takes nothing for so long, heartbeats neither, is cut off. */
const stallMs = 60_000;

export function meshViewRoutes({ feed, port, reader }: ApiContext): readonly Route[] {
  const snapshot = async (request: ApiRequest): Promise<Answer> => {
    const source = {
      key: 'view',
      index: () => feed.index(),
      changed: (afterIndex: number, signal: AbortSignal) => feed.changed(afterIndex, signal),
    };
    await reader.wait(request, source, port.view().lastIndex);
    const { index, pieces } = feed.snapshot();
    const headers = reader.headers(request, index);
    if (request.query.has('pretty')) return { headers, json: JSON.parse([...pieces].join('')) as unknown };
    return { headers: { ...headers, 'content-type': 'application/json' }, stream: inTurns(pieces) };
  };
  return [
    {
      method: 'GET',
      path: '/v1/mesh/view',
      handle: (request) => {
        if (!wantsEvents(request.accept)) return snapshot(request);
        reader.check(request);
        const cursor = cursorOf(request);
        if (feed.streams >= streamsMax) {
          throw new Refusal(
            429,
            `${streamsMax} clients stream the view already; close one, or ask for JSON with ?index and ?wait instead`,
          );
        }
        return {
          // Its connection is of no other use, and would hold the end of the agent up.
          headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store', connection: 'close' },
          stream: feed.events(cursor, request.signal),
          stallMs,
        };
      },
    },
  ];
}

function wantsEvents(accept: string): boolean {
  return accept.split(',').some((range) => /^\s*text\/event-stream\s*(?:;(?!\s*q=0(?:\.0*)?\s*$).*)?$/i.test(range));
}

/**
 * Where the client is: what it says in `Last-Event-ID`, which is the later of the two, or in `stream` and `index`. One
 * that cannot be read is like that of another life: the client gets a snapshot.
 */
function cursorOf({ lastEventId, query }: ApiRequest): Cursor | undefined {
  const id = /^([\w-]{1,64}):(\d{1,16})$/.exec(lastEventId);
  if (id !== null) return { stream: id[1]!, index: Number(id[2]) };
  if (lastEventId !== '') return undefined;
  const { index } = parseWait(query);
  const stream = query.get('stream') ?? '';
  if (index !== 0 && stream === '')
    throw badRequest('Missing ?stream: an index means something only with the stream of the snapshot that it is from');
  return index === 0 ? undefined : { stream, index };
}

/** Lets other things happen between the pieces. */
async function* inTurns(pieces: Iterable<string>): AsyncGenerator<string, void, undefined> {
  for (const piece of pieces) {
    yield piece;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
