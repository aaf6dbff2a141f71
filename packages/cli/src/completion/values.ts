/** The values that completion offers, by what help calls them: fixed ones, and names asked from the agent. */

import { agentApi } from '../agent-api.ts';
import type { AgentApi } from '../agent-api.ts';
import { membersPath, servicesPath } from '../catalog-read.ts';
import { listKeys } from '../commands/kv.ts';
import { pathPart } from '../agent-api.ts';
import type { Io } from '../io.ts';
import { isObject, objectsIn, textAt } from '../json-value.ts';
import type { Candidate, Candidates, ValuePlace, ValuesFor } from './candidates.ts';

/** Whoever presses Tab does not wait longer. */
const agentTimeoutMs = 1000;
const candidatesMax = 1000;

const fixed: Readonly<Record<string, readonly string[]>> = {
  profile: ['lan', 'wan', 'local'],
  level: ['trace', 'debug', 'info', 'warn', 'error', 'silent'],
  format: ['pretty', 'json'],
  kind: ['route', 'service-defaults', 'service-intentions', 'service-resolver', 'service-router', 'service-splitter'],
  type: ['A', 'AAAA', 'ANY', 'CNAME', 'NS', 'PTR', 'SOA', 'SRV', 'TXT'],
};

const files: ReadonlySet<string> = new Set(['file', 'path', 'dir']);

type Read = (api: Pick<AgentApi, 'get'>, place: ValuePlace) => Promise<readonly Candidate[]>;

const asked: Readonly<Record<string, Read>> = {
  service: async (api) => named(Object.keys(objectOf(await api.get(servicesPath)))),
  'service-id': async (api) =>
    Object.entries(objectOf(await api.get('/v1/agent/services'))).map(([value, entry]) => ({
      value,
      description: textAt(entry, 'Service'),
    })),
  node: async (api) =>
    objectsIn(await api.get(membersPath)).map((member) => ({
      value: textAt(member, 'name'),
      description: textAt(member, 'status'),
    })),
  event: async (api) => named(objectsIn(await api.get('/v1/event/list')).map((event) => textAt(event, 'Name'))),
  key: async (api, { typed }) => named(await listKeys(api, typed.slice(0, typed.lastIndexOf('/') + 1), '/')),
  name: async (api, { command, before: [kind = ''] }) => {
    if (command === 'resolve') return named(Object.keys(objectOf(await api.get(servicesPath))));
    if (!command.startsWith('config ')) return [];
    return named(objectsIn(await api.get(`/v1/mesh/config/${pathPart(kind)}`)).map((entry) => textAt(entry, 'name')));
  },
};

/** An agent that is away, slow or of another kind leaves its values out, without a word. */
export function completionValues(io: Io): ValuesFor {
  return async (place) => {
    const { placeholder, httpAddr } = place;
    if (placeholder === 'simulation') return { values: safe(named(io.simulations.names())), hasFiles: true };
    if (files.has(placeholder)) return { values: [], hasFiles: true };
    const known = own(fixed, placeholder);
    if (known !== undefined) return { values: named(known), hasFiles: false };
    const read = own(asked, placeholder);
    if (read === undefined) return none;
    try {
      const api = agentApi(io, httpAddr);
      const values = await read({ get: (path) => api.get(path, agentTimeoutMs) }, place);
      return { values: safe(values), hasFiles: false };
    } catch {
      return none;
    }
  };
}

const none: Candidates = { values: [], hasFiles: false };

function own<T>(table: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

function named(values: readonly string[]): readonly Candidate[] {
  return values.map((value) => ({ value, description: '' }));
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return isObject(value) ? value : {};
}

/**
 * Names come from other hosts, and shells put them on the command line as they are: only those that no shell takes for
 * anything but a word. Each once.
 */
function safe(candidates: readonly Candidate[]): readonly Candidate[] {
  const fine = candidates.filter(({ value }) => /^[\w./][\w./:@%+,-]*$/.test(value));
  return [...new Map(fine.map((candidate) => [candidate.value, candidate])).values()].slice(0, candidatesMax);
}
