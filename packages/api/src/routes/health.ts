/** `/v1/health/*`: instances with the checks that decide about them, and checks by node, service and state. */

import { topics } from '@skein/core';
import type { View } from '@skein/core';
import type { ApiContext } from '../context.ts';
import { parseFlag } from '../query.ts';
import { badRequest } from '../refusal.ts';
import type { Route } from '../route.ts';
import { nodeByName, selectInstances, selectNodes } from '../selection.ts';
import { instanceChecks, nodeChecks } from '../shape/check.ts';
import { byName } from '../shape/node.ts';
import { healthEntry } from '../shape/service.ts';
import { nodeTopic } from './catalog.ts';

type CheckJson = Readonly<Record<string, unknown>>;

const states: ReadonlySet<string> = new Set(['any', 'passing', 'warning', 'critical']);

export function healthRoutes(context: ApiContext): readonly Route[] {
  const { reader, datacenter } = context;
  return [
    {
      method: 'GET',
      path: '/v1/health/service/*',
      handle: (request) => {
        const { rest: name, query } = request;
        if (name === '') throw badRequest('Missing service name');
        const isPassingOnly = parseFlag(query, 'passing', true) ?? false;
        return reader.read(request, {
          topics: () => [topics.service(name)],
          json: (view) =>
            selectInstances(view, view.service(name), query)
              .filter(
                ({ instance, member }) => !isPassingOnly || [...nodeChecks(member), ...instanceChecks(instance)].every(isPassing),
              )
              .map(({ instance, member }) => healthEntry(instance, member, datacenter)),
        });
      },
    },
    {
      method: 'GET',
      path: '/v1/health/node/*',
      handle: (request) => {
        if (request.rest === '') throw badRequest('Missing node name');
        return reader.read(request, {
          topics: (view) => [nodeTopic(view, request.rest)],
          json: (view) => checksOfNode(view, request.rest),
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
          json: (view) => selectInstances(view, view.service(name), query).flatMap(({ instance }) => instanceChecks(instance)),
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
          json: (view) => allChecks(view, query).filter((check) => state === 'any' || check['Status'] === state),
        });
      },
    },
  ];
}

function isPassing(check: CheckJson): boolean {
  return check['Status'] === 'passing';
}

function checksOfNode(view: View, name: string): readonly CheckJson[] {
  const member = nodeByName(view, name);
  return member === undefined ? [] : [...nodeChecks(member), ...view.instancesOf(member.id).flatMap(instanceChecks)];
}

function allChecks(view: View, query: URLSearchParams): readonly CheckJson[] {
  return [...selectNodes(view, query)]
    .sort(byName)
    .flatMap((member) => [...nodeChecks(member), ...view.instancesOf(member.id).flatMap(instanceChecks)]);
}
