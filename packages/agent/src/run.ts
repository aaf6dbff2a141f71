/** An agent as a process: signals, reload, exit codes. */

import { AssertionError } from '@skein/core';
import { type Agent, type AgentHooks, startAgent } from './agent.ts';
import type { LoadedConfig } from './config.ts';

/** How long a second signal gives what is under way to end. */
const hurryMs = 1000;

/**
 * Starts an agent and resolves with the exit code of the process once it stopped. SIGTERM and SIGINT drain and
 * leave, a second one stops at once; SIGHUP calls `load` again and applies what can change while running.
 * Throws `AgentError` when it cannot start.
 */
export async function runAgent(load: () => LoadedConfig, hooks: AgentHooks = {}): Promise<number> {
  const { config, notes } = load();
  // Before the start: a signal that comes during it must not be lost.
  const early = signals();
  const agent = await startAgent(config, { notes, reload: (running) => apply(running, load), ...hooks });
  watchFailures(agent);
  early.deliver((signal) => (signal === 'SIGHUP' ? reload(agent, load) : stopBySignal(agent, signal)));
  await agent.stopped;
  return 0;
}

/** Collects signals that ask to stop, or for a reload, and gives each to whoever is there to take it. Unheard, SIGHUP ends a process. */
function signals(): { deliver(take: (signal: NodeJS.Signals) => void): void } {
  const waiting: NodeJS.Signals[] = [];
  let taker: ((signal: NodeJS.Signals) => void) | undefined;
  const note = (signal: NodeJS.Signals): void => {
    if (taker !== undefined) return taker(signal);
    // One reload after the start is as good as many.
    if (signal === 'SIGHUP' && waiting.includes(signal)) return;
    waiting.push(signal);
    // Starting takes a moment at most; whoever asks twice cannot wait for it.
    if (waiting.filter((each) => each !== 'SIGHUP').length > 1) process.exit(1);
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, note);
  return {
    deliver(take) {
      taker = take;
      for (const signal of waiting) take(signal);
    },
  };
}

const stopping = new WeakSet<Agent>();

function stopBySignal(agent: Agent, signal: NodeJS.Signals): void {
  if (!stopping.has(agent)) {
    stopping.add(agent);
    agent.log.info('stopping; once more to stop at once', { signal });
    void agent.stop({ leave: true });
    return;
  }
  agent.log.warn('stopping at once', { signal });
  const end = (): void => {
    agent.log.flush();
    process.exit(1);
  };
  setTimeout(end, hurryMs);
  void agent.stop({ leave: false }).finally(end);
}

function reload(agent: Agent, load: () => LoadedConfig): void {
  try {
    apply(agent, load);
  } catch (error) {
    agent.log.error('settings were not reloaded: the ones before stay', { reason: (error as Error).message });
  }
}

/** Throws when the settings cannot be read. */
function apply(agent: Agent, load: () => LoadedConfig): void {
  const { config, notes } = load();
  const { needRestart } = agent.reload(config);
  for (const note of notes) agent.log.info(note);
  if (needRestart.length > 0) agent.log.warn('some settings take effect after a restart', { needRestart });
}

/** Nothing should come here. What does is named; after a broken invariant, or an exception past all handlers, we stop. */
function watchFailures(agent: Agent): void {
  const describe = (error: unknown): object =>
    error instanceof Error
      ? { name: error.name, code: (error as NodeJS.ErrnoException).code, reason: error.message, stack: error.stack }
      : { reason: String(error) };
  const end = (): void => {
    agent.log.flush();
    process.exit(1);
  };
  process.on('uncaughtException', (error) => {
    agent.log.error('unexpected error: the agent ends', describe(error));
    end();
  });
  process.on('unhandledRejection', (error) => {
    agent.log.error('unexpected rejection', describe(error));
    if (error instanceof AssertionError) end();
  });
}
