/** Ports for programs that take no port 0: free for TCP and UDP, and all of them held at once while they are chosen. */

import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

export async function freePorts(count: number): Promise<number[]> {
  const held = await Promise.all(Array.from({ length: count }, holdPort));
  await Promise.all(held.map(({ release }) => release()));
  return held.map(({ port }) => port);
}

async function holdPort(): Promise<{ readonly port: number; readonly release: () => Promise<void> }> {
  const stream = createServer();
  await new Promise<void>((resolve, reject) => {
    stream.once('error', reject);
    stream.listen(0, '127.0.0.1', resolve);
  });
  const { port } = stream.address() as { port: number };
  const datagrams = createSocket('udp4');
  await new Promise<void>((resolve, reject) => {
    datagrams.once('error', reject);
    datagrams.bind(port, '127.0.0.1', resolve);
  });
  const release = async (): Promise<void> => {
    await Promise.all([new Promise((done) => void stream.close(done)), new Promise<void>((done) => void datagrams.close(done))]);
  };
  return { port, release };
}
