/** `/v1/agent/service*`: what is registered on this agent. */

import { createHash } from 'node:crypto';
import { checkId, instanceId } from '@skein/core';
import type { CheckDefinition, Instance, InstanceId, MeshErrorCode } from '@skein/core';
import type { ApiContext } from '../context.ts';
import { write } from '../context.ts';
import { parseJsonBody } from '../decode/json-body.ts';
import { decodeServiceRegistration } from '../decode/service-definition.ts';
import { serviceFields } from '../filter/fields.ts';
import { keptEntries } from '../filter/filter.ts';
import { parseBoolean } from '../go-boolean.ts';
import { parseFlag } from '../query.ts';
import { badRequest, Refusal } from '../refusal.ts';
import { ownChecks, ownInstance, ownInstances } from '../registrations.ts';
import type { ApiRequest, Route } from '../route.ts';
import { refuseScripts } from '../script-checks.ts';
import { agentService } from '../shape/service.ts';

/** Consul's words; clients print them, and some look for them. */
function unknownService(id: string): Partial<Record<MeshErrorCode, string>> {
  return {
    'unknown-instance': `Unknown service ID ${JSON.stringify(id)}. Ensure that the service ID is passed, not the service name.`,
  };
}

export function agentServiceRoutes(context: ApiContext): readonly Route[] {
  const { port, reader, datacenter } = context;
  const describe = (instance: Instance): Record<string, unknown> => ({ ...agentService(instance), Datacenter: datacenter });
  // Any check of this host wakes those who wait, and an instance never changes: another one takes its place.
  const hashes = new WeakMap<Instance, string>();
  const hashOf = (instance: Instance): string => {
    const hash = hashes.get(instance) ?? contentHash(describe(instance));
    hashes.set(instance, hash);
    return hash;
  };
  return [
    {
      method: 'GET',
      path: '/v1/agent/services',
      handle: (request) => {
        const keep = reader.check(request, serviceFields);
        const services = ownInstances(port.view()).map((instance) => [instance.id, describe(instance)]);
        return { json: keptEntries(Object.fromEntries(services), keep) };
      },
    },
    {
      method: 'GET',
      path: '/v1/agent/service/*',
      handle: async (request) => {
        const id = request.rest;
        await reader.waitForHash(request, id, () => {
          const instance = ownInstance(port.view(), id);
          return instance === undefined ? undefined : hashOf(instance);
        });
        const instance = ownInstance(port.view(), id);
        if (instance === undefined) throw new Refusal(404, `unknown service ID: ${id.slice(0, 200)}`);
        const hash = hashOf(instance);
        return { json: { ...describe(instance), ContentHash: hash }, headers: { 'X-Consul-ContentHash': hash } };
      },
    },
    {
      method: 'PUT',
      path: '/v1/agent/service/register',
      handle: async ({ body, query }) => {
        const replaceChecks = parseFlag(query, 'replace-existing-checks', true) ?? false;
        const { instance, checks } = decodeServiceRegistration(parseJsonBody(body));
        refuseScripts(checks, context.scriptChecks);
        await write(context, { type: 'register', instance, checks, replaceChecks });
        return {};
      },
    },
    {
      method: 'PUT',
      path: '/v1/agent/service/deregister/*',
      handle: async ({ rest }) => {
        if (rest === '') throw badRequest('Missing service ID');
        await write(context, { type: 'deregister', id: instanceId(rest) }, unknownService(rest));
        return {};
      },
    },
    {
      method: 'PUT',
      path: '/v1/agent/service/maintenance/*',
      handle: async (request) => {
        const id = request.rest;
        if (id === '') throw badRequest('Missing service ID');
        if (ownInstance(port.view(), id) === undefined) throw new Refusal(404, unknownService(id)['unknown-instance'] ?? '');
        await setMaintenance(context, request, instanceId(id));
        return {};
      },
    },
    {
      method: 'PUT',
      path: '/v1/agent/maintenance',
      handle: async (request) => {
        await setMaintenance(context, request, undefined);
        return {};
      },
    },
  ];
}

function contentHash(described: Record<string, unknown>): string {
  return createHash('sha256').update(JSON.stringify(described)).digest('hex').slice(0, 16);
}

/** Maintenance is a critical check that nobody but its writer updates: of one instance, or of the whole node. */
async function setMaintenance(context: ApiContext, { query }: ApiRequest, owner: InstanceId | undefined): Promise<void> {
  const given = query.get('enable');
  if (given === null) throw badRequest('Missing value for enable');
  const enable = parseBoolean(given);
  if (enable === undefined) throw badRequest(`Invalid value for enable: ${JSON.stringify(given.slice(0, 60))}`);
  const id = checkId(owner === undefined ? '_node_maintenance' : `_service_maintenance:${owner}`);
  const isOn = ownChecks(context.port.view()).some(({ definition }) => definition.id === id);
  // Asking twice is not an error, and the first reason stays.
  if (enable === isOn) return;
  if (!enable) return write(context, { type: 'deregister-check', id });
  const what = owner === undefined ? 'node' : 'service';
  const reason = query.get('reason') ?? '';
  const definition: CheckDefinition = {
    id,
    name: owner === undefined ? 'Node Maintenance Mode' : 'Service Maintenance Mode',
    notes:
      reason === ''
        ? `Maintenance mode is enabled for this ${what}, but no reason was provided. This is a default message.`
        : reason,
    instanceId: owner,
    probe: { type: 'none' },
    intervalMs: 0,
    timeoutMs: 0,
    successBeforePassing: 0,
    failuresBeforeWarning: 0,
    failuresBeforeCritical: 0,
    deregisterCriticalAfterMs: 0,
    initialStatus: 'critical',
  };
  await write(context, { type: 'register-check', definition });
}
