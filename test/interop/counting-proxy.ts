/**
 * Stands before an agent's HTTP API and counts what its clients ask, so that a busy loop shows. It passes bytes on as
 * they are: an agent that is away refuses or drops connections here too.
 */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { AtEnd } from './outside-program.ts';

/** Longer than the second after which Prometheus asks again. */
const restMs = 1500;
const restTries = 10;

export class CountingProxy {
  /** Where it listens, `host:port`. */
  address = '';
  /** Method and path with query of every request so far. */
  readonly requests: string[] = [];

  static async start(atEnd: AtEnd, agent: string): Promise<CountingProxy> {
    const proxy = new CountingProxy();
    const sockets = new Set<Socket>();
    const keep = (socket: Socket): void => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    };
    const [host = '', port = ''] = agent.split(':');
    const server = createServer((client) => {
      const upstream = connect(Number(port), host);
      for (const [from, to] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        keep(from);
        from.on('error', () => to.destroy());
        from.on('close', () => to.destroy());
        from.pipe(to);
      }
      client.on('data', (chunk: Buffer) => {
        for (const [, request] of chunk.toString('latin1').matchAll(/^([A-Z]+ \/\S*) HTTP\/1\.1\r$/gm))
          if (request !== undefined) proxy.requests.push(request);
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    atEnd(async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    });
    proxy.address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    return proxy;
  }

  /** Waits until nothing was asked for a while, which is when all watches wait. Fails when that does not come to pass. */
  async atRest(): Promise<void> {
    for (let tries = 0; tries < restTries; tries++) if ((await this.during(restMs)).length === 0) return;
    throw new Error(`it is asked again and again:\n${this.requests.slice(-20).join('\n')}`);
  }

  /** What is asked in the next milliseconds. */
  async during(durationMs: number): Promise<readonly string[]> {
    const before = this.requests.length;
    await new Promise((resolve) => setTimeout(resolve, durationMs));
    return this.requests.slice(before);
  }
}
