/** Thirty-two transports in one process, behind one address: the set-up that libp2p's defaults cannot do. */

import { afterEach, expect, test } from 'vitest';
import { createIdentity, createTransport } from '@skein/transport';
import { Station } from '../contracts/station.ts';

const count = 32;
const dialsAtOnce = 2;
const running: Station[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map(({ transport }) => transport.stop()));
});

/** Ends of TCP connections in this process: each link has two. */
function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
}

async function stations(): Promise<Station[]> {
  for (let i = 0; i < count; i++) {
    const { bytes } = await createIdentity();
    const transport = await createTransport({ identity: bytes, mesh: 'm', token: 't', listen: ['127.0.0.1:0'], epoch: () => 1 });
    running.push(await new Station(transport).start());
  }
  return running;
}

async function dialAll(self: Station, others: readonly Station[]): Promise<void> {
  const queue = others.filter((other) => other !== self);
  const worker = async (): Promise<void> => {
    for (let other = queue.shift(); other !== undefined; other = queue.shift()) {
      const outcome = await self.dial(other, [other.address], { timeoutMs: 60_000 });
      expect(outcome).toEqual({ ok: true, id: other.id });
    }
  };
  await Promise.all(Array.from({ length: dialsAtOnce }, worker));
}

test(
  '32 nodes that dial one another at once end with one link per pair, and an event of each reaches all others',
  { timeout: 120_000 },
  async () => {
    const all = await stations();
    await Promise.all(all.map((self) => dialAll(self, all)));
    for (const self of all) {
      for (const other of all) {
        if (other === self) continue;
        expect(self.states(other)).toEqual(['linked']);
      }
      expect(self.transport.stats().links).toBe(count - 1);
    }
    await all[0]?.until('no connection beside the links', () => openSockets() === count * (count - 1));
    const first = all[0] as Station;
    await first.publishUntilSeen('all know', all.slice(1));
    for (const self of all) {
      const event = {
        stamp: 7,
        name: `from ${self.id}`,
        payload: new Uint8Array(100),
        nodeFilter: '',
        serviceFilter: '',
        tagFilter: '',
      };
      await self.transport.publish(event);
      await Promise.all(
        all
          .filter((other) => other !== self)
          .map((other) => other.until(event.name, () => other.events.some(({ name }) => name === event.name))),
      );
    }
    for (const self of all) expect(self.refusals).toEqual([]);
  },
);
