/** The sample service of the demo: answers every request with the name of the instance that got it. */

import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

/**
 * Serves until standard input ends. `port` 0 lets the system choose; the port is in the line `ready` on standard
 * output. `GET /health` answers 200; all else answers `{ "instance": NAME, "path": PATH }`.
 */
export async function serveOrders(name: string, port: number): Promise<void> {
  const server = createServer((request, response) => {
    request.resume();
    if (request.url === '/health') {
      response.writeHead(200, { 'content-type': 'text/plain' }).end(`${name} is fine\n`);
    } else {
      const body = JSON.stringify({ instance: name, path: request.url });
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body);
    }
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  process.stdout.write(`${JSON.stringify({ msg: 'ready', port: (server.address() as AddressInfo).port })}\n`);
  process.stdin.resume();
  await Promise.race([once(process.stdin, 'end'), once(process.stdin, 'error')]);
  server.closeAllConnections();
  server.close();
}
