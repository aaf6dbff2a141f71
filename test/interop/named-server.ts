/** Upstreams for programs that balance. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** An HTTP server that answers with its name; resolves with its port. */
export async function serve(name: string, host: string): Promise<number> {
  const server = createServer((_request, response) => response.end(name)).listen(0, host);
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
