/** Upgraded connections (WebSocket and the like): after the 101, bytes pass both ways untouched until either side ends. */

import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Joins two connections until one ends, or nothing passed for `idleTimeoutMs`. `closed` is called once, when both are gone. */
export function join(client: Duplex, upstream: Socket, idleTimeoutMs: number, closed: () => void): void {
  let open = 2;
  const ended = (other: Duplex) => (): void => {
    other.destroy();
    if (--open === 0) closed();
  };
  client.on('error', () => client.destroy());
  upstream.on('error', () => upstream.destroy());
  client.on('close', ended(upstream));
  upstream.on('close', ended(client));
  // One side's clock is enough: what passes either way is read from it or written to it.
  upstream.setTimeout(idleTimeoutMs, () => upstream.destroy());
  client.pipe(upstream);
  upstream.pipe(client);
}

/** The head of a 101, as the instance sent it. */
export function switchingHead(reason: string, headers: readonly string[]): string {
  let head = `HTTP/1.1 101 ${reason}\r\n`;
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i] as string}: ${headers[i + 1] as string}\r\n`;
  return `${head}\r\n`;
}
