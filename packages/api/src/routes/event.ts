/** `/v1/event/*`: user events, fired to every agent. */

import type { ApiContext } from '../context.ts';
import type { UserEvent } from '../ports.ts';
import { badRequest } from '../refusal.ts';
import type { Route } from '../route.ts';
import type { Source } from '../shared-waits.ts';

export function eventRoutes(context: ApiContext): readonly Route[] {
  const { events, reader } = context;
  return [
    {
      method: 'PUT',
      path: '/v1/event/fire/*',
      handle: async (request) => {
        const { rest: name, query, body } = request;
        reader.check(request);
        if (name === '') throw badRequest('Missing name');
        const fired = await events.fire({
          name,
          payload: body ?? new Uint8Array(0),
          nodeFilter: query.get('node') ?? '',
          serviceFilter: query.get('service') ?? '',
          tagFilter: query.get('tag') ?? '',
        });
        return { json: consulEvent(fired) };
      },
    },
    {
      method: 'GET',
      path: '/v1/event/list',
      handle: async (request) => {
        const source = eventSource(context, request.query.get('name') ?? '');
        await reader.wait(request, source, 0);
        const index = source.index();
        return { json: source.list().map(consulEvent), headers: reader.headers(request, index) };
      },
    },
  ];
}

/** Events of one name, or all for an empty one. Their index is 1 before the first, so that waiting for it works. */
function eventSource({ events }: ApiContext, name: string): Source & { list(): readonly UserEvent[] } {
  const list = (): readonly UserEvent[] => (name === '' ? events.list() : events.list().filter((event) => event.name === name));
  const index = (): number => list().at(-1)?.index ?? 1;
  const latest = (): number => events.list().at(-1)?.index ?? 1;
  return {
    key: `event/${name}`,
    list,
    index,
    changed: async (afterIndex, signal) => {
      for (let seen = -1, last = latest(); last > seen && index() <= afterIndex && !signal.aborted; last = latest()) {
        seen = last;
        await events.changed(seen, signal);
      }
    },
  };
}

function consulEvent(event: UserEvent): Record<string, unknown> {
  return {
    ID: event.id,
    Name: event.name,
    Payload: event.payload.length === 0 ? null : Buffer.from(event.payload).toString('base64'),
    NodeFilter: event.nodeFilter,
    ServiceFilter: event.serviceFilter,
    TagFilter: event.tagFilter,
    Version: 1,
    LTime: event.index,
  };
}
