/**
 * `/v1/mesh/events`: what happened to members, links, registrations, checks and config entries, as this agent saw it. As
 * JSON the last 512, or as server-sent events those and each that follows. User events are at `/v1/event/list`.
 */

import type { ApiContext } from '../context.ts';
import { Refusal } from '../refusal.ts';
import type { Answer, ApiRequest, Route } from '../route.ts';
import { cursorOf, eventStream, wantsEvents } from '../stream/request.ts';

/** Streams at once. */
const streamsMax = 256;

export function meshEventRoutes({ eventFeed, reader }: ApiContext): readonly Route[] {
  const list = async (request: ApiRequest): Promise<Answer> => {
    const source = {
      key: 'mesh events',
      index: () => eventFeed.index(),
      changed: (afterIndex: number, signal: AbortSignal) => eventFeed.changed(afterIndex, signal),
    };
    // These indexes are counted and carry no tag.
    await reader.wait(request, source, 0);
    return { headers: reader.headers(request, eventFeed.index()), json: eventFeed.list() };
  };
  return [
    {
      method: 'GET',
      path: '/v1/mesh/events',
      handle: (request) => {
        if (!wantsEvents(request)) return list(request);
        reader.check(request);
        const cursor = cursorOf(request);
        if (eventFeed.streams >= streamsMax)
          throw new Refusal(
            429,
            `${streamsMax} clients stream the events already; close one, or ask for JSON with ?index and ?wait instead`,
          );
        return eventStream(eventFeed.events(cursor, request.signal));
      },
    },
  ];
}
