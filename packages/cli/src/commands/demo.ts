/** `skein demo`: see the mesh work within a minute of installing it. */

import type { Command } from 'commander';
import { outPaint } from '../colour.ts';
import { exitCodes } from '../failure.ts';
import type { Stage } from '../demo/story.ts';
import type { Screen } from '../demo/screen.ts';
import type { Io } from '../io.ts';
import { examplesText } from './api-command.ts';

interface DemoFlags {
  readonly once?: boolean;
  readonly json?: boolean;
}

export function addDemoCommands(program: Command, io: Io, setExitCode: (code: number) => void): void {
  program
    .command('demo')
    .description('three agents, a sample service, live requests; one host is killed and comes back')
    .option('--once', 'end after the last step with a JSON summary; exit code 0 only if every step held')
    .option('--json', 'as --once, with nothing but the summary on standard output')
    .addHelpText('after', examplesText(['skein demo', 'skein demo --json | jq .kill.leftRotationMs']))
    .action(async (flags: DemoFlags) => setExitCode(await demo(io, flags)));

  program
    .command('demo-orders', { hidden: true })
    .requiredOption('--name <name>')
    .requiredOption('--port <port>')
    .action(async ({ name, port }: { readonly name: string; readonly port: string }) => {
      const { serveOrders } = await import('../demo/orders.ts');
      await serveOrders(name, Number(port));
    });
}

async function demo(io: Io, flags: DemoFlags): Promise<number> {
  const [{ playStory }, { liveScreen, plainScreen }] = await Promise.all([
    import('../demo/story.ts'),
    import('../demo/screen.ts'),
  ]);
  const startedAtMs = performance.now();
  const now = (): number => performance.now() - startedAtMs;
  const isOnce = flags.once === true || flags.json === true;
  const isLive = io.outIsTerminal && flags.json !== true && io.env['TERM'] !== 'dumb';
  const screen = isLive
    ? liveScreen((text) => io.out(text), { now, columns: () => io.columns(), rows: () => io.rows(), paint: outPaint(io) })
    : plainScreen((text) => (flags.json === true ? io.err(text) : io.out(text)), now);
  const interrupt = interruption();
  const stay = async (stage: Stage): Promise<void> => {
    if (!isOnce) await stayUp(stage, screen, interrupt.signal);
  };
  const summary = await playStory({ io, screen, interrupted: interrupt.signal, stay }).finally(() => {
    screen.close();
    interrupt.forget();
  });
  if (isOnce) io.out(`${JSON.stringify(summary, undefined, flags.json === true || io.outIsTerminal ? 2 : 0)}\n`);
  else if (summary.error !== undefined && !interrupt.signal.aborted) io.err(`skein: ${summary.error}\n`);
  const isFine = summary.ok || (!isOnce && interrupt.signal.aborted);
  return isFine ? exitCodes.ok : exitCodes.failure;
}

const endSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The first signal asks for a clean end, a second one ends at once. */
function interruption(): { readonly signal: AbortSignal; forget(): void } {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(exitCodes.failure);
    controller.abort();
  };
  for (const name of endSignals) process.on(name, onSignal);
  return {
    signal: controller.signal,
    forget: () => {
      for (const name of endSignals) process.off(name, onSignal);
    },
  };
}

async function stayUp({ hosts }: Stage, screen: Screen, interrupted: AbortSignal): Promise<void> {
  screen.footer(footerLines(hosts));
  if (interrupted.aborted) return;
  await new Promise<void>((resolve) => interrupted.addEventListener('abort', () => resolve(), { once: true }));
  screen.event('stopping');
}

function footerLines(hosts: Stage['hosts']): readonly string[] {
  const [first] = hosts;
  if (first === undefined) return [];
  const last = hosts.at(-1) ?? first;
  const { api, proxy } = first.agent;
  const http = api.base.replace('http://', '');
  return [
    ...hosts.map(
      ({ agent, agentName }) => `${agentName}  HTTP API ${agent.api.base}  proxy http://${agent.proxy.host}:${agent.proxy.port}`,
    ),
    '',
    'Try, in another terminal:',
    `  curl http://${proxy.host}:${proxy.port}/order/1`,
    `  curl -H 'Host: orders.mesh' http://${last.agent.proxy.host}:${last.agent.proxy.port}/`,
    `  curl '${api.base}/v1/health/service/orders?passing'`,
    `  npx skein members --http-addr ${http}`,
    `  npx skein instances orders --http-addr ${http}`,
    `  kill -9 ${last.agent.child.pid}`,
    '',
    'Ctrl-C ends it all.',
  ];
}
