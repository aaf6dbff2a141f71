/**
 * Compose and run one node: config, driver, check runners, storage, metrics, shutdown.
 *
 *     const { config } = loadConfig({ env: process.env, flags: { dev: true } });
 *     const agent = await startAgent(config);
 *     await agent.stop({ leave: true });
 *
 * A whole process, signals included, is `runAgent`. Read next: `agent.ts`, then `driver.ts`.
 */

export { type Agent, type AgentHooks, startAgent } from './agent.ts';
export { type AgentConfig, type ConfigSources, type LoadedConfig, loadConfig, parseTag, type Settings } from './config.ts';
export * from './errors.ts';
export type { Log } from './log.ts';
export type { LogSink } from './log-output.ts';
export type { ReloadReport } from './reload.ts';
export { runAgent } from './run.ts';
