/** A port of loopback, for TCP and UDP, that nobody had a moment ago: for programs that take no port 0, or come back to theirs. */

import { createSocket } from 'node:dgram';
import type { EventEmitter } from 'node:events';
import { createServer } from 'node:net';

const portMin = 20_000;
/** The system gives those above to clients: to one that tries a port while its program is away it could give the same. */
const portMax = 32_000;
/** Ports that tests beside this one may be about to take. */
const given = new Set<number>();

export async function freePort(): Promise<number> {
  for (;;) {
    const port = portMin + Math.floor(Math.random() * (portMax - portMin));
    if (given.has(port)) continue;
    given.add(port);
    const stream = createServer();
    const datagrams = createSocket('udp4');
    const areFree = await Promise.all([
      listens(stream, () => stream.listen(port, '127.0.0.1')),
      listens(datagrams, () => datagrams.bind(port, '127.0.0.1')),
    ]);
    await Promise.all([closed(stream), closed(datagrams)]);
    if (areFree.every(Boolean)) return port;
  }
}

function listens(socket: EventEmitter, begin: () => void): Promise<boolean> {
  return new Promise((resolve) => {
    socket.once('error', () => resolve(false));
    socket.once('listening', () => resolve(true));
    begin();
  });
}

/** One that could not listen is closed as well. */
function closed(socket: { close(done: () => void): unknown }): Promise<void> {
  return new Promise((resolve) => void socket.close(() => resolve()));
}
