/** The answers that the proxy itself gives. Codes are stable: programs may match them in the header `x-skein-error`. */

export const proxyErrors = {
  'bad-request': { status: 400, next: 'Correct the request.' },
  'no-route': {
    status: 404,
    next: 'Apply a route for this host and path, or use the host <service>.mesh; skein explain shows why.',
  },
  'request-stalled': { status: 408, next: 'Send the rest of the body without a long pause.' },
  'headers-too-large': { status: 431, next: 'Send at most 16 KiB of headers.' },
  'no-backend': { status: 500, next: 'Give at least one backend of the route a weight above 0.' },
  unsupported: { status: 501, next: 'Use a plain HTTP/1.1 request, or an Upgrade.' },
  'connect-failed': { status: 502, next: 'Check that the instance listens on the address it was registered with.' },
  'upstream-broken': { status: 502, next: 'Look at the log of the instance. The request may have been carried out.' },
  'no-instances': { status: 503, next: 'Register an instance of the service; skein services lists what is known.' },
  'none-routable': { status: 503, next: 'See skein instances for the checks and nodes that keep its instances out.' },
  overloaded: { status: 503, next: 'Try again, or add instances.' },
  'upstream-timeout': { status: 504, next: 'Look at the load of the instance, or raise timeouts.request of the route.' },
  loop: { status: 508, next: 'Check that no instance is registered with the address of a proxy.' },
} as const satisfies Record<string, { status: number; next: string }>;

export type ProxyErrorCode = keyof typeof proxyErrors;

/** The text of an answer: what, where, and the next step. */
export function errorText(code: ProxyErrorCode, agent: string, host: string, detail: string): string {
  return `${code}: ${detail}\nagent: ${agent}\nhost: ${host}\n${proxyErrors[code].next}\n`;
}
