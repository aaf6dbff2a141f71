/** The host names and addresses that mean this agent. */

import { networkInterfaces } from 'node:os';
import { isIP } from 'node:net';

export interface OwnHostsOptions {
  /** The host part of the address to listen on. */
  readonly listenHost: string;
  readonly allowedHosts: readonly string[];
  /** What the agent is called by others: its node name and its advertised address. May change while it runs. */
  readonly named: () => readonly string[];
}

const loopback: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1']);
const wildcards: ReadonlySet<string> = new Set(['0.0.0.0', '::', '']);

/** A test of a host (lower case, no port, no brackets). */
export function ownHosts(options: OwnHostsOptions): (host: string) => boolean {
  const isEverywhere = wildcards.has(options.listenHost);
  const fixed = new Set([...loopback, ...(isEverywhere ? [] : [options.listenHost]), ...options.allowedHosts].map(lower));
  return (host) =>
    fixed.has(host) ||
    options.named().some((name) => name !== '' && lower(name) === host) ||
    // Interfaces come and go, so they are looked up when asked for.
    (isEverywhere && isIP(host) !== 0 && interfaceAddresses().includes(host));
}

function lower(name: string): string {
  return name.toLowerCase();
}

function interfaceAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((addresses) => (addresses ?? []).map(({ address }) => lower(address)));
}
