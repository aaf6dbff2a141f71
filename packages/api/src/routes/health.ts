/** `/v1/health/*`: instances with the checks that decide about them, and checks by node, service and state. */

import { topics } from '@skein/core';
import type { View } from '@skein/core';
import type { ApiContext } from '../context.ts';
import { checkFields, healthEntryFields } from '../filter/fields.ts';
import { keptItems } from '../filter/filter.ts';
import { Entries } from '../answer-bodies.ts';
import { parseFlag } from '../query.ts';
import { badRequest } from '../refusal.ts';
import type { Answer, ApiRequest, Route } from '../route.ts';
import { instancesNamed, nodeByName, selectInstances, selectNodes, sortByNearness } from '../selection.ts';
import type { Placed } from '../selection.ts';
import { instanceChecks, isUp, nodeChecks } from '../shape/check.ts';
import { byName } from '../shape/node.ts';
import { healthEntry } from '../shape/service.ts';
import { nodeTopics } from './catalog.ts';

type CheckJson = Readonly<Record<string, unknown>>;

const states: ReadonlySet<string> = new Set(['any', 'passing', 'warning', 'critical']);

export function healthRoutes(context: ApiContext): readonly Route[] {
  const { reader, datacenter } = context;
  const entries = new Entries(({ instance, member }) => healthEntry(instance, member, datacenter));
  return [
    ...['service', 'connect', 'ingress'].map((kind): Route => ({
      method: 'GET',
      path: `/v1/health/${kind}/*`,
      handle: (request) => {
        if (request.rest === '') throw badRequest('Missing service name');
        return healthOfService(context, entries, request, kind);
      },
    })),
    {
      method: 'GET',
      path: '/v1/health/node/*',
      handle: (request) => {
        if (request.rest === '') throw badRequest('Missing node name');
        return reader.read(request, {
          endpoint: 'health/node',
          topics: (view) => nodeTopics(view, request.rest),
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
          endpoint: 'health/checks',
          topics: () => [topics.checksOf(name)],
          fields: checkFields,
          json: (view, keep) => {
            const placed = nearest(view, selectInstances(view, instancesNamed(view, name), query), query);
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
          endpoint: 'health/state',
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

/** Nothing is mesh-native here yet and there are no gateways: of the lists, only that of the kind `service` is not empty. */
function healthOfService(context: ApiContext, entries: Entries, request: ApiRequest, kind: string): Promise<Answer> {
  const { reader } = context;
  const { rest: name, query } = request;
  const isPassingOnly = parseFlag(query, 'passing', true) ?? false;
  return reader.read(request, {
    endpoint: `health/${kind}`,
    topics: () => [topics.service(name)],
    fields: healthEntryFields,
    json: (view, keep) => {
      const selected = kind === 'service' ? selectInstances(view, instancesNamed(view, name), query) : [];
      const placed = nearest(view, isPassingOnly ? selected.filter(isPassing) : selected, query);
      if (keep === undefined) return entries.list(placed);
      return placed.map((each) => entries.value(each)).filter(keep);
    },
  });
}

/** Whether every check that decides about an instance passes. */
function isPassing({ instance, member }: Placed): boolean {
  const isNodePassing = member.external !== undefined || isUp(member);
  return isNodePassing && [...member.checks, ...instance.checks].every(({ status }) => status === 'passing');
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
