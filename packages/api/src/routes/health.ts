/** `/v1/health/*`: instances with the checks that decide about them, and checks by node, service and state. */

import { topics } from '@skein/core';
import type { View } from '@skein/core';
import type { ApiContext } from '../context.ts';
import { checkFields, healthEntryFields } from '../filter/fields.ts';
import { keptItems } from '../filter/filter.ts';
import { HealthBodies } from '../health-bodies.ts';
import { parseFlag } from '../query.ts';
import { badRequest } from '../refusal.ts';
import type { Answer, ApiRequest, Route } from '../route.ts';
import { nodeByName, selectInstances, selectNodes, sortByNearness } from '../selection.ts';
import type { Placed } from '../selection.ts';
import { instanceChecks, nodeChecks } from '../shape/check.ts';
import { byName } from '../shape/node.ts';
import { healthEntry } from '../shape/service.ts';
import { nodeTopic } from './catalog.ts';

type CheckJson = Readonly<Record<string, unknown>>;

const states: ReadonlySet<string> = new Set(['any', 'passing', 'warning', 'critical']);

export function healthRoutes(context: ApiContext): readonly Route[] {
  const { reader, datacenter } = context;
  const bodies = new HealthBodies(datacenter);
  return [
    ...['service', 'connect', 'ingress'].map((kind): Route => ({
      method: 'GET',
      path: `/v1/health/${kind}/*`,
      handle: (request) => {
        if (request.rest === '') throw badRequest('Missing service name');
        return healthOfService(context, bodies, request, kind === 'service');
      },
    })),
    {
      method: 'GET',
      path: '/v1/health/node/*',
      handle: (request) => {
        if (request.rest === '') throw badRequest('Missing node name');
        return reader.read(request, {
          topics: (view) => [nodeTopic(view, request.rest)],
          fields: checkFields,
          json: (view, keep) => keptItems(checksOfNode(view, request.rest), keep),
        });
      },
    },
    {
      method: 'GET',
      path: '/v1/health/checks/*',
      handle: (request) => {
        const { rest: name, query } = request;
        if (name === '') throw badRequest('Missing service name');
        return reader.read(request, {
          topics: () => [topics.checksOf(name)],
          fields: checkFields,
          json: (view, keep) => {
            const placed = nearest(view, selectInstances(view, view.service(name), query), query);
            return keptItems(
              placed.flatMap(({ instance }) => instanceChecks(instance)),
              keep,
            );
          },
        });
      },
    },
    {
      method: 'GET',
      path: '/v1/health/state/*',
      handle: (request) => {
        const { rest: state, query } = request;
        if (state === '') throw badRequest('Missing check state');
        if (!states.has(state))
          throw badRequest(`Unknown check state "${state.slice(0, 60)}"; use any, passing, warning or critical`);
        return reader.read(request, {
          // The node checks follow the members.
          topics: () => [topics.checks, topics.members],
          fields: checkFields,
          json: (view, keep) =>
            keptItems(
              allChecks(view, query).filter((check) => state === 'any' || check['Status'] === state),
              keep,
            ),
        });
      },
    },
  ];
}

/** `isPlain`: of the service itself. Nothing is mesh-native here yet and there are no gateways, so that the other lists are empty. */
function healthOfService(context: ApiContext, bodies: HealthBodies, request: ApiRequest, isPlain: boolean): Promise<Answer> {
  const { reader, datacenter } = context;
  const { rest: name, query } = request;
  const isPassingOnly = parseFlag(query, 'passing', true) ?? false;
  // All that decides about the answer besides the view and the order.
  const key = JSON.stringify([name, isPassingOnly, query.get('near') ?? '', query.getAll('tag'), query.getAll('node-meta')]);
  return reader.read(request, {
    topics: () => [topics.service(name)],
    fields: healthEntryFields,
    json: (view, keep) => {
      const selected = isPlain ? selectInstances(view, view.service(name), query) : [];
      const passing = isPassingOnly ? selected.filter((placed) => bodies.isPassing(placed)) : selected;
      const placed = nearest(view, passing, query);
      if (keep === undefined) return bodies.bytes(key, placed);
      return placed.map(({ instance, member }) => healthEntry(instance, member, datacenter)).filter(keep);
    },
  });
}

function nearest(view: View, placed: readonly Placed[], query: URLSearchParams): readonly Placed[] {
  return sortByNearness(placed, { view, near: query.get('near') ?? '', memberOf: ({ member }) => member });
}

function checksOfNode(view: View, name: string): readonly CheckJson[] {
  const member = nodeByName(view, name);
  return member === undefined ? [] : [...nodeChecks(member), ...view.instancesOf(member.id).flatMap(instanceChecks)];
}

function allChecks(view: View, query: URLSearchParams): readonly CheckJson[] {
  const nodes = [...selectNodes(view, query)].sort(byName);
  return sortByNearness(nodes, { view, near: query.get('near') ?? '', memberOf: (member) => member }).flatMap((member) => [
    ...nodeChecks(member),
    ...view.instancesOf(member.id).flatMap(instanceChecks),
  ]);
}
