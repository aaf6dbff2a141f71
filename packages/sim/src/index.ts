/**
 * A deterministic world of many mesh nodes: virtual time, a network of stream links, faults, a trace.
 *
 *     const world = new World({ seed: 1, network: 'lan' });
 *     const nodes = world.mesh(5);
 *     world.runFor(3000);
 *     nodes[1].crash();
 *     world.runUntil(() => nodes[0].view().member(nodes[1].id)?.reachable === false, 1000);
 *
 * Read next: `world.ts`, then `sim-node.ts`, `network.ts`, `connection.ts`.
 */

export * from './audit.ts';
export * from './failure.ts';
export type * from './experiment.ts';
export type * from './fault.ts';
export type { LinkSettings } from './link.ts';
export type { Network, NetworkFigures } from './network.ts';
export * from './notary.ts';
export * from './quantiles.ts';
export type { Seed } from './randomness.ts';
export * from './recording.ts';
export * from './scenario.ts';
export type { NodeLogic } from './node-setup.ts';
export { SimNode } from './sim-node.ts';
export { timelineHtml } from './timeline/timeline.ts';
export * from './swim/config.ts';
export type { DatagramFigures } from './datagram.ts';
export type * from './swim/message.ts';
export type { StreamExchange, SwimChange, SwimPort } from './swim/self.ts';
export type { SwimHost, SwimTraffic } from './swim/swim-host.ts';
export * from './swim/swim-mesh.ts';
export * from './swim/swim-node.ts';
export * from './swim/timing.ts';
export * from './world.ts';
