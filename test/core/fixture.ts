/** What tests of single parts share: a turn without a node around it, and values signed by anybody. */

import { instanceId, nodeId, profiles, seededRng } from '@skein/core';
import type {
  Accusation,
  AccusationReason,
  ConfigVersion,
  Effect,
  Instance,
  MemberFact,
  MemberRecord,
  MeshConfig,
  MeshEvent,
  NodeId,
  Notary,
  Persist,
  Signed,
  SignedConfig,
} from '@skein/core';
import { Turn } from '@skein/core/parts';
import { KeyRing } from '@skein/sim';

export const keys = new KeyRing('fixture');
const notaries = new Map<NodeId, Notary>();

export function notaryOf(id: NodeId): Notary {
  let notary = notaries.get(id);
  if (notary === undefined) notaries.set(id, (notary = keys.notary(id)));
  return notary;
}

/** A turn of a node of mesh `m`, at time 1000. */
export function makeTurn(id: NodeId, config: Partial<MeshConfig> = {}): Turn {
  return new Turn({ mesh: 'm', config: { ...profiles.lan, ...config }, notary: notaryOf(id), rng: seededRng(1) }, 1000);
}

export function events(effects: readonly Effect[]): MeshEvent[] {
  return effects.flatMap((effect) => (effect.type === 'emit' ? [effect.event] : []));
}

export function persisted(effects: readonly Effect[]): Persist[] {
  return effects.flatMap((effect) => (effect.type === 'persist' ? [effect.persist] : []));
}

/** The reasons of what was refused. */
export function refusals(effects: readonly Effect[]): string[] {
  return events(effects).flatMap((event) => (event.type === 'message-refused' ? [event.reason] : []));
}

/** What a member says of itself, signed by it. */
export function claim(id: NodeId, fields: Partial<MemberRecord> = {}): Signed<MemberRecord> {
  return notaryOf(id).sign('member', {
    mesh: 'm',
    id,
    name: `name-${id}`,
    epoch: 1,
    incarnation: 0,
    status: 'alive',
    addresses: [`${id}:1`],
    region: '',
    zone: '',
    tags: {},
    protocolMin: 1,
    protocolMax: 1,
    credential: new Uint8Array(0),
    keyHashes: [],
    ...fields,
  });
}

/** A member record as a message has it. `absentMs`: how long its teller has it gone. */
export function fact(record: Signed<MemberRecord>, verified = true, absentMs = 0): MemberFact {
  return { record, verified, absentMs };
}

export function accusation(
  accuser: NodeId,
  subject: NodeId,
  fields: Partial<Accusation> & { readonly reason?: AccusationReason } = {},
): Signed<Accusation> {
  return notaryOf(accuser).sign('accusation', {
    mesh: 'm',
    accuser,
    subject,
    epoch: 1,
    incarnation: 0,
    reason: 'probe-timeout',
    sequence: 1,
    ...fields,
  });
}

export function instance(id: string, fields: Partial<Instance> = {}): Instance {
  return {
    id: instanceId(id),
    service: 'web',
    address: '',
    port: 8080,
    tags: [],
    meta: {},
    weights: { passing: 1, warning: 1 },
    taggedAddresses: {},
    enableTagOverride: false,
    protocol: '',
    region: '',
    zone: '',
    kind: '',
    socketPath: '',
    ...fields,
  };
}

export const ids: readonly NodeId[] = ['n0', 'n1', 'n2', 'n3', 'n4', 'n5'].map(nodeId);

/** The wall clock of tests at their start, in ms since 1970. */
export const wallMs = 1_700_000_000_000;

/** A version of the route `r`, written `ms` later by its author; without a value it is a deletion. */
export function configVersion(author: NodeId, ms: number, json: string, fields: Partial<ConfigVersion> = {}): SignedConfig {
  return notaryOf(author).sign('config', {
    mesh: 'm',
    kind: 'route',
    name: 'r',
    author,
    time: { ms: wallMs + ms, counter: 0 },
    parent: '',
    json,
    deleted: json === '',
    ...fields,
  });
}
