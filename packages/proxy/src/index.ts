/**
 * The built-in data plane: accepts HTTP/1.1, asks `@skein/traffic`, forwards, feeds outcomes back.
 *
 * Read next: `proxy.ts`, then `exchange.ts`, `upstream/connection.ts`.
 */

export { createProxy } from './proxy.ts';
export type { Proxy, ProxyOptions } from './proxy.ts';
export type { ProxyEvent } from './data-plane.ts';
export { proxyErrors } from './errors.ts';
export type { ProxyErrorCode } from './errors.ts';
export { latencyBoundsMs } from './metrics.ts';
export type { InstanceStats, LatencyStats, ProxyStats, ServiceStats, StatusClasses } from './metrics.ts';
