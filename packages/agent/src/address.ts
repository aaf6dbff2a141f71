/** `host:port` addresses as people write them: IPv4, a name, or IPv6 in brackets. */

import { networkInterfaces } from 'node:os';

export interface HostPort {
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Undefined when `text` is not `host:port` with a port from 0 to 65535. */
export function parseHostPort(text: string): HostPort | undefined {
  const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^\s:[\]/@]+)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const port = Number(match[3]);
  return port > 65_535 ? undefined : { host: match[1] ?? match[2] ?? '', port };
}

export function formatHostPort(address: HostPort): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** Whether packets to this host never leave the machine. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host) || /^::ffff:127\./i.test(host);
}

/** Whether this host means "every interface": fine to bind, useless to dial. */
export function isUnspecified(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** The first IPv4 address of a network interface that is not loopback, as the system orders them. */
export function firstExternalAddress(interfaces = networkInterfaces()): string | undefined {
  for (const addresses of Object.values(interfaces)) {
    for (const address of addresses ?? []) {
      if (!address.internal && address.family === 'IPv4') return address.address;
    }
  }
  return undefined;
}
