/** The contract of `MeshPort` on the agent's driver, with a real node and a network that carries nothing. */

import { Driver } from '@skein/agent/parts';
import { MeshNode, nodeId, profiles, seededRng } from '@skein/core';
import { meshPortContract } from '../contracts/mesh-port.ts';
import { notaryOf } from '../core/fixture.ts';
import { ManualClock } from './manual-clock.ts';

meshPortContract("the agent's driver", () => {
  const clock = new ManualClock();
  const node = new MeshNode(
    {
      config: profiles.lan,
      mesh: 'm',
      name: 'host',
      addresses: ['127.0.0.1:7946'],
      region: '',
      zone: '',
      tags: {},
      epoch: 1,
      notary: notaryOf(nodeId('driver')),
      rng: seededRng(1),
      validateConfig: () => undefined,
      registrations: [],
      configEntries: [],
      peers: [],
      wallMs: clock.wallMs(),
    },
    clock.now(),
  );
  const driver = new Driver({
    node,
    clock,
    lateTickMs: 100,
    transport: { send: () => undefined, connect: () => undefined, disconnect: () => undefined },
    persist: () => undefined,
    event: () => undefined,
  });
  driver.start();
  return { port: driver, stop: () => driver.stop() };
});
