/** Checks as Consul shows them, with the node check that Consul makes up from gossip. */

import type { CheckDefinition, CheckState, CheckView, InstanceView, MemberView } from '@skein/core';
import { formatDuration } from '../duration.ts';

/** The check of a node that gossip is. */
export const serfHealthId = 'serfHealth';

interface CheckOwner {
  readonly node: string;
  readonly serviceId: string;
  readonly serviceName: string;
  readonly serviceTags: readonly string[];
}

function ofNode(member: MemberView): CheckOwner {
  return { node: member.name, serviceId: '', serviceName: '', serviceTags: [] };
}

/**
 * `serfHealth`: whether the node may be sent traffic. Turns critical as soon as routing gives a node up, which is
 * before membership does; clients of Consul skip all services of such a node.
 */
export function serfHealth(member: MemberView): Record<string, unknown> {
  const isPassing = isUp(member);
  return {
    ...checkFields(ofNode(member)),
    CheckID: serfHealthId,
    Name: 'Serf Health Status',
    Status: isPassing ? 'passing' : 'critical',
    Output: isPassing ? 'Agent alive and reachable' : 'Agent not live or unreachable',
    CreateIndex: member.createIndex,
    ModifyIndex: member.modifyIndex,
  };
}

/** Whether a member may be sent traffic. */
export function isUp({ reachable, verified, status }: MemberView): boolean {
  return reachable && verified && (status === 'alive' || status === 'suspect');
}

/** The node's own checks, `serfHealth` first. An external node has none: nobody here would notice if it were gone. */
export function nodeChecks(member: MemberView): readonly Record<string, unknown>[] {
  const health = member.external === undefined ? [serfHealth(member)] : [];
  return [...health, ...member.checks.map((check) => gossipedCheck(check, ofNode(member)))];
}

/** The checks of one instance, without its node's. */
export function instanceChecks(view: InstanceView): readonly Record<string, unknown>[] {
  const { instance } = view;
  const owner = { node: view.nodeName, serviceId: instance.id, serviceName: instance.service, serviceTags: instance.tags };
  return view.checks.filter((check) => check.instanceId === instance.id).map((check) => gossipedCheck(check, owner));
}

function gossipedCheck(check: CheckView, owner: CheckOwner): Record<string, unknown> {
  return {
    ...checkFields(owner),
    CheckID: check.id,
    Name: check.name,
    Status: check.status,
    Notes: check.notes,
    Output: check.output,
    ...schedule(
      isMaintenance(check.id) ? 'maintenance' : check.type,
      check,
      'definition' in check || check.instanceId !== undefined,
    ),
    // Of an external node: what its watcher goes by.
    ...('definition' in check ? { Definition: check.definition } : {}),
    CreateIndex: check.createIndex,
    ModifyIndex: check.modifyIndex,
  };
}

/** A check registered on this agent, with its newest output. */
export function localCheck(
  definition: CheckDefinition,
  state: CheckState,
  owner: { readonly node: string; readonly serviceName: string; readonly serviceTags: readonly string[] },
): Record<string, unknown> {
  return {
    ...checkFields({ ...owner, serviceId: definition.instanceId ?? '' }),
    CheckID: definition.id,
    Name: definition.name,
    Status: state.status,
    Notes: definition.notes,
    Output: state.output,
    ...schedule(
      isMaintenance(definition.id) ? 'maintenance' : definition.probe.type,
      definition,
      definition.instanceId !== undefined,
    ),
    // An agent does not number the changes of its own checks.
    CreateIndex: 0,
    ModifyIndex: 0,
  };
}

function checkFields(owner: CheckOwner): Record<string, unknown> {
  return {
    Node: owner.node,
    CheckID: '',
    Name: '',
    Status: '',
    Notes: '',
    Output: '',
    ServiceID: owner.serviceId,
    ServiceName: owner.serviceName,
    ServiceTags: owner.serviceTags,
    Type: '',
    Interval: '',
    Timeout: '',
    ExposedPort: 0,
    Definition: {},
  };
}

/** Whether a check is one of those that maintenance mode makes. */
export function isMaintenance(id: string): boolean {
  return id === '_node_maintenance' || id.startsWith('_service_maintenance:');
}

/** What a check does without is left empty, but said as `0s` of the checks that an agent runs for its node: so does Consul's. */
function schedule(
  type: string,
  { intervalMs, timeoutMs }: { readonly intervalMs: number; readonly timeoutMs: number },
  isNeverZero: boolean,
): Record<string, string> {
  const zero = isNeverZero || type === 'maintenance' ? '' : '0s';
  const text = (spanMs: number): string => (spanMs === 0 ? zero : formatDuration(spanMs));
  return { Type: type, Interval: text(intervalMs), Timeout: text(timeoutMs) };
}
