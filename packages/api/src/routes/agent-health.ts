/** `/v1/agent/health/service/*`: one word about the instances of this agent, with a status that load balancers understand. */

import type { CheckStatus, Instance, View } from '@skein/core';
import type { ApiContext } from '../context.ts';
import { badRequest } from '../refusal.ts';
import { ownChecks, ownInstance, ownInstances } from '../registrations.ts';
import type { Answer, ApiRequest, Route } from '../route.ts';
import { isMaintenance, localCheck } from '../shape/check.ts';
import { agentService } from '../shape/service.ts';

/** Maintenance is worse than critical, and answers alike. */
type Aggregate = CheckStatus | 'maintenance';

const httpStatuses: Readonly<Record<Aggregate, number>> = { passing: 200, warning: 429, critical: 503, maintenance: 503 };
const order: readonly Aggregate[] = ['passing', 'warning', 'critical', 'maintenance'];

interface Health {
  readonly status: Aggregate;
  readonly json: Record<string, unknown>;
}

export function agentHealthRoutes(context: ApiContext): readonly Route[] {
  const { port, reader } = context;
  return [
    {
      method: 'GET',
      path: '/v1/agent/health/service/id/*',
      handle: (request) => {
        reader.check(request);
        if (request.rest === '') throw badRequest('Missing serviceID');
        const instance = ownInstance(port.view(), request.rest);
        if (instance === undefined) {
          const reason = `ServiceId ${request.rest} not found`;
          return answer(request, 404, reason, { AggregatedStatus: 'critical', Service: null, Checks: null });
        }
        const { status, json } = healthOf(context, port.view(), instance);
        return answer(request, httpStatuses[status], status, json);
      },
    },
    {
      method: 'GET',
      path: '/v1/agent/health/service/name/*',
      handle: (request) => {
        reader.check(request);
        const { rest: name } = request;
        if (name === '') throw badRequest('Missing service Name');
        const view = port.view();
        const instances = ownInstances(view).filter(({ service }) => service === name);
        const all = instances.map((instance) => healthOf(context, view, instance));
        const worst = order.findLast((status) => all.some((each) => each.status === status));
        if (worst === undefined) return answer(request, 404, `ServiceName ${name} Not Found`, []);
        return answer(
          request,
          httpStatuses[worst],
          worst,
          all.map(({ json }) => json),
        );
      },
    },
  ];
}

/** The checks of the instance, and the node's, which count for it. */
function healthOf({ agent, datacenter }: ApiContext, view: View, instance: Instance): Health {
  const owner = { node: agent.info().name, serviceName: instance.service, serviceTags: instance.tags };
  const nodeOwner = { node: owner.node, serviceName: '', serviceTags: [] };
  const checks = ownChecks(view).filter(
    ({ definition }) => definition.instanceId === undefined || definition.instanceId === instance.id,
  );
  const statuses = checks.map(({ definition, state }): Aggregate =>
    isMaintenance(definition.id) ? 'maintenance' : state.status,
  );
  const status = order.findLast((each) => statuses.includes(each)) ?? 'passing';
  return {
    status,
    json: {
      AggregatedStatus: status,
      Service: { ...agentService(instance), Datacenter: datacenter },
      Checks: checks.map(({ definition, state }) =>
        localCheck(definition, state, definition.instanceId === undefined ? nodeOwner : owner),
      ),
    },
  };
}

/** A header cannot hold every name that a service may have. */
const headerText = /[^\t -~\u00a0-\u00ff]/g;

function answer(request: ApiRequest, status: number, reason: string, json: unknown): Answer {
  const headers = { 'X-Consul-Reason': reason.replace(headerText, '?').slice(0, 1000) };
  return wantsText(request) ? { status, headers, text: reason } : { status, headers, json };
}

/** `Accept: text/plain` first, then `format`. */
function wantsText({ accept, query }: ApiRequest): boolean {
  return accept.startsWith('text/plain') || query.get('format') === 'text';
}
