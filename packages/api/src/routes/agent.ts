/** `/v1/agent/*` about the agent itself and the members it knows. */

import type { MemberView, NodeId, View } from '@skein/core';
import type { ApiContext } from '../context.ts';
import { write } from '../context.ts';
import { memberFields } from '../filter/fields.ts';
import { badRequest, Refusal } from '../refusal.ts';
import type { Route } from '../route.ts';
import { consulCoordinate } from '../shape/coordinate.ts';
import { byName, compatVersion, consulMember, nodeMeta, portOf } from '../shape/node.ts';
import { nodeUuid } from '../shape/node-uuid.ts';

/** Where agents listen for each other unless told otherwise; used for addresses that name a host only. */
const defaultGossipPort = 7946;

export function agentRoutes(context: ApiContext): readonly Route[] {
  const { port, agent, datacenter, reader } = context;
  return [
    {
      method: 'GET',
      path: '/v1/agent/self',
      handle: (request) => {
        reader.check(request);
        return { json: selfDescription(context, port.view()) };
      },
    },
    {
      method: 'GET',
      path: '/v1/agent/members',
      handle: (request) => {
        const keep = reader.check(request, memberFields);
        // There is one pool; asked for the one between datacenters, Consul's agents without it say the same.
        const members = [...port.view().members()].sort(byName).map((member) => consulMember(member, datacenter));
        return { json: keep === undefined ? members : members.filter(keep) };
      },
    },
    {
      method: 'PUT',
      path: '/v1/agent/join/*',
      handle: async ({ rest, query }) => {
        if (query.has('wan')) throw badRequest('Invalid query parameter: "wan": there is one pool of members; leave it out');
        if (rest === '') throw badRequest('Missing address: use /v1/agent/join/HOST:PORT');
        await write(context, { type: 'join', addresses: [seedAddress(rest)] });
        return {};
      },
    },
    {
      method: 'PUT',
      path: '/v1/agent/leave',
      handle: async () => {
        await agent.leave();
        return {};
      },
    },
    {
      method: 'PUT',
      path: '/v1/agent/force-leave/*',
      handle: async ({ rest }) => {
        await write(context, { type: 'force-leave', node: memberToRemove(port.view(), rest) });
        return {};
      },
    },
  ];
}

const multiaddr = /^(?:\/[a-z0-9-]+\/[^\s/]+)+\/tcp\/(\d{1,5})(?:\/[^\s/]+)*$/;
const hostAndPort = /^(?:\[[0-9a-fA-F:.%]+\]|[^\s:/[\]@]+)(?::(\d{1,5}))?$/;

/**
 * An IP address or a name with a dot may stand alone, as in Consul, and gets the default port; a single word is more
 * likely a slip. Only the form is looked at: whether somebody is there is found out by dialling,
 * again and again, after the answer.
 */
function seedAddress(text: string): string {
  const match = (text.startsWith('/') ? multiaddr : hostAndPort).exec(text);
  const port = Number(match?.[1] ?? defaultGossipPort);
  const isBareWord = match !== null && match[1] === undefined && !/[.\]]/.test(text);
  if (match === null || isBareWord || port < 1 || port > 65_535) {
    throw badRequest(
      `Invalid address ${JSON.stringify(text.slice(0, 200))}: use HOST:PORT with a port from 1 to 65535, such as 10.0.0.7:${defaultGossipPort}, or a multiaddr, such as /ip4/10.0.0.7/tcp/${defaultGossipPort}`,
    );
  }
  return match[1] === undefined ? `${text}:${defaultGossipPort}` : text;
}

/**
 * By id, or by name. Of several with one name the only failed one is meant, since the others answer for themselves;
 * where that decides nothing, the id must.
 */
function memberToRemove(view: View, nameOrId: string): NodeId {
  const named: MemberView[] = [];
  for (const member of view.members()) {
    if (member.id === nameOrId) return member.id;
    if (member.name === nameOrId) named.push(member);
  }
  const failed = named.filter(({ status }) => status === 'failed');
  const present = named.filter(({ status }) => status !== 'left');
  const [member, another] = [failed, present, named.slice(0, 1)].find(({ length }) => length > 0) ?? [];
  if (member === undefined) {
    throw new Refusal(404, `agent: No node found with name '${nameOrId.slice(0, 200)}'; /v1/agent/members lists the known ones`);
  }
  if (another === undefined) return member.id;
  const ids = present.sort(byName).map(({ id, status }) => `${id} (${status})`);
  throw badRequest(
    `${present.length} members have the name '${nameOrId.slice(0, 200)}'; give the id of the one that is meant: ${ids.slice(0, 10).join(', ')}`,
  );
}

/**
 * Every value is an object: Go's client decodes a map of maps. `Version` is the level of Consul's API that is
 * offered, since clients compare it; the agent's own version is in `Meta` and `Skein`.
 */
function selfDescription(context: ApiContext, view: View): Record<string, unknown> {
  const { port, datacenter } = context;
  const info = context.agent.info();
  const self = view.member(port.self);
  const uuid = nodeUuid(port.self);
  return {
    Config: {
      Datacenter: datacenter,
      PrimaryDatacenter: datacenter,
      NodeName: info.name,
      NodeID: uuid,
      Revision: 'skein',
      Server: true,
      Version: compatVersion,
      BuildDate: new Date(info.startedAtMs).toISOString(),
    },
    DebugConfig: {
      Datacenter: datacenter,
      NodeName: info.name,
      NodeID: uuid,
      Version: compatVersion,
      DNSPort: listenerPort(info.listeners['dns']),
      GRPCPort: listenerPort(info.listeners['xds']),
      GRPCTLSPort: -1,
      HTTPPort: listenerPort(info.listeners['http']),
    },
    Coord: consulCoordinate(self?.coordinate),
    Member: self === undefined ? {} : consulMember(self, datacenter),
    Stats: statistics(view),
    Meta: {
      ...(self === undefined ? {} : nodeMeta(self)),
      skein_version: info.version,
      skein_id: info.id,
      skein_mesh: info.mesh,
    },
    xDS: {
      SupportedProxies: { envoy: [] },
      Port: listenerPort(info.listeners['xds']),
      Ports: { Plaintext: listenerPort(info.listeners['xds']), TLS: -1 },
    },
    Skein: {
      Version: info.version,
      ID: info.id,
      Mesh: info.mesh,
      DataDir: info.dataDir,
      StartedAt: new Date(info.startedAtMs).toISOString(),
      Listeners: info.listeners,
    },
  };
}

/** Consul says -1 for a port that is off. */
function listenerPort(address: string | undefined): number {
  return address === undefined ? -1 : portOf(address);
}

/** Texts, grouped, as Consul has them. */
function statistics(view: View): Record<string, Record<string, string>> {
  let members = 0;
  let failed = 0;
  let left = 0;
  for (const { status } of view.members()) {
    members++;
    if (status === 'failed') failed++;
    if (status === 'left') left++;
  }
  let services = 0;
  let checks = 0;
  for (const { type } of view.registrations()) {
    if (type === 'instance') services++;
    else checks++;
  }
  return {
    agent: { services: String(services), checks: String(checks) },
    serf_lan: { members: String(members), failed: String(failed), left: String(left) },
  };
}
