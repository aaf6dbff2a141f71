/** Which query a name means, and what it finds: also for DNS, which asks by name. */

import { shuffle } from '@skein/core';
import type { MemberView, Rng, View } from '@skein/core';
import { badRequest } from '../refusal.ts';
import { sortByDistance, type Placed } from '../selection.ts';
import { instanceChecks, nodeChecks } from '../shape/check.ts';
import { isInCatalog, nodeMeta } from '../shape/node.ts';
import { storedQueries, type StoredQuery } from './definition.ts';
import { renderTemplate } from './template.ts';

/**
 * By id, by name, or by the template with the longest prefix of the name, which is then rendered. Of two queries with one
 * name, from two sides of a partition, the one that was made first. Undefined when there is none.
 */
export function resolveQuery(view: View, idOrName: string): StoredQuery | undefined {
  const stored = storedQueries(view);
  const byId = stored.find(({ query }) => query.ID === idOrName);
  if (byId?.query.Template.Type === '') return byId;
  if (byId !== undefined) throw badRequest('prepared query templates can only be resolved up by name, not by ID');
  const older = (a: StoredQuery, b: StoredQuery): number =>
    a.entry.version.time.ms - b.entry.version.time.ms || (a.query.ID < b.query.ID ? -1 : 1);
  // DNS folds names, and Consul looks them up without regard to case.
  const folded = idOrName.toLowerCase();
  const named = stored.filter(({ query }) => query.Template.Type === '' && query.Name.toLowerCase() === folded).sort(older)[0];
  if (named !== undefined) return named;
  const template = stored
    .filter(({ query }) => query.Template.Type !== '' && folded.startsWith(query.Name.toLowerCase()))
    .sort((a, b) => b.query.Name.length - a.query.Name.length || older(a, b))[0];
  return template === undefined ? undefined : { ...template, query: renderTemplate(template.query, idOrName) };
}

export interface Execution {
  /** The node to sort by distance from: `_agent` is this one, `_ip` the one that `asker` is. Empty: what the query says. */
  readonly near: string;
  /** The address that asks. */
  readonly asker: string;
  /** 0: all. */
  readonly limit: number;
  readonly rng: Pick<Rng, 'below'>;
}

/** The instances that a query finds now: shuffled, or by distance. There are no other datacenters to fail over to. */
export function executeQuery(view: View, stored: StoredQuery, options: Execution): readonly Placed[] {
  const found = matchingInstances(view, stored);
  shuffle(found, options.rng);
  const near = options.near === '' ? stored.query.Service.Near : options.near;
  const source = sourceOf(view, near, options.asker);
  const ordered = source === undefined ? found : sortByDistance(found, source, ({ member }) => member);
  return options.limit > 0 ? ordered.slice(0, options.limit) : ordered;
}

/** Whoever asks from an address that is no node's is taken to be where this agent is. */
function sourceOf(view: View, near: string, asker: string): MemberView | undefined {
  if (near === '') return undefined;
  const self = view.member(view.self);
  if (near === '_agent') return self;
  if (near !== '_ip') return view.memberByName(near);
  const plain = asker.replace(/^::ffff:/, '');
  if (self?.address === plain) return self;
  for (const member of view.members()) if (member.address === plain && isInCatalog(member)) return member;
  return self;
}

/** The same in no order. */
export function matchingInstances(view: View, { query }: StoredQuery): Placed[] {
  const { Service } = query;
  const found: Placed[] = [];
  // Asked for are proxies and what is mesh-native, of which there is none: a plain port would not speak TLS.
  if (Service.Connect) return found;
  for (const instance of view.service(Service.Service)?.instances ?? []) {
    const member = view.member(instance.owner);
    if (!isInCatalog(member)) continue;
    const ignored = new Set(Service.IgnoreCheckIDs);
    const checks = [...nodeChecks(member), ...instanceChecks(instance)].filter((check) => !ignored.has(String(check['CheckID'])));
    const isHealthy = checks.every(({ Status }) => (Service.OnlyPassing ? Status === 'passing' : Status !== 'critical'));
    const { meta, tags } = instance.instance;
    if (
      isHealthy &&
      hasAll(nodeMeta(member), Service.NodeMeta) &&
      hasAll(meta, Service.ServiceMeta) &&
      hasTags(tags, Service.Tags)
    )
      found.push({ instance, member });
  }
  return found;
}

function hasAll(meta: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([key, value]) => Object.hasOwn(meta, key) && (value === '' || meta[key] === value));
}

function hasTags(tags: readonly string[], wanted: readonly string[]): boolean {
  const held = new Set(tags.map((tag) => tag.toLowerCase()));
  return wanted.every((tag) => {
    const lower = tag.toLowerCase();
    return lower.startsWith('!') ? !held.has(lower.slice(1)) : held.has(lower);
  });
}
