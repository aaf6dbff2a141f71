/**
 * Templates of prepared queries: one query that answers for every name with its prefix. Its texts may hold `${name.full}`,
 * `${name.prefix}`, `${name.suffix}`, `${match(N)}` (a group of the template's expression) and `${agent.segment}`, which
 * is empty. `$${` stands for `${`.
 */

import { compilePattern, type Pattern, PatternError } from '../pattern.ts';
import type { PreparedQuery, ServiceQuery } from './definition.ts';

/** Longer names match no expression: names in DNS have no more. */
const nameLengthMax = 253;
const placeholder = /\$\$\{|\$\{([^}]*)\}?/g;
const known = /^\s*(?:name\.(?:full|prefix|suffix)|agent\.segment|match\(\s*\d{1,2}\s*\))\s*$/;

type Template = Pick<PreparedQuery, 'Name' | 'Template' | 'Service'>;

/** What is wrong with a query as a template; undefined when nothing is, or when it is none. */
export function templateFault({ Template, Service }: Template): string | undefined {
  if (Template.Type === '') return undefined;
  if (Template.Type !== 'name_prefix_match') return `Bad Template.Type '${Template.Type.slice(0, 60)}'`;
  if (Template.Regexp !== '') {
    const bad = patternFault(Template.Regexp);
    if (bad !== undefined) return `Bad Regexp: ${bad}`;
  }
  let fault: string | undefined;
  mapTexts(Service, (text) => {
    for (const [whole, inside] of text.matchAll(placeholder)) {
      if (whole === '$${') continue;
      if (!whole.endsWith('}') || !known.test(inside ?? ''))
        fault ??= `Bad format '${text.slice(0, 60)}': use \${name.full}, \${name.prefix}, \${name.suffix} or \${match(N)}`;
    }
    return text;
  });
  return fault;
}

/** The query that a template is for one name. */
export function renderTemplate<T extends Template>(query: T, name: string): T {
  const { Regexp } = query.Template;
  const matches = Regexp === '' || name.length > nameLengthMax ? [] : patternOf(query.Template).groups(name);
  const values: Readonly<Record<string, string>> = {
    'name.full': name,
    'name.prefix': query.Name,
    'name.suffix': name.startsWith(query.Name) ? name.slice(query.Name.length) : name,
  };
  const Service = mapTexts(query.Service, (text) =>
    text.replaceAll(placeholder, (whole, inside: string | undefined) => {
      if (whole === '$${') return '${';
      const asked = (inside ?? '').trim();
      const group = /^match\(\s*(\d+)\s*\)$/.exec(asked)?.[1];
      return (group === undefined ? values[asked] : matches[Number(group)]) ?? '';
    }),
  );
  const Tags = query.Template.RemoveEmptyTags ? Service.Tags.filter((tag) => tag !== '') : Service.Tags;
  return { ...query, Service: { ...Service, Tags } };
}

/** By the template it is of: DNS asks for it again with every query. */
const patterns = new WeakMap<object, Pattern>();

function patternOf(template: PreparedQuery['Template']): Pattern {
  let pattern = patterns.get(template);
  if (pattern === undefined) {
    pattern = compilePattern(template.Regexp);
    patterns.set(template, pattern);
  }
  return pattern;
}

function patternFault(source: string): string | undefined {
  try {
    compilePattern(source);
    return undefined;
  } catch (error) {
    if (error instanceof PatternError) return error.message;
    throw error;
  }
}

/** Applies a function to every text of a service query, keys of metadata left alone. */
function mapTexts(service: ServiceQuery, map: (text: string) => string): ServiceQuery {
  const inRecord = (record: Readonly<Record<string, string>>): Record<string, string> =>
    Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
  const { Failover } = service;
  return {
    ...service,
    Service: map(service.Service),
    Near: map(service.Near),
    Tags: service.Tags.map(map),
    IgnoreCheckIDs: service.IgnoreCheckIDs.map(map),
    NodeMeta: inRecord(service.NodeMeta),
    ServiceMeta: inRecord(service.ServiceMeta),
    Failover: {
      ...Failover,
      Datacenters: Failover.Datacenters.map(map),
      Targets: Failover.Targets.map(({ Peer, Datacenter }) => ({ Peer: map(Peer), Datacenter: map(Datacenter) })),
    },
  };
}
