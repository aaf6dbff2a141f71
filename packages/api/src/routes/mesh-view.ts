/**
 * `/v1/mesh/view`: all that this agent believes about nodes, instances and config entries. As JSON a snapshot, or as
 * server-sent events a snapshot and then every change: an `EventSource` in a browser connects again by itself and goes on
 * where it was, and so does any client that brings the id of the last event it had.
 */

import type { ApiContext } from '../context.ts';
import { Refusal } from '../refusal.ts';
import type { Answer, ApiRequest, Route } from '../route.ts';
import { cursorOf, eventStream, stallMs, wantsEvents } from '../stream/request.ts';

/** Streams at once. Each is a connection, and sends each change. */
const streamsMax = 1024;
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
    return { headers: { ...headers, 'content-type': 'application/json' }, stream: inTurns(pieces), stallMs };
  };
  return [
    {
      method: 'GET',
      path: '/v1/mesh/view',
      handle: async (request) => {
        if (!wantsEvents(request)) return snapshot(request);
        reader.check(request);
        const cursor = cursorOf(request);
        await reader.caughtUp(request.signal);
        if (feed.streams >= streamsMax) {
          throw new Refusal(
            429,
            `${streamsMax} clients stream the view already; close one, or ask for JSON with ?index and ?wait instead`,
          );
        }
        return eventStream(feed.events(cursor, request.signal));
      },
    },
  ];
}

/** Lets other things happen between the pieces. */
async function* inTurns(pieces: Iterable<string>): AsyncGenerator<string, void, undefined> {
  for (const piece of pieces) {
    yield piece;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
