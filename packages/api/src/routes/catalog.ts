/** `/v1/catalog/*`: what runs where, in the whole mesh. */

import { topics } from '@skein/core';
import type { View } from '@skein/core';
import type { ApiContext } from '../context.ts';
import { badRequest } from '../refusal.ts';
import type { Route } from '../route.ts';
import { nodeByName, selectInstances, selectNodes } from '../selection.ts';
import { byName, compareTexts, consulNode } from '../shape/node.ts';
import { agentService, catalogService } from '../shape/service.ts';

export function catalogRoutes(context: ApiContext): readonly Route[] {
  const { reader, datacenter } = context;
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
          topics: () => [topics.members],
          json: (view) => [...selectNodes(view, request.query)].sort(byName).map((member) => consulNode(member, datacenter)),
        }),
    },
    {
      method: 'GET',
      path: '/v1/catalog/services',
      handle: (request) =>
        reader.read(request, {
          topics: () => [topics.services],
          json: (view) => servicesWithTags(view, request.query),
        }),
    },
    {
      method: 'GET',
      path: '/v1/catalog/service/*',
      handle: (request) => {
        if (request.rest === '') throw badRequest('Missing service name');
        return reader.read(request, {
          topics: () => [topics.service(request.rest)],
          json: (view) =>
            selectInstances(view, view.service(request.rest), request.query).map(({ instance, member }) =>
              catalogService(instance, member, datacenter),
            ),
        });
      },
    },
    {
      method: 'GET',
      path: '/v1/catalog/node/*',
      handle: (request) => {
        if (request.rest === '') throw badRequest('Missing node name');
        return reader.read(request, {
          topics: (view) => [nodeTopic(view, request.rest)],
          json: (view) => nodeWithServices(view, request.rest, datacenter),
        });
      },
    },
  ];
}

/** A node that nobody knows is waited for on the list of members. */
export function nodeTopic(view: View, name: string): string {
  const member = nodeByName(view, name);
  return member === undefined ? topics.members : topics.node(member.id);
}

/** Name to the union of tags. Services that only nodes had which left are gone. */
function servicesWithTags(view: View, query: URLSearchParams): Record<string, readonly string[]> {
  const found: (readonly [string, readonly string[]])[] = [];
  for (const service of view.services()) {
    const selected = selectInstances(view, service, query);
    if (selected.length === 0) continue;
    const tags = new Set(selected.flatMap(({ instance }) => instance.instance.tags));
    found.push([service.name, [...tags].sort(compareTexts)]);
  }
  return Object.fromEntries(found.sort(([a], [b]) => compareTexts(a, b)));
}

/** `null` for a node that is not there, as in Consul. */
function nodeWithServices(view: View, name: string, datacenter: string): unknown {
  const member = nodeByName(view, name);
  if (member === undefined) return null;
  const services = view
    .instancesOf(member.id)
    .map(({ instance, createIndex, modifyIndex }) => [
      instance.id,
      { ...agentService(instance), CreateIndex: createIndex, ModifyIndex: modifyIndex },
    ]);
  return { Node: consulNode(member, datacenter), Services: Object.fromEntries(services) };
}
