/**
 * `/v1/mesh/explain?url=...`: which rule decides about a request, which instances could take it, and why not the
 * others. Answered by the table that routes, so it never says anything else than the proxy does; what a proxy has
 * learned from its own requests (ejections, load) is not in the view and not in the answer.
 */

import type { InstanceView, View } from '@skein/core';
import { explainRoute, isImplicit, routeTableOf, ServiceNames } from '@skein/traffic';
import type { CompiledRule, RouteRequest, RouteTable } from '@skein/traffic';
import type { ApiContext } from '../context.ts';
import { badRequest } from '../refusal.ts';
import type { Route } from '../route.ts';
import { whyNot } from '../shape/why-not.ts';

export function meshExplainRoutes({ port, reader }: ApiContext): readonly Route[] {
  const names = new ServiceNames();
  let table: RouteTable | undefined;
  return [
    {
      method: 'GET',
      path: '/v1/mesh/explain',
      handle: (request) => {
        reader.check(request);
        const view = port.view();
        table = routeTableOf(view, table);
        const asked = routeRequest(request.query);
        const { host, path, method, rule, candidates } = explainRoute(table, asked);
        return {
          json: {
            request: { method, host, path, headers: asked.headers },
            rule: rule === undefined ? null : ruleJson(view, rule, names),
            candidates,
            problems: table.problems,
          },
        };
      },
    },
  ];
}

/** Reads `url` (absolute), `method` (default GET) and any number of `header=Name: value`. */
function routeRequest(query: URLSearchParams): RouteRequest {
  const text = query.get('url') ?? '';
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw badRequest('Invalid value for ?url: use an absolute one, such as ?url=http://orders.mesh/order');
  }
  const headers: [string, string][] = query.getAll('header').map((line) => {
    const colon = line.indexOf(':');
    if (colon < 1) throw badRequest('Invalid value for ?header: use Name:value');
    return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
  });
  const joined = new Map<string, string>();
  for (const [name, value] of headers) {
    const before = joined.get(name);
    joined.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  const method = (query.get('method') ?? '') || 'GET';
  return { host: url.host, path: url.pathname, method: method.toUpperCase(), headers: Object.fromEntries(joined) };
}

function ruleJson(view: View, rule: CompiledRule, names: ServiceNames): Record<string, unknown> {
  return {
    route: rule.route,
    rule: rule.index,
    name: rule.name,
    // The host alone decided: `<service>.mesh`.
    implicit: isImplicit(rule),
    requestTimeoutMs: rule.requestTimeoutMs,
    retries: rule.retries,
    backends: rule.backends.map(({ service, weight }) => {
      const name = names.resolve(view, service);
      const instances = view.service(name)?.instances ?? [];
      return {
        service: name,
        weight,
        totalWeight: rule.totalWeight,
        instances: instances.map((instance) => instanceJson(view, instance)),
      };
    }),
  };
}

function instanceJson(
  view: View,
  { instance, owner, nodeName, address, port, zone, checks, status, routable }: InstanceView,
): unknown {
  const reasons = routable ? [] : whyNot(view, { owner, checks });
  return { id: instance.id, node: nodeName, address, port, zone, status, routable, reasons };
}
