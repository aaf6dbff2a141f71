/**
 * Programs and clients as their users have them, against real agents: Consul's clients (HashiCorp's own for Go, npm's
 * `consul`, and both of Debian's for Python), and what watches a mesh through one of its agents as it does through an agent
 * of Consul. The tests run at once, those of a minute first: most of their time is waiting.
 */

import { describe, test } from 'vitest';
import { catalog, events, npmClient, servicesAndChecks, store, watchService } from './consul-npm.ts';
import { pythonProgram, restartOfAll } from './consul-restart.ts';
import { writesWhatIsSo } from './consul-template.ts';
import { MeshAgents } from './mesh-agents.ts';
import { goClient, pythonClient, run, systemPython } from './outside-clients.ts';
import { findsTargets } from './prometheus.ts';
import { goesOnAfterRestart } from './restart.ts';

const timeout = 420_000;
const suiteTimeoutMs = 120_000;

describe.concurrent('outside clients', () => {
  test(
    "Consul's for Go finds what it expects, and blocks for a minute in six requests while others write",
    { timeout },
    async (context) => {
      const program = await goClient(context);
      const { expect } = context;
      const mesh = new MeshAgents(context.onTestFinished);
      await mesh.start('first', 'second');
      const [first, second] = [mesh.http('first'), mesh.http('second')];
      // The suite puts the first agent into maintenance: the service that must not change for a minute is on the second.
      const [suite, minute] = await Promise.all([
        run(program, ['suite', first, second], { timeout: suiteTimeoutMs }),
        run(program, ['minute', second, first], { timeout: suiteTimeoutMs }),
      ]);
      expect(suite.stdout.trimEnd().split('\n').at(-1)).toBe('OK deregistered, and gone from the other agent');
      expect(minute.stdout.trimEnd().split('\n').at(-1)).toBe('OK a minute');
    },
  );

  test(
    'consul-template writes what is so after each change for a minute, and asks nothing while nothing changes',
    { timeout },
    writesWhatIsSo,
  );

  test.for(['prometheus', 'victoria-metrics'] as const)(
    '%s finds the instances of a mesh with all their labels, and drops them as they fail, leave and die',
    { timeout },
    findsTargets,
  );

  test.for(['python3-consul', 'python3-consul2'])("Debian's %s finds what it expects", { timeout }, async (name, context) => {
    const PYTHONPATH = await pythonClient(name, context);
    const mesh = new MeshAgents(context.onTestFinished);
    await mesh.start('first', 'second');
    const [first, second] = [mesh.http('first'), mesh.http('second')];
    const { stdout } = await run(systemPython, [pythonProgram, 'suite', first, second], {
      timeout: suiteTimeoutMs,
      env: { ...process.env, PYTHONPATH, PYTHONDONTWRITEBYTECODE: '1' },
    });
    context.expect(stdout.trimEnd().split('\n').at(-1)).toBe('OK all');
  });

  test(
    "npm's consul finds what it expects, and its watch goes on when the agent was killed and is back",
    { timeout },
    async (context) => {
      const { expect } = context;
      const mesh = new MeshAgents(context.onTestFinished);
      await mesh.start('first', 'second');
      const [first, second] = [mesh.http('first'), mesh.http('second')];
      const clients = { here: npmClient(first), there: npmClient(second), address: first };
      await servicesAndChecks(clients);
      await catalog(clients);
      await store(clients);
      await events(clients);

      await clients.there.agent.service.register({ name: 'npm', id: 'npm-2', port: 1 });
      const { watcher, end } = watchService(clients.here, 'npm');
      context.onTestFinished(end);
      await watcher.until(['npm-1', 'npm-2']);
      const before = watcher.sights.length;
      await mesh.kill('first');
      await mesh.launch('first');
      await clients.there.agent.service.register({ name: 'npm', id: 'npm-3', port: 1 });
      await watcher.until(['npm-1', 'npm-2', 'npm-3']);
      end();
      const sights = watcher.sights.slice(before);
      expect(sights.some(({ error }) => error !== undefined)).toBe(true);
      expect(sights.filter(({ ids, error }) => error === undefined && ids.length < 2)).toEqual([]);
      expect(watcher.requests['npm']).toBeLessThan(40);
    },
  );
});

// By themselves: whoever comes back waits for the others only for seconds, and beside the tests above a start takes as long.
describe('after a restart of all agents', () => {
  test(
    "Consul's clients go on when the three agents of a mesh are killed at once and are back, which lose nothing",
    { timeout },
    restartOfAll,
  );

  test(
    'after all agents of a mesh are killed and start again nothing that was registered is lost, and who watches goes on',
    { timeout },
    goesOnAfterRestart,
  );
});
