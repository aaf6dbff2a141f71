/** What the list commands and the demo read from an agent, as the stable shapes that `--json` prints. */

import { pathPart, toldPathPart } from './agent-api.ts';
import type { AgentApi } from './agent-api.ts';
import { isObject, isTrueAt, numberAt, objectAt, objectsIn, textAt, textMapAt, textsAt } from './json-value.ts';

export interface MemberRow {
  readonly name: string;
  readonly id: string;
  /** `alive`, `suspect`, `failed`, `leaving` or `left`. */
  readonly status: string;
  /** Whether the agent asked may send traffic to its instances. */
  readonly reachable: boolean;
  /** Whether anybody had a direct answer from this boot of it; nobody sends traffic to it before. */
  readonly verified: boolean;
  /** Where its mesh port listens, `host:port`. */
  readonly address: string;
  readonly epoch: number;
  readonly incarnation: number;
  readonly region: string;
  readonly zone: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Ids of the members that accuse it now. */
  readonly accusers: readonly string[];
}

export interface ServiceRow {
  readonly name: string;
  /** How many instances are registered, and how many of them pass every check on a node that answers. */
  readonly instances: number;
  readonly healthy: number;
  readonly tags: readonly string[];
}

export interface CheckRow {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly output: string;
}

/** A check with where it belongs. */
export interface PlacedCheckRow extends CheckRow {
  readonly node: string;
  /** Of the service and the instance it is about; empty for a check of the node. */
  readonly service: string;
  readonly serviceId: string;
  readonly notes: string;
}

export interface InstanceRow {
  readonly id: string;
  readonly service: string;
  readonly node: string;
  readonly address: string;
  readonly port: number;
  /** The worst of its checks and its node's. */
  readonly status: string;
  /** Whether the agent asked would send a request there. */
  readonly routable: boolean;
  readonly zone: string;
  readonly tags: readonly string[];
  readonly checks: readonly CheckRow[];
}

/** Requests under way at once when a list needs one for each service. */
const requestsAtOnce = 8;

export const membersPath = '/v1/mesh/members';
export const servicesPath = '/v1/catalog/services';
/** All checks of the mesh. Its index moves with every change of a check or a node. */
export const allChecksPath = '/v1/health/state/any';

export function instancesPath(service: string): string {
  return `/v1/health/service/${pathPart(service)}`;
}

/** Sorted by name, then id. */
export async function readMembers(api: AgentApi): Promise<readonly MemberRow[]> {
  return membersIn(await api.get(membersPath));
}

export function membersIn(body: unknown): readonly MemberRow[] {
  const rows = objectsIn(body).map(toMember);
  return rows.sort((a, b) => compareTexts(a.name, b.name) || compareTexts(a.id, b.id));
}

/** The services that `body` names, each asked for its instances. Sorted by name. */
export async function servicesIn(body: unknown, api: AgentApi): Promise<readonly ServiceRow[]> {
  const services = isObject(body) ? Object.keys(body).sort(compareTexts) : [];
  const rows: ServiceRow[] = [];
  for (let from = 0; from < services.length; from += requestsAtOnce) {
    const some = services.slice(from, from + requestsAtOnce);
    rows.push(...(await Promise.all(some.map((name) => readService(api, name, textsAt(body, name))))));
  }
  return rows;
}

async function readService(api: AgentApi, name: string, tags: readonly string[]): Promise<ServiceRow> {
  const all = objectsIn(await api.get(`/v1/health/service/${toldPathPart(name)}`)).map(toInstance);
  return { name, instances: all.length, healthy: all.filter((instance) => instance.status === 'passing').length, tags };
}

/** Sorted by node, then id. Empty when no such service is known. */
export async function readInstances(api: AgentApi, service: string): Promise<readonly InstanceRow[]> {
  return instancesIn(await api.get(instancesPath(service)));
}

export function instancesIn(body: unknown): readonly InstanceRow[] {
  const rows = objectsIn(body).map(toInstance);
  return rows.sort((a, b) => compareTexts(a.node, b.node) || compareTexts(a.id, b.id));
}

/** The checks in `body`, which is a list of them. Sorted worst first, then by node and id. */
export function checksIn(body: unknown): readonly PlacedCheckRow[] {
  const rows = objectsIn(body).map((value): PlacedCheckRow => ({
    ...toCheck(value),
    node: textAt(value, 'Node'),
    service: textAt(value, 'ServiceName'),
    serviceId: textAt(value, 'ServiceID'),
    notes: textAt(value, 'Notes'),
  }));
  return rows.sort((a, b) => rank(b.status) - rank(a.status) || compareTexts(a.node, b.node) || compareTexts(a.id, b.id));
}

/** The checks of the instances in `body`, and those of their nodes, each once. */
export function checksOfInstancesIn(body: unknown): readonly PlacedCheckRow[] {
  const checks = objectsIn(body).flatMap((entry) => objectsIn(entry['Checks']));
  const once = new Map(checks.map((check) => [JSON.stringify([check['Node'], check['CheckID']]), check]));
  return checksIn([...once.values()]);
}

function toMember(value: unknown): MemberRow {
  return {
    name: textAt(value, 'name'),
    id: textAt(value, 'id'),
    status: textAt(value, 'status'),
    reachable: isTrueAt(value, 'reachable'),
    verified: isTrueAt(value, 'verified'),
    address: textsAt(value, 'addresses')[0] ?? textAt(value, 'address'),
    epoch: numberAt(value, 'epoch'),
    incarnation: numberAt(value, 'incarnation'),
    region: textAt(value, 'region'),
    zone: textAt(value, 'zone'),
    tags: textMapAt(value, 'tags'),
    accusers: textsAt(value, 'accusers'),
  };
}

/** Consul's words for what a check says, worst last. */
const severity = ['passing', 'warning', 'critical'];

function toInstance(value: unknown): InstanceRow {
  const node = objectAt(value, 'Node');
  const instance = objectAt(value, 'Service');
  const checks = objectsIn(isObject(value) ? value['Checks'] : undefined).map(toCheck);
  const status = checks.reduce((worst, check) => (rank(check.status) > rank(worst) ? check.status : worst), 'passing');
  return {
    id: textAt(instance, 'ID'),
    service: textAt(instance, 'Service'),
    node: textAt(node, 'Node'),
    address: textAt(instance, 'Address') || textAt(node, 'Address'),
    port: numberAt(instance, 'Port'),
    status,
    // The node's own check turns critical as soon as routing gives it up, so the worst check decides.
    routable: status === 'passing' || status === 'warning',
    zone: textAt(objectAt(instance, 'Locality'), 'Zone') || textAt(objectAt(node, 'Meta'), 'zone'),
    tags: textsAt(instance, 'Tags'),
    checks,
  };
}

function toCheck(value: unknown): CheckRow {
  return {
    id: textAt(value, 'CheckID'),
    name: textAt(value, 'Name'),
    status: textAt(value, 'Status'),
    output: textAt(value, 'Output'),
  };
}

function rank(status: string): number {
  const known = severity.indexOf(status);
  // A status this program does not know must not look healthy.
  return known === -1 ? severity.length : known;
}

/** By UTF-16 units: the same order on every machine, whatever its locale. */
export function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
