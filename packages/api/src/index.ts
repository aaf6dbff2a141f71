/**
 * The HTTP API of an agent (Consul's paths, and the mesh's own) and its DNS interface, over a `MeshPort`.
 *
 * Read next: `api.ts`, then `reader.ts` and `blocking.ts`, then `routes/`; `dns/dns.ts`, then `dns/answers.ts`.
 */

export { createApi } from './api.ts';
export type { Api, ApiOptions, InjectedAnswer, InjectedRequest } from './api.ts';
export { createDns } from './dns/dns.ts';
export type { Dns, DnsOptions, DnsStats } from './dns/dns.ts';
export { ttlSMax } from './dns/policy.ts';
export type { DnsPolicy } from './dns/policy.ts';
export { parseDuration } from './duration.ts';
export { decodeDefinitions, DefinitionError } from './decode/definition-document.ts';
export type { Definitions, ServiceDefinition } from './decode/definition-document.ts';
export type { AgentInfo, AgentPort, EventsPort, LogLevel, UserEvent } from './ports.ts';
export { compilePattern, PatternError, patternLimits } from './pattern.ts';
export type { Pattern } from './pattern.ts';
export { Waiters } from './waiters.ts';
export type { EventLoop, Timers } from './timers.ts';
export { compileFilter } from './filter/filter.ts';
export type { Keep } from './filter/filter.ts';
export { filterLimits, FilterError } from './filter/expression.ts';
export { checkFields, healthEntryFields, memberFields, nodeFields, serviceFields, serviceNodeFields } from './filter/fields.ts';
export type { Field, Fields } from './filter/fields.ts';
