/** One of our agents as users run it: the bundled command, on free ports of loopback, with its log as JSON. */

import { join } from 'node:path';
import { Process } from './process.ts';

/** Where its listeners are, `host:port`. */
export interface Listeners {
  readonly gossip: string;
  readonly http: string;
  readonly dns: string;
}

export interface SkeinProcess {
  readonly process: Process;
  /** Once it says that it is ready. Rejects when it ends before. */
  readonly listeners: Promise<Listeners>;
}

export function launchSkein(root: string, flags: readonly string[]): SkeinProcess {
  const ports = ['--bind', '127.0.0.1:0', '--http', '127.0.0.1:0', '--dns', '127.0.0.1:0', '--proxy', '127.0.0.1:0'];
  const script = join(root, 'packages/cli/dist/skein.js');
  const args = [script, 'agent', ...ports, '--log-format', 'json', ...flags];
  const agent = new Process(process.execPath, args, ownEnvironment());
  const listeners = new Promise<Listeners>((resolve, reject) => {
    agent.onLine((line) => {
      if (line.includes('"msg":"ready"')) resolve((JSON.parse(line) as { listeners: Listeners }).listeners);
    });
    void agent.exited.then(() => reject(new Error(`the agent ended:\n${agent.tail}`)));
  });
  // Whoever waits for it is told; nobody may wait any more.
  listeners.catch(() => undefined);
  return { process: agent, listeners };
}

/** Without the settings that a developer has for agents of their own. */
function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('SKEIN_')));
}
