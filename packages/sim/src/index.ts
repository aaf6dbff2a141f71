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
export * from './world.ts';
