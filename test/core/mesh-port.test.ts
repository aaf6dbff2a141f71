/** The contract of `MeshPort` on a simulated node. */

import { World } from '@skein/sim';
import { meshPortContract } from '../contracts/mesh-port.ts';

meshPortContract('a simulated node', () => {
  const world = new World({ seed: 1 });
  const node = world.addNode();
  world.runFor(100);
  return { port: node, stop: () => node.crash() };
});
