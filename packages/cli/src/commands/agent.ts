/** `skein agent`: runs one node in the foreground. The agent itself is loaded only when this command runs. */

import type { Command } from 'commander';
import { CliFailure, usageFailure } from '../failure.ts';
import { examplesText } from './api-command.ts';

interface AgentFlags {
  readonly config?: readonly string[];
  readonly name?: string;
  readonly mesh?: string;
  readonly dataDir?: string;
  readonly dev?: boolean;
  readonly bind?: string;
  readonly advertise?: string;
  readonly join?: readonly string[];
  readonly token?: string;
  readonly tokenFile?: string;
  readonly region?: string;
  readonly zone?: string;
  readonly tag?: readonly string[];
  readonly profile?: string;
  readonly http?: string;
  readonly proxy?: string;
  readonly dns?: string;
  readonly recursor?: readonly string[];
  readonly logLevel?: string;
  readonly logFormat?: string;
  readonly services?: string;
  readonly enableScriptChecks?: boolean;
  readonly enableLocalScriptChecks?: boolean;
  readonly whileStdin?: boolean;
}

const append = (value: string, earlier: readonly string[] | undefined): readonly string[] => [...(earlier ?? []), value];

const settingsHelp = `
Every setting can also be in a config file (camelCase: dataDir) or the environment (SKEIN_DATA_DIR). Flags win over
the environment, the environment over files. Port 0 lets the system choose; the chosen ones are in the log line
"ready" and in DATA_DIR/agent.json. SIGTERM and SIGINT leave the mesh and stop, a second one stops at once; SIGHUP
reads the settings and the service files again.`;

/** `setExitCode` receives what the process should end with. */
export function addAgentCommand(program: Command, setExitCode: (code: number) => void): void {
  program
    .command('agent')
    .description('run a node of the mesh on this host')
    .option('--config <path>', 'file or directory with settings, YAML or JSON (repeatable)', append)
    .option('--name <name>', 'name of this node (default: the host name)')
    .option('--mesh <name>', 'name of the mesh (default: skein)')
    .option('--data-dir <dir>', 'where identity, peers and registrations are kept')
    .option('--dev', 'try it out: in memory, this host only, no token')
    .option('--bind <host:port>', 'where other agents connect to (default 0.0.0.0:7946, without a token 127.0.0.1:7946)')
    .option('--advertise <host:port>', 'the address that others are told')
    .option('--join <address>', 'any agent of the mesh, HOST:PORT or a multiaddr (repeatable)', append)
    .option('--token <token>', 'the join token of the mesh (visible in the process list; better --token-file)')
    .option('--token-file <path>', 'file with the join token')
    .option('--region <region>', 'region of this host')
    .option('--zone <zone>', 'zone of this host')
    .option('--tag <key=value>', 'label of this node (repeatable)', append)
    .option('--profile <profile>', 'timing: lan (default), wan or local')
    .option('--http <host:port>', 'the HTTP API (default 127.0.0.1:8500)')
    .option('--proxy <host:port>', 'the proxy (default 127.0.0.1:8080)')
    .option('--dns <host:port>', 'DNS, over UDP and TCP (default 127.0.0.1:8600)')
    .option('--recursor <address>', "name server for names that are not the mesh's, ADDRESS or ADDRESS:PORT (repeatable)", append)
    .option('--services <dir>', 'directory of service definitions, YAML or JSON; watched')
    .option('--enable-script-checks', 'let checks run programs, also those that API clients register')
    .option('--enable-local-script-checks', 'let checks of service files run programs')
    .option('--log-level <level>', 'trace, debug, info, warn, error or silent')
    .option('--log-format <format>', 'pretty (default on a terminal) or json')
    .addOption(program.createOption('--while-stdin', 'leave and stop when standard input ends').hideHelp())
    .addHelpText('after', settingsHelp)
    .addHelpText(
      'after',
      examplesText([
        'skein agent --dev',
        'skein agent --token-file mesh.token',
        'skein agent --token-file mesh.token --join 10.0.0.7:7946 --zone b',
        'skein agent --dev --services services.d',
      ]),
    )
    .action(async (flags: AgentFlags) => setExitCode(await agent(flags)));
}

async function agent(flags: AgentFlags): Promise<number> {
  const { AgentError, loadConfig, parseTag, runAgent } = await import('@skein/agent');
  const { config, tag, recursor, whileStdin, ...settings } = flags;
  if (whileStdin === true) stopWithStdin();
  try {
    const tags = tag === undefined ? undefined : Object.fromEntries(tag.map(parseTag));
    // The loader checks every value itself, so that flags, files and the environment are refused in the same words.
    const checkedByLoader = { ...settings, tags, recursors: recursor } as NonNullable<
      NonNullable<Parameters<typeof loadConfig>[0]>['flags']
    >;
    return await runAgent(() => loadConfig({ files: config ?? [], env: process.env, flags: checkedByLoader }));
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    const isUsage = error.code === 'invalid-setting' || error.code === 'token-required';
    throw isUsage ? usageFailure(error.message) : new CliFailure(error.message);
  }
}

/** A starter that is gone, however it ended, has closed our standard input: an agent it started must not stay behind. */
function stopWithStdin(): void {
  process.stdin.on('end', () => process.kill(process.pid, 'SIGTERM'));
  process.stdin.on('error', () => process.kill(process.pid, 'SIGTERM'));
  process.stdin.resume();
  // Watching must not keep a stopped agent alive.
  if ('unref' in process.stdin) process.stdin.unref();
}
