/**
 * `/v1/catalog/register` and `/v1/catalog/deregister`: hosts without an agent. Any agent takes the write, and any other
 * may take it back: no member owns them. What runs on a member is written through that member's own agent only.
 */

import { externalId, externalKind, externalName, externalNodeOf, externalValue, instanceId } from '@skein/core';
import type { ExternalNode, ExternalPart, MemberView, View } from '@skein/core';
import { isHeld, removeEntries } from '../context.ts';
import type { ApiContext } from '../context.ts';
import { decodeCatalogDeregistration, decodeCatalogRegistration } from '../decode/catalog-registration.ts';
import { parseJsonBody } from '../decode/json-body.ts';
import { badRequest, Refusal, requireOk } from '../refusal.ts';
import type { Answer, ApiRequest, Route } from '../route.ts';
import { consulNodeId } from '../shape/node.ts';

export function catalogWriteRoutes(context: ApiContext): readonly Route[] {
  return [
    { method: 'PUT', path: '/v1/catalog/register', handle: (request) => register(context, request) },
    { method: 'PUT', path: '/v1/catalog/deregister', handle: (request) => deregister(context, request) },
  ];
}

async function register(context: ApiContext, request: ApiRequest): Promise<Answer> {
  const { port, agent } = context;
  context.reader.check(request);
  const { datacenter, keepsNode, ...said } = decodeCatalogRegistration(parseJsonBody(request.body));
  requireDatacenter(context, datacenter);
  const view = port.view();
  const node = knownName(view, said.node);
  const parts = said.parts.map((part) => ofNode(part, node));
  refuseMember(memberNamed(view, node), 'register it there, with PUT /v1/agent/service/register');
  const existing = view.member(externalId(node));
  const nodePart = (keepsNode && existing !== undefined) || said.nodePart === undefined ? undefined : ofNode(said.nodePart, node);
  if (existing === undefined && nodePart === undefined)
    throw badRequest(`Unknown node '${node.slice(0, 200)}': register it with its Address`);
  requireServices(view, node, parts);
  const earlierNames = nodePart?.type === 'node' ? earlierNamesOf(view, nodePart.node) : [];
  for (const part of inOrder(nodePart === undefined ? parts : [nodePart, ...parts])) {
    const entry = { kind: externalKind, name: externalName(part), value: externalValue(part) };
    // Whoever watches over a node says the same of it again and again.
    if (!isHeld(view, entry)) requireOk(port.dispatch({ type: 'apply-config', ...entry }));
  }
  for (const name of earlierNames) await removeParts(context, view, name, { serviceId: '', checkId: '' });
  await agent.durable();
  return { json: true };
}

async function deregister(context: ApiContext, request: ApiRequest): Promise<Answer> {
  const { port } = context;
  context.reader.check(request);
  const { datacenter, serviceId, checkId, ...said } = decodeCatalogDeregistration(parseJsonBody(request.body));
  requireDatacenter(context, datacenter);
  const view = port.view();
  const node = knownName(view, said.node);
  const next =
    serviceId !== ''
      ? `deregister it there, with PUT /v1/agent/service/deregister/${serviceId}`
      : checkId !== ''
        ? `deregister it there, with PUT /v1/agent/check/deregister/${checkId}`
        : `a member leaves by itself, or failed by PUT /v1/agent/force-leave/${node}`;
  if (view.member(externalId(node)) === undefined) refuseMember(memberNamed(view, node), next);
  await removeParts(context, view, node, { serviceId, checkId });
  return { json: true };
}

/**
 * Checks, then instances, then the node: what is incomplete is not shown, so nobody, here or elsewhere, sees an instance
 * before the check that would keep traffic from it.
 */
function inOrder(parts: readonly ExternalPart[]): readonly ExternalPart[] {
  return (['check', 'instance', 'node'] as const).flatMap((type) => parts.filter((part) => part.type === type));
}

/** What is meant: a service, a check, or, with both empty, the node. */
interface Target {
  readonly serviceId: string;
  readonly checkId: string;
}

/** The other way round than they are written: what loses its node is not shown any more, and needs no check then. */
async function removeParts(context: ApiContext, view: View, node: string, target: Target): Promise<void> {
  const doomed = [...view.configEntries(externalKind)].filter(
    ({ name, value }) => externalNodeOf(name) === node && isMeant(name, value, target),
  );
  await removeEntries(
    context,
    doomed.sort((a, b) => removalRank(a.name) - removalRank(b.name)),
  );
}

/** The node first, then instances, then checks. */
function removalRank(name: string): number {
  const slash = name.indexOf('/');
  return slash < 0 ? 0 : name.startsWith('/i/', slash) ? 1 : 2;
}

/**
 * The external nodes that have the id of this one, under other names: a node that comes back with its id and another name
 * was renamed, and what ran under the old name is gone, as in Consul. A member's id is refused: it names itself.
 */
function earlierNamesOf(view: View, { name, uuid }: ExternalNode): readonly string[] {
  if (uuid === '') return [];
  for (const member of view.members()) {
    if (member.status !== 'left' && consulNodeId(member) === uuid)
      throw badRequest(`Bad node ID: ${uuid} is that of '${member.name}', a member of the mesh: leave it out, or give another`);
  }
  const names: string[] = [];
  for (const node of view.externalNodes()) if (node.name !== name && consulNodeId(node) === uuid) names.push(node.name);
  return names;
}

/** A service goes with its checks, a node with everything. */
function isMeant(name: string, value: unknown, { serviceId, checkId }: Target): boolean {
  const part = name.slice(name.indexOf('/') + 1);
  const isPart = name.includes('/');
  if (serviceId !== '')
    return isPart && (part === `i/${serviceId}` || (value as { instanceId?: string }).instanceId === serviceId);
  return checkId === '' || (isPart && part === `c/${checkId}`);
}

function requireDatacenter({ datacenter }: ApiContext, asked: string): void {
  if (asked !== '' && asked !== datacenter) throw new Refusal(500, 'No path to datacenter');
}

/** A node keeps the name that it was first registered under: in another case it is the same one. */
function knownName(view: View, name: string): string {
  return view.memberByName(name)?.external?.name ?? name;
}

function ofNode(part: ExternalPart, node: string): ExternalPart {
  return part.type === 'node' ? { ...part, node: { ...part.node, name: node } } : { ...part, node };
}

/** One truth a fact: of what runs on a member, its own agent is the only writer. */
function refuseMember(member: MemberView | undefined, next: string): void {
  if (member === undefined) return;
  throw badRequest(`node '${member.name}' is a member of the mesh, and its agent owns what is registered there: ${next}`);
}

function memberNamed(view: View, name: string): MemberView | undefined {
  const member = view.memberByName(name);
  return member?.external === undefined && member?.status !== 'left' ? member : undefined;
}

/** A check belongs to a service that is registered with it, or was before. */
function requireServices(view: View, node: string, parts: readonly ExternalPart[]): void {
  const known = new Set(view.instancesOf(externalId(node)).map(({ instance }) => instance.id));
  for (const part of parts) if (part.type === 'instance') known.add(part.instance.id);
  for (const part of parts) {
    if (part.type !== 'check' || part.check.instanceId === undefined || known.has(instanceId(part.check.instanceId))) continue;
    throw badRequest(`Unknown service ID '${part.check.instanceId}' for check ID '${part.check.id}'`);
  }
}
