/** Query parameters that many endpoints share. */

import { badRequest, Refusal } from './refusal.ts';
import { parseBoolean } from './go-boolean.ts';
import { parseDuration } from './duration.ts';
import type { Fields } from './filter/fields.ts';
import { compileFilter } from './filter/filter.ts';
import type { Keep } from './filter/filter.ts';

const waitMsDefault = 300_000;
const waitMsMax = 600_000;
const indexMax = 2n ** 64n - 1n;

/** How a client wants to wait for a change: `index` 0 means not at all. */
export interface Wait {
  readonly index: number;
  readonly waitMs: number;
}

/** Reads `index` and `wait`. */
export function parseWait(query: URLSearchParams): Wait {
  const indexText = query.get('index') ?? '';
  // Clients of 64 bits may hold any index of another system; beyond 2^53 the exact value does not matter any more.
  if (!/^\d*$/.test(indexText) || BigInt(indexText) > indexMax) throw badRequest('Invalid index');
  const waitText = query.get('wait') ?? '';
  const waitMs = waitText === '' ? 0 : parseDuration(waitText);
  if (waitMs === undefined) throw badRequest('Invalid wait time');
  return { index: Number(indexText), waitMs: waitMs <= 0 ? waitMsDefault : Math.min(waitMs, waitMsMax) };
}

/**
 * Refuses what cannot be answered: another datacenter, namespace or peer, and conflicting consistency modes. The modes
 * themselves all mean the same here: the local view.
 */
export function checkCommonParameters(query: URLSearchParams, datacenter: string): void {
  // The long name goes first where both are given.
  const dc = [query.get('datacenter'), query.get('dc')].find((given) => (given ?? '') !== '');
  if (dc !== undefined && dc !== datacenter) throw new Refusal(500, 'No path to datacenter');
  for (const name of ['ns', 'namespace', 'partition', 'peer', 'sg', 'segment']) {
    const asked = query.get(name) ?? '';
    // Consul's command line asks for the members of all segments.
    if (asked !== '' && asked !== 'default' && !(name === 'segment' && asked === '_all')) {
      throw badRequest(`Invalid query parameter: "${name}": there is only "default" here; leave it out`);
    }
  }
  if (query.has('consistent')) {
    for (const other of ['stale', 'cached']) {
      if (query.has(other)) throw badRequest(`Cannot specify ?${other} with ?consistent, conflicting semantics.`);
    }
  }
  const maxStale = query.get('max_stale') ?? '';
  if (maxStale !== '' && parseDuration(maxStale) === undefined)
    throw badRequest(`Invalid max_stale value ${JSON.stringify(maxStale)}`);
}

/**
 * The filter of a request over `fields`; undefined without one. Endpoints without fields refuse a filter, since to
 * ignore it would give a wrong answer. Throws a `FilterError` for one that does not fit.
 */
export function parseFilterParameter(query: URLSearchParams, fields: Fields | undefined): Keep | undefined {
  const text = query.get('filter') ?? '';
  if (text === '') return undefined;
  if (fields === undefined) throw badRequest('Invalid query parameter: "filter": this endpoint has none; leave it out');
  return compileFilter(text, fields);
}

/** A flag as Go reads it; `undefined` when absent, `bare` when given without a value. */
export function parseFlag(query: URLSearchParams, name: string, bare?: boolean): boolean | undefined {
  const given = query.get(name);
  if (given === null) return undefined;
  const value = given === '' ? bare : parseBoolean(given);
  if (value === undefined) throw badRequest(`Invalid value for ?${name}`);
  return value;
}

/** `node-meta=key:value`, repeatable: a test that metadata has all of them. */
export function parseNodeMeta(query: URLSearchParams): (meta: Readonly<Record<string, string>>) => boolean {
  const wanted = query.getAll('node-meta').map((pair) => {
    const colon = pair.indexOf(':');
    return colon === -1 ? ([pair, ''] as const) : ([pair.slice(0, colon), pair.slice(colon + 1)] as const);
  });
  // An empty one is a label that nobody has, as in Consul.
  for (const [key, value] of wanted)
    if (key === '' && value !== '') throw badRequest('Invalid query parameter: "node-meta" must be key:value');
  return (meta) => wanted.every(([key, value]) => Object.hasOwn(meta, key) && (value === '' || meta[key] === value));
}
