/** What a prepared query finds: also for DNS, which asks by name. */

import { shuffle } from '@skein/core';
import type { CheckView, MemberView, Rng, View } from '@skein/core';
import { instancesNamed, sortByDistance, type Placed } from '../selection.ts';
import { isUp, serfHealthId } from '../shape/check.ts';
import { isInCatalog, nodeMeta } from '../shape/node.ts';
import type { StoredQuery } from './definition.ts';

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
  const { IgnoreCheckIDs, OnlyPassing, NodeMeta, ServiceMeta, Service, Tags } = query.Service;
  const ignored = new Set(IgnoreCheckIDs);
  const asksNode = Object.keys(NodeMeta).length > 0;
  const found: Placed[] = [];
  // Asked for are proxies and what is mesh-native, of which there is none: a plain port would not speak TLS.
  if (query.Service.Connect) return found;
  const isGood = ({ id, status }: CheckView): boolean =>
    ignored.has(id) || (OnlyPassing ? status === 'passing' : status !== 'critical');
  for (const instance of instancesNamed(view, Service)) {
    const member = view.member(instance.owner);
    if (!isInCatalog(member)) continue;
    const { id, meta, tags } = instance.instance;
    if (
      (ignored.has(serfHealthId) || isUp(member)) &&
      member.checks.every(isGood) &&
      instance.checks.every((check) => check.instanceId !== id || isGood(check)) &&
      (!asksNode || hasAll(nodeMeta(member), NodeMeta)) &&
      hasAll(meta, ServiceMeta) &&
      hasTags(tags, Tags)
    )
      found.push({ instance, member });
  }
  return found;
}

function hasAll(meta: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([key, value]) => Object.hasOwn(meta, key) && (value === '' || meta[key] === value));
}

function hasTags(tags: readonly string[], wanted: readonly string[]): boolean {
  if (wanted.length === 0) return true;
  const held = new Set(tags.map((tag) => tag.toLowerCase()));
  return wanted.every((tag) => {
    const lower = tag.toLowerCase();
    return lower.startsWith('!') ? !held.has(lower.slice(1)) : held.has(lower);
  });
}
