/**
 * A deterministic world of many mesh nodes: virtual time, a network of stream links, faults, a trace.
 *
 * A world can be driven by hand:
 *
 *     const world = new World({ seed: 1, network: 'lan' });
 *     const nodes = world.mesh(5);
 *     world.runFor(3000);
 *     nodes[1].crash();
 *     world.runUntil(() => nodes[0].view().member(nodes[1].id)?.reachable === false, 1000);
 *
 * or be told a story, whose faults are plain data and whose properties are checked as it runs: `simulate` in `simulate.ts`.
 *
 * Read next: `world.ts`, then `sim-node.ts`, `network.ts`, `connection.ts`; of stories, `scenario.ts`, `plan.ts`, `run-plan.ts`.
 */

export * from './audit.ts';
export * from './campaign.ts';
export type { Coverage } from './coverage.ts';
export * from './determinism.ts';
export * from './duration.ts';
export * from './failure.ts';
export type * from './experiment.ts';
export type * from './fault.ts';
export type { FaultSpan } from './fault-schedule.ts';
export type { CallFigures } from './load.ts';
export { networks } from './link.ts';
export type { LinkSettings } from './link.ts';
export type { Episode, FaultMoment, LinkChange, Moment, Selection } from './moment.ts';
export type { Network, NetworkFigures } from './network.ts';
export * from './layers.ts';
export * from './notary.ts';
export * from './plan.ts';
export { PlanError, readPlan } from './plan-reader.ts';
export * from './property.ts';
export { builtInProperties } from './properties/built-in.ts';
export * from './quantiles.ts';
export { seedNumber, seedText } from './randomness.ts';
export type { Seed } from './randomness.ts';
export * from './recording.ts';
export type { Plot } from './report/plot.ts';
export * from './report/report.ts';
export * from './scenario.ts';
export { PropertyError, ScenarioError } from './scenario-error.ts';
export * from './run-plan.ts';
export * from './run-recording.ts';
export type { NodeLogic, RestartOptions } from './node-setup.ts';
export { SimNode } from './sim-node.ts';
export * from './scenario-text.ts';
export * from './shrink.ts';
export * from './simulate.ts';
export * from './skipped.ts';
export * from './swarm.ts';
export { triggerEvents } from './trigger.ts';
export type { Trigger, TriggerEvent } from './trigger.ts';
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
