/**
 * The HTTP API of an agent: Consul's paths, and the mesh's own, over a `MeshPort`.
 *
 * Read next: `api.ts`, then `reader.ts` and `blocking.ts`, then `routes/`.
 */

export { createApi } from './api.ts';
export type { Api, ApiOptions, InjectedAnswer, InjectedRequest } from './api.ts';
export type { AgentInfo, AgentPort, EventsPort, LogLevel, UserEvent } from './ports.ts';
export type { Timers } from './timers.ts';
