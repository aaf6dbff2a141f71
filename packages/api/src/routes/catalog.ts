/** `/v1/catalog/*`: what runs where, in the whole mesh. */

import { topics } from '@skein/core';
import type { View } from '@skein/core';
import { Entries } from '../answer-bodies.ts';
import type { ApiContext } from '../context.ts';
import { nodeFields, serviceFields, serviceNodeFields } from '../filter/fields.ts';
import { keptItems } from '../filter/filter.ts';
import type { Keep } from '../filter/filter.ts';
import { badRequest } from '../refusal.ts';
import type { Route } from '../route.ts';
import { instancesNamed, isNodeId, nodeByName, selectInstances, selectNodes, sortByNearness } from '../selection.ts';
import type { Placed } from '../selection.ts';
import { byName, compareTexts, consulNode } from '../shape/node.ts';
import { catalogService, nodeService } from '../shape/service.ts';

export function catalogRoutes(context: ApiContext): readonly Route[] {
  const { reader, datacenter } = context;
  const entries = new Entries(({ instance, member }) => catalogService(instance, member, datacenter));
  return [
    {
      method: 'GET',
      path: '/v1/catalog/datacenters',
      handle: (request) => {
        reader.check(request);
        return { json: [datacenter] };
      },
    },
    {
      method: 'GET',
      path: '/v1/catalog/nodes',
      handle: (request) =>
        reader.read(request, {
          endpoint: 'catalog/nodes',
          topics: () => [topics.members],
          fields: nodeFields,
          json: (view, keep) => {
            const nodes = [...selectNodes(view, request.query)].sort(byName);
            const near = request.query.get('near') ?? '';
            const sorted = sortByNearness(nodes, { view, near, memberOf: (member) => member });
            return keptItems(
              sorted.map((member) => consulNode(member, datacenter)),
              keep,
            );
          },
        }),
    },
    {
      method: 'GET',
      path: '/v1/catalog/services',
      handle: (request) =>
        reader.read(request, {
          endpoint: 'catalog/services',
          // What selects looks at more than what moves the index of the list.
          topics: () => (isSelective(request.query) ? [topics.services, topics.instances] : [topics.services]),
          fields: serviceNodeFields,
          json: (view, keep) => servicesWithTags(view, request.query, (placed) => keep?.(entries.value(placed)) ?? true),
        }),
    },
    ...['service', 'connect'].map((kind): Route => ({
      method: 'GET',
      path: `/v1/catalog/${kind}/*`,
      handle: (request) => {
        const { rest: name, query } = request;
        if (name === '') throw badRequest('Missing service name');
        return reader.read(request, {
          endpoint: `catalog/${kind}`,
          topics: () => [topics.service(name)],
          fields: serviceNodeFields,
          json: (view, keep) => {
            // No service is mesh-native yet, and none has a proxy beside it.
            const placed = kind === 'connect' ? [] : selectInstances(view, instancesNamed(view, name), query);
            const near = query.get('near') ?? '';
            const sorted = sortByNearness(placed, { view, near, memberOf: ({ member }) => member });
            return keep === undefined ? entries.list(sorted) : sorted.map((each) => entries.value(each)).filter(keep);
          },
        });
      },
    })),
    ...(['node', 'node-services'] as const).map((form): Route => ({
      method: 'GET',
      path: `/v1/catalog/${form}/*`,
      handle: (request) => {
        if (request.rest === '') throw badRequest('Missing node name');
        return reader.read(request, {
          endpoint: `catalog/${form}`,
          topics: (view) => nodeTopics(view, request.rest),
          fields: serviceFields,
          json: (view, keep) => nodeWithServices(view, { name: request.rest, datacenter, form, keep }),
        });
      },
    })),
    {
      method: 'GET',
      path: '/v1/catalog/gateway-services/*',
      handle: (request) => {
        if (request.rest === '') throw badRequest('Missing gateway name');
        // There are no gateways of Consul's kinds.
        return reader.read(request, { topics: () => [topics.service(request.rest)], json: () => [] });
      },
    },
  ];
}

/** Of the node that a name or an id stands for, and of which one that is. An id that nobody has is waited for on the list. */
export function nodeTopics(view: View, name: string): readonly [string, ...string[]] {
  const member = nodeByName(view, name);
  if (member !== undefined) return [topics.node(member.id), topics.nodeNamed(member.name)];
  return isNodeId(name) ? [topics.members] : [topics.nodeNamed(name)];
}

function isSelective(query: URLSearchParams): boolean {
  return query.has('filter') || query.has('node-meta');
}

/** Name to the union of tags. Services that only nodes had which left are gone. */
function servicesWithTags(
  view: View,
  query: URLSearchParams,
  keep: (placed: Placed) => boolean,
): Record<string, readonly string[]> {
  const found: (readonly [string, readonly string[]])[] = [];
  for (const service of view.services()) {
    const selected = selectInstances(view, service.instances, query).filter(keep);
    if (selected.length === 0) continue;
    const tags = new Set(selected.flatMap(({ instance }) => instance.instance.tags));
    found.push([service.name, [...tags].sort(compareTexts)]);
  }
  return Object.fromEntries(found.sort(([a], [b]) => compareTexts(a, b)));
}

interface NodeRead {
  readonly name: string;
  readonly datacenter: string;
  /** Services by their id, or as a list. */
  readonly form: 'node' | 'node-services';
  readonly keep: Keep | undefined;
}

/** For a node that is not there: `null` as in Consul, or one that says so with an empty list, where Consul has `null`. */
function nodeWithServices(view: View, { name, datacenter, form, keep }: NodeRead): unknown {
  const member = nodeByName(view, name);
  if (member === undefined) return form === 'node' ? null : { Node: null, Services: [] };
  const services = view.instancesOf(member.id).map((instance) => nodeService(instance, member));
  const kept = keptItems(services, keep);
  const byId = (): unknown => Object.fromEntries(kept.map((service) => [service['ID'], service]));
  return { Node: consulNode(member, datacenter), Services: form === 'node' ? byId() : kept };
}
