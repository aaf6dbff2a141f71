/** `/v1/coordinate/*`: where the nodes are in the space of round trips. */

import { topics } from '@skein/core';
import type { MemberView } from '@skein/core';
import type { ApiContext } from '../context.ts';
import { badRequest } from '../refusal.ts';
import type { Route } from '../route.ts';
import { nodeByName, selectNodes } from '../selection.ts';
import { consulCoordinate } from '../shape/coordinate.ts';
import { byName } from '../shape/node.ts';

export function coordinateRoutes({ port, reader, datacenter }: ApiContext): readonly Route[] {
  const located = (members: Iterable<MemberView>): MemberView[] =>
    [...members].filter(({ coordinate }) => coordinate !== undefined).sort(byName);
  return [
    {
      method: 'GET',
      path: '/v1/coordinate/datacenters',
      handle: (request) => {
        reader.check(request);
        const view = port.view();
        // Consul names the members of its pool between datacenters NODE.DATACENTER, and the pool itself "wan".
        const coordinates = located(selectNodes(view, new URLSearchParams())).map((member) => ({
          ...coordinateJson(member),
          Node: `${member.name}.${datacenter}`,
        }));
        return { json: [{ Datacenter: datacenter, AreaID: 'wan', Coordinates: coordinates }] };
      },
    },
    {
      method: 'GET',
      path: '/v1/coordinate/nodes',
      handle: (request) =>
        reader.read(request, {
          // Coordinates move all the time and have no index: who waits is woken by members that come, go or change.
          topics: () => [topics.members],
          json: (view) => located(selectNodes(view, request.query)).map(coordinateJson),
        }),
    },
    {
      method: 'GET',
      path: '/v1/coordinate/node/*',
      handle: async (request) => {
        const { rest: name } = request;
        if (name === '') throw badRequest('Missing node name');
        const find = (): MemberView | undefined => nodeByName(port.view(), name);
        const answer = await reader.read(request, {
          topics: () => [topics.members],
          json: () => located([find()].filter((member) => member !== undefined)).map(coordinateJson),
        });
        // As Consul: nothing is known of a node without a coordinate.
        const isEmpty = Array.isArray(answer.json) && answer.json.length === 0;
        return isEmpty ? { status: 404, ...(answer.headers === undefined ? {} : { headers: answer.headers }) } : answer;
      },
    },
    {
      method: 'PUT',
      path: '/v1/coordinate/update',
      handle: () => {
        throw badRequest('Coordinates are measured by the agents themselves; none can be written');
      },
    },
  ];
}

function coordinateJson({ name, coordinate }: MemberView): Record<string, unknown> {
  return { Node: name, Segment: '', Coord: consulCoordinate(coordinate) };
}
