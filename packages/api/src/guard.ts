/**
 * Who may ask. An agent on localhost trusts whoever can connect, so a page in a browser must not be able to drive
 * it: not under a name that was made to point here (DNS rebinding), and not from another origin (CSRF).
 */

import { isIP } from 'node:net';
import { Refusal } from './refusal.ts';

export interface GuardOptions {
  /** Host names and addresses under which the API may be asked, in lower case, without port. Asked on each request. */
  readonly isOwnHost: (host: string) => boolean;
}

export interface GuardedRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

const readMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
const lookMethods: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/** Throws a `Refusal` (403) for a request that names a host that is not this agent, or is a write from another origin. */
export function guard(request: GuardedRequest, options: GuardOptions): void {
  const authority = headerText(request, 'host').toLowerCase();
  // Browsers always name a host; simple health checks speak HTTP/1.0 and do not. They may look, not write.
  if (authority === '' && lookMethods.has(request.method)) return;
  const host = hostOf(authority);
  if (host === undefined || !options.isOwnHost(host)) {
    throw new Refusal(
      403,
      `Permission denied: this agent does not answer for the host "${authority.slice(0, 200)}"; ` +
        'use one of its own addresses, or add the name to the setting allowedHosts',
    );
  }
  if (readMethods.has(request.method)) return;
  const site = headerText(request, 'sec-fetch-site');
  const origin = headerText(request, 'origin').toLowerCase();
  const isSameOrigin = origin === '' || origin === `http://${authority}` || origin === `https://${authority}`;
  if (!isSameOrigin || (site !== '' && site !== 'same-origin' && site !== 'none')) {
    throw new Refusal(403, `Permission denied: writes from another origin (${origin.slice(0, 200) || site}) are refused`);
  }
}

function headerText(request: GuardedRequest, name: string): string {
  const value = request.headers[name];
  return typeof value === 'string' ? value : (value?.join(',') ?? '');
}

/** The host of `host`, `host:port`, `[v6]` or `[v6]:port`; undefined when it is none of these. */
export function hostOf(authority: string): string | undefined {
  const match = /^(?:\[([0-9a-f:.%]+)\]|([^\s:/?#@[\],]+?)\.?)(?::\d{1,5})?$/.exec(authority);
  if (match === null) return undefined;
  const [, v6, name] = match;
  if (v6 !== undefined) return isIP(v6) === 6 ? v6 : undefined;
  return name;
}
