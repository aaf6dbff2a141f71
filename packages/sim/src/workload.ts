/** What clients of the mesh write while it is in trouble: instances, checks and config entries, on the node they are on. */

import { checkId, instanceId } from '@skein/core';
import type { CheckDefinition, CheckStatus, Command, Instance } from '@skein/core';
import type { FaultPlan, Write } from './plan.ts';
import type { SimNode } from './sim-node.ts';

/** An instance as plans register it: one HTTP port, one check that only its client updates. */
export function plannedInstance(service: string, id: string, port: number): Instance {
  return {
    id: instanceId(id),
    service,
    address: '',
    port,
    tags: [],
    meta: {},
    weights: { passing: 1, warning: 1 },
    taggedAddresses: {},
    enableTagOverride: false,
    protocol: 'http',
    region: '',
    zone: '',
    kind: '',
    socketPath: '',
  };
}

/** The id of the instance that a planned service has on a node. */
export function instanceOn(service: string, node: number): string {
  return `${service}-${node}`;
}

/** The ids of the instances that each node has at some time of a plan. */
export function instancesByNode({ services, writes }: FaultPlan): ReadonlyMap<number, ReadonlySet<string>> {
  const ids = new Map<number, Set<string>>();
  const add = (node: number, id: string): void => void ids.set(node, (ids.get(node) ?? new Set()).add(id));
  for (const { name, on } of services) for (const node of on) add(node, instanceOn(name, node));
  for (const { node, write } of writes) if (write.type === 'register') add(node, write.instance);
  return ids;
}

const servicePort = 8080;

export class Workload {
  readonly #plan: FaultPlan;
  #refused = 0;
  #done = 0;

  constructor(plan: FaultPlan) {
    this.#plan = plan;
  }

  /** Writes that were made, and those that no running node could take. */
  get figures(): { readonly writes: number; readonly refused: number } {
    return { writes: this.#done, refused: this.#refused };
  }

  /** A node has just booted: its services register what it does not have. */
  booted(node: SimNode): void {
    if (!node.isRunning) return;
    const known = new Set<string>();
    for (const registration of node.view().registrations())
      if (registration.type === 'instance') known.add(registration.instance.id);
    for (const { name, on } of this.#plan.services) {
      const id = instanceOn(name, node.index);
      if (on.includes(node.index) && !known.has(id))
        this.write(node, { type: 'register', service: name, instance: id, port: servicePort });
    }
  }

  /** Makes one write, if its node runs. */
  write(node: SimNode, write: Write): void {
    if (!node.isRunning || !node.dispatch(commandOf(write)).ok) this.#refused++;
    else this.#done++;
  }
}

function commandOf(write: Write): Command {
  switch (write.type) {
    case 'register':
      return {
        type: 'register',
        instance: plannedInstance(write.service, write.instance, write.port),
        checks: [healthCheck(write.instance, 'passing')],
        replaceChecks: true,
      };
    case 'deregister':
      return { type: 'deregister', id: instanceId(write.instance) };
    case 'check':
      return { type: 'check-result', id: checkId(`${write.instance}:health`), status: write.status, output: '' };
    default:
      return { type: 'apply-config', kind: 'route', name: write.name, value: { value: write.value } };
  }
}

function healthCheck(instance: string, status: CheckStatus): CheckDefinition {
  return {
    id: checkId(`${instance}:health`),
    name: 'health',
    notes: '',
    instanceId: instanceId(instance),
    probe: { type: 'none' },
    intervalMs: 0,
    timeoutMs: 0,
    successBeforePassing: 0,
    failuresBeforeWarning: 0,
    failuresBeforeCritical: 0,
    deregisterCriticalAfterMs: 0,
    initialStatus: status,
  };
}
