/** Addresses as people write them: `host:port`, `[IPv6]:port`, or a multiaddr such as `/ip4/10.0.0.1/tcp/7946/p2p/ID`. */

import { randomInt } from 'node:crypto';
import { isIP, isIPv6 } from 'node:net';
import { lookup } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';
import type { Multiaddr } from '@multiformats/multiaddr';
import { multiaddr } from '@multiformats/multiaddr';
import { sample } from '@skein/core';

export interface Address {
  /** An IP address or a name. */
  readonly host: string;
  readonly port: number;
  /** The peer id that a multiaddr asks for. */
  readonly peer: string | undefined;
}

const maxPort = 65_535;
/** How many addresses of one name are tried at a time. */
const maxResolved = 8;
const hostName = /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}))*\.?$/;

/** Returns undefined when the text is no address. */
export function parseAddress(text: string): Address | undefined {
  if (text.startsWith('/')) return parseMultiaddr(text);
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const [, ipv6, name, digits] = match;
  const port = Number(digits);
  if (port > maxPort) return undefined;
  if (ipv6 !== undefined) return isIPv6(ipv6) ? { host: ipv6, port, peer: undefined } : undefined;
  if (name === undefined || !isHost(name)) return undefined;
  return { host: name, port, peer: undefined };
}

function isHost(name: string): boolean {
  // Four numbers that are no IP address are a mistake, never a name.
  return isIP(name) === 4 || (hostName.test(name) && !/^[\d.]+$/.test(name));
}

function parseMultiaddr(text: string): Address | undefined {
  let parts;
  try {
    parts = multiaddr(text).getComponents();
  } catch {
    return undefined;
  }
  const [host, tcp, p2p, ...rest] = parts;
  if (host?.value === undefined || tcp?.name !== 'tcp' || tcp.value === undefined || rest.length > 0) return undefined;
  if (!['ip4', 'ip6', 'dns', 'dns4', 'dns6'].includes(host.name)) return undefined;
  if (p2p !== undefined && p2p.name !== 'p2p') return undefined;
  return { host: host.value, port: Number(tcp.value), peer: p2p?.value };
}

export function formatAddress(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The multiaddr of an IP address and port. */
export function toMultiaddr(ip: string, port: number): Multiaddr {
  return multiaddr(`/${isIPv6(ip) ? 'ip6' : 'ip4'}/${ip}/tcp/${port}`);
}

/** Whether an IP address and port are among those that this host listens on, as `host:port`. */
export function listensOn(listening: readonly string[], ip: string, port: number): boolean {
  return listening.some((text) => {
    const own = parseAddress(text);
    if (own?.port !== port) return false;
    if (own.host === ip) return true;
    if (own.host === '0.0.0.0') return isIP(ip) === 4 && isLocal(ip);
    return own.host === '::' && isLocal(ip);
  });
}

function isLocal(ip: string): boolean {
  if (ip.startsWith('127.')) return true;
  return Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === ip));
}

/**
 * The IP addresses of a host, some of them when they are many; itself when it is one already. Throws what DNS says. In another
 * order each time: resolvers sort them, and hosts at the front that are gone would hide those behind them for ever.
 */
export async function resolveHost(host: string): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  const found = await lookup(host, { all: true });
  return sample([...new Set(found.map(({ address }) => address))], maxResolved, { below: (bound) => randomInt(bound) });
}
