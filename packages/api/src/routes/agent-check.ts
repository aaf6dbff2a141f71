/** `/v1/agent/check*`: the checks of this agent, and results that clients report. */

import { checkId, instanceId } from '@skein/core';
import type { CheckStatus, MeshErrorCode } from '@skein/core';
import type { ApiContext } from '../context.ts';
import { write } from '../context.ts';
import { decodeCheckRegistration, isCheckStatus } from '../decode/check-definition.ts';
import { objectOf, text } from '../decode/decoder.ts';
import { parseJsonBody } from '../decode/json-body.ts';
import { checkFields } from '../filter/fields.ts';
import { keptEntries } from '../filter/filter.ts';
import { badRequest } from '../refusal.ts';
import { ownChecks, ownInstances } from '../registrations.ts';
import type { ApiRequest, Route } from '../route.ts';
import { refuseScripts } from '../script-checks.ts';
import { localCheck } from '../shape/check.ts';

const readUpdate = objectOf({ Status: text, Output: text } as const);

/** Consul's words; clients print them, and some look for them. */
function unknownCheck(id: string): Partial<Record<MeshErrorCode, string>> {
  const quoted = JSON.stringify(id);
  return {
    'unknown-check': `Unknown check ID ${quoted}. Ensure that the check ID is passed, not the check name.`,
    'not-a-ttl-check': `CheckID ${quoted} does not have associated TTL`,
  };
}

export function agentCheckRoutes(context: ApiContext): readonly Route[] {
  const reports: readonly (readonly [string, CheckStatus])[] = [
    ['pass', 'passing'],
    ['warn', 'warning'],
    ['fail', 'critical'],
  ];
  return [
    {
      method: 'GET',
      path: '/v1/agent/checks',
      handle: (request) => {
        const keep = context.reader.check(request, checkFields);
        return { json: keptEntries(listChecks(context), keep) };
      },
    },
    {
      method: 'PUT',
      path: '/v1/agent/check/register',
      handle: async ({ body }) => {
        const definition = decodeCheckRegistration(parseJsonBody(body), instanceId);
        refuseScripts([definition], context.scriptChecks);
        const service = JSON.stringify(definition.instanceId ?? '');
        await write(
          context,
          { type: 'register-check', definition },
          { 'unknown-instance': `ServiceID ${service} does not exist; register the service on this agent first` },
        );
        return {};
      },
    },
    {
      method: 'PUT',
      path: '/v1/agent/check/deregister/*',
      handle: async ({ rest }) => {
        if (rest === '') throw badRequest('Missing check ID');
        await write(context, { type: 'deregister-check', id: checkId(rest) }, unknownCheck(rest));
        return {};
      },
    },
    ...reports.map(([verb, status]): Route => ({
      method: 'PUT',
      path: `/v1/agent/check/${verb}/*`,
      handle: async ({ rest, query }) => {
        await report(context, { id: rest, status, output: query.get('note') ?? '' });
        return {};
      },
    })),
    { method: 'PUT', path: '/v1/agent/check/update/*', handle: (request) => update(context, request) },
  ];
}

async function update(context: ApiContext, { rest, body }: ApiRequest): Promise<Record<string, never>> {
  const { Status: status = '', Output: output = '' } = readUpdate(parseJsonBody(body), '');
  if (!isCheckStatus(status)) {
    throw badRequest(`Invalid check status: '${status.slice(0, 60)}'; use passing, warning or critical`);
  }
  await report(context, { id: rest, status, output });
  return {};
}

async function report(context: ApiContext, result: { id: string; status: CheckStatus; output: string }): Promise<void> {
  const { id, status, output } = result;
  if (id === '') throw badRequest('Missing check ID');
  await write(context, { type: 'update-ttl', id: checkId(id), status, output }, unknownCheck(id));
}

function listChecks({ port, agent }: ApiContext): Record<string, unknown> {
  const view = port.view();
  const instances = new Map(ownInstances(view).map((instance) => [instance.id, instance]));
  const node = agent.info().name;
  return Object.fromEntries(
    ownChecks(view).map(({ definition, state }) => {
      const instance = definition.instanceId === undefined ? undefined : instances.get(definition.instanceId);
      const owner = { node, serviceName: instance?.service ?? '', serviceTags: instance?.tags ?? [] };
      return [definition.id, localCheck(definition, state, owner)];
    }),
  );
}
