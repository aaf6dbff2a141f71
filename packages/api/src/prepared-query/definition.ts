/**
 * Prepared queries as they are written and kept: config entries of a kind of their own, named by the id that this agent
 * made up. That a name is used once is checked against the local view only: written on two sides of a partition at once,
 * one name may have two queries, of which the older answers.
 */

import { limits } from '@skein/core';
import type { ConfigEntry, View } from '@skein/core';
import { defaultOnly } from '../decode/check-definition.ts';
import { flag, ignored, integer, listOf, mapOf, objectOf, text, unsupported } from '../decode/decoder.ts';
import { parseDuration } from '../duration.ts';
import { badRequest, Refusal } from '../refusal.ts';
import { compareTexts } from '../shape/node.ts';
import { templateFault } from './template.ts';

export const preparedQueryKind = 'prepared-query';

export interface FailoverTarget {
  readonly Peer: string;
  readonly Datacenter: string;
}

export interface ServiceQuery {
  readonly Service: string;
  readonly Failover: {
    readonly NearestN: number;
    readonly Datacenters: readonly string[];
    readonly Targets: readonly FailoverTarget[];
  };
  readonly OnlyPassing: boolean;
  readonly IgnoreCheckIDs: readonly string[];
  readonly Near: string;
  /** One that begins with `!` must not be there. */
  readonly Tags: readonly string[];
  readonly NodeMeta: Readonly<Record<string, string>>;
  readonly ServiceMeta: Readonly<Record<string, string>>;
  readonly Connect: boolean;
}

/** In Consul's words, as it is kept and shown. */
export interface PreparedQuery {
  readonly ID: string;
  readonly Name: string;
  readonly Template: { readonly Type: string; readonly Regexp: string; readonly RemoveEmptyTags: boolean };
  readonly Service: ServiceQuery;
  readonly DNS: { readonly TTL: string };
}

const peers = unsupported('there are no peers and sameness groups here; leave it out');

const read = objectOf({
  ID: text,
  Name: text,
  Session: text,
  Token: ignored,
  Template: objectOf({ Type: text, Regexp: text, RemoveEmptyTags: flag } as const),
  Service: objectOf({
    Service: text,
    SamenessGroup: peers,
    Failover: objectOf({
      NearestN: integer(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
      Datacenters: listOf(text),
      Targets: listOf(objectOf({ Peer: text, Datacenter: text, Partition: defaultOnly, Namespace: defaultOnly } as const)),
    } as const),
    OnlyPassing: flag,
    IgnoreCheckIDs: listOf(text),
    Near: text,
    Tags: listOf(text),
    NodeMeta: mapOf(text),
    ServiceMeta: mapOf(text),
    Connect: flag,
    Peer: peers,
    Namespace: defaultOnly,
    Partition: defaultOnly,
  } as const),
  DNS: objectOf({ TTL: text } as const),
  CreateIndex: ignored,
  ModifyIndex: ignored,
} as const);

/** Reads a definition. Throws a `Refusal` with Consul's text. The token, if any, is dropped: nothing here checks it. */
export function decodeQuery(value: unknown, id: string): PreparedQuery {
  const { Name = '', Session = '', Template = {}, Service = {}, DNS = {} } = read(value, '');
  const { Failover = {} } = Service;
  if (Session !== '') {
    throw new Refusal(501, 'Invalid prepared query: sessions are not implemented: they need a consensus that is not there');
  }
  const query: PreparedQuery = {
    ID: id,
    Name,
    Template: {
      Type: Template.Type ?? '',
      Regexp: Template.Regexp ?? '',
      RemoveEmptyTags: Template.RemoveEmptyTags ?? false,
    },
    Service: {
      Service: Service.Service ?? '',
      Failover: {
        NearestN: Failover.NearestN ?? 0,
        Datacenters: Failover.Datacenters ?? [],
        Targets: (Failover.Targets ?? []).map((target) => ({ Peer: target.Peer ?? '', Datacenter: target.Datacenter ?? '' })),
      },
      OnlyPassing: Service.OnlyPassing ?? false,
      IgnoreCheckIDs: Service.IgnoreCheckIDs ?? [],
      Near: Service.Near ?? '',
      Tags: Service.Tags ?? [],
      NodeMeta: Service.NodeMeta ?? {},
      ServiceMeta: Service.ServiceMeta ?? {},
      Connect: Service.Connect ?? false,
    },
    DNS: { TTL: DNS.TTL ?? '' },
  };
  const fault = faultOf(query);
  if (fault !== undefined) throw badRequest(`Invalid prepared query: ${fault}`);
  return query;
}

function faultOf({ Name, Template, Service, DNS }: PreparedQuery): string | undefined {
  if (Name === '' && Template.Type === '') return 'Must be bound to a session; there are none here, so give it a Name';
  if (Name.length > limits.nameLength) return `Name has ${Name.length} characters, the limit is ${limits.nameLength}`;
  if (Service.Service === '') return 'Must provide a Service name to query';
  const { NearestN, Datacenters, Targets } = Service.Failover;
  if (NearestN < 0) return `Bad NearestN '${NearestN}', must be >= 0`;
  if ((NearestN !== 0 || Datacenters.length > 0) && Targets.length > 0)
    return 'Targets cannot be populated with NearestN or Datacenters';
  if (DNS.TTL !== '') {
    const ttlMs = parseDuration(DNS.TTL);
    if (ttlMs === undefined) return `Bad DNS TTL '${DNS.TTL.slice(0, 60)}': it is not a duration, such as 10s`;
    if (ttlMs < 0) return `DNS TTL '${DNS.TTL.slice(0, 60)}', must be >=0`;
  }
  return templateFault({ Name, Template, Service });
}

/** Why a query may not be kept beside those that there are. */
export function aliasFault(view: View, query: PreparedQuery): string | undefined {
  const others = storedQueries(view).filter(({ query: { ID } }) => ID !== query.ID);
  const isTemplate = query.Template.Type !== '';
  if (query.Name === '') {
    return isTemplate && others.some(({ query: other }) => other.Name === '' && other.Template.Type !== '')
      ? 'a query template with an empty name already exists'
      : undefined;
  }
  if (others.some(({ query: { Name } }) => Name === query.Name)) return `name '${query.Name}' aliases an existing query name`;
  return others.some(({ query: { ID } }) => ID === query.Name) ? `name '${query.Name}' aliases an existing query ID` : undefined;
}

export interface StoredQuery {
  readonly query: PreparedQuery;
  readonly entry: ConfigEntry;
}

/** All queries, by id. What another version of this program wrote and this one does not understand is left out. */
export function storedQueries(view: View): readonly StoredQuery[] {
  const stored: StoredQuery[] = [];
  for (const entry of view.configEntries(preparedQueryKind)) {
    const query = storedQuery(entry);
    if (query !== undefined) stored.push(query);
  }
  return stored.sort((a, b) => compareTexts(a.query.ID, b.query.ID));
}

/** Entries are immutable, and DNS asks for them again with every query. */
const known = new WeakMap<ConfigEntry, StoredQuery | false>();

export function storedQuery(entry: ConfigEntry | undefined): StoredQuery | undefined {
  if (entry === undefined) return undefined;
  let stored = known.get(entry);
  if (stored === undefined) {
    stored = decodeStored(entry) ?? false;
    known.set(entry, stored);
  }
  return stored === false ? undefined : stored;
}

function decodeStored(entry: ConfigEntry): StoredQuery | undefined {
  try {
    return { query: decodeQuery(entry.value, entry.name), entry };
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

/** As Consul shows it. */
export function queryJson({ query, entry }: StoredQuery): Record<string, unknown> {
  return { ...query, Session: '', Token: '', CreateIndex: entry.createIndex, ModifyIndex: entry.index };
}
