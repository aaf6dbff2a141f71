/**
 * Real agents on one machine, ours and Serf's where it is installed, one mesh after the other: how fast an agent that
 * joins is seen, a change reaches all, an agent that was killed or hangs is routed around, and what an agent costs at rest.
 *
 *     npm run bench -- mesh [--sizes=3,32] [--rounds=3] [--changes=50] [--rest=20] [--at-once=1] [--no-serf] [--json]
 */

import type { Contender } from './mesh/contender.ts';
import { measure } from './mesh/measure.ts';
import type { Figures, Plan } from './mesh/measure.ts';
import { serfVersion, startSerf } from './mesh/serf.ts';
import { startSkein } from './mesh/skein.ts';
import type { Bench, BenchContext, Row } from './report/row.ts';

interface Measured {
  readonly figure: string;
  readonly what: string;
  readonly unit: string;
  /** For the mesh of 32. */
  readonly goal?: string;
  readonly published?: string;
  /** Measured in ms, shown in s. */
  readonly inSeconds?: boolean;
}

const measured: readonly Measured[] = [
  { figure: 'killP50Ms', what: 'SIGKILL, all stop routing to it, p50', unit: 's', goal: '<= 1 s', inSeconds: true },
  { figure: 'killWorstMs', what: 'SIGKILL, all stop routing to it, worst', unit: 's', goal: '<= 1 s', inSeconds: true },
  { figure: 'stopP50Ms', what: 'SIGSTOP, all stop routing to it, p50', unit: 's', goal: '<= 2.5 s', inSeconds: true },
  { figure: 'stopWorstMs', what: 'SIGSTOP, all stop routing to it, worst', unit: 's', goal: '<= 2.5 s', inSeconds: true },
  { figure: 'falseSuspicions', what: 'healthy agents suspected meanwhile', unit: 'episodes', goal: '0' },
  { figure: 'changeP50Ms', what: 'one change seen by all, p50', unit: 'ms' },
  { figure: 'changeP99Ms', what: 'one change seen by all, p99', unit: 'ms', goal: '<= 60 ms' },
  { figure: 'observerMs', what: 'of which CPU of the observer of all, mean', unit: 'ms' },
  { figure: 'joinP50Ms', what: 'one more joins, all see it, from exec, p50', unit: 's', inSeconds: true },
  { figure: 'joinWorstMs', what: 'one more joins, all see it, from exec, worst', unit: 's', inSeconds: true },
  { figure: 'joinListeningP50Ms', what: 'the same, from its listening, p50', unit: 's', goal: '<= 0.3 s', inSeconds: true },
  { figure: 'joinListeningWorstMs', what: 'the same, from its listening, worst', unit: 's', goal: '<= 0.3 s', inSeconds: true },
  { figure: 'readyP50Ms', what: 'exec to ready, p50', unit: 's', goal: '<= 1 s', inSeconds: true },
  { figure: 'rssMiB', what: 'memory at rest (RSS), mean', unit: 'MiB', goal: '<= 120 MiB' },
  { figure: 'pssMiB', what: 'memory at rest (PSS), mean', unit: 'MiB' },
  { figure: 'cpuPercent', what: 'CPU at rest, mean', unit: '% of a core', goal: '<= 1 %' },
];

const bench: Bench = {
  summary: 'real agents on this machine: join, one change, kill, hang, rest; beside Serf where it is installed',
  async run(context) {
    const options = parse(context.args);
    const serf = options.serf ? serfVersion() : undefined;
    const rows: Row[] = [];
    for (const size of options.sizes) {
      const plan: Plan = {
        size,
        rounds: options.rounds,
        changes: options.changes,
        restMs: options.restS * 1000,
        atOnce: options.atOnce,
      };
      const ours = await measureOr(startSkein(context.root), plan, context);
      const theirs =
        serf === undefined ? {} : { serf: await measureOr(await startSerf(size + options.rounds * 2), plan, context) };
      rows.push(...measured.map((each) => row(each, size, ours, theirs)));
    }
    const setup = {
      serf: options.serf ? (serf ?? 'not installed (Debian package serf)') : 'left out',
      profile: 'lan',
      rounds: options.rounds,
      changes: options.changes,
      startedAtOnce: options.atOnce,
      change: 'ours: a registration, seen by blocking queries; serf: a user event, seen in its log',
    };
    return { setup, rows };
  },
};

export default bench;

/** A mesh that fails a measurement must not take the others' figures with it: its own are then missing, and why is said. */
async function measureOr(mesh: Contender, plan: Plan, context: BenchContext): Promise<Figures> {
  try {
    return await measure(mesh, plan, context.progress);
  } catch (error) {
    context.progress(`${mesh.name}, ${plan.size} agents: FAILED: ${String(error)}`);
    process.exitCode = 1;
    return {};
  }
}

function row(each: Measured, size: number, ours: Figures, anchors: Readonly<Record<string, Figures>>): Row {
  const shown = (figures: Figures): number | undefined => {
    const value = figures[each.figure];
    return value === undefined || each.inSeconds !== true ? value : value / 1000;
  };
  return {
    what: `${size} agents: ${each.what}`,
    unit: each.unit,
    ours: shown(ours),
    anchors: Object.fromEntries(Object.entries(anchors).map(([who, figures]) => [who, shown(figures)])),
    ...(each.goal === undefined || size !== 32 ? {} : { goal: each.goal }),
  };
}

interface Options {
  readonly sizes: readonly number[];
  readonly rounds: number;
  readonly changes: number;
  readonly restS: number;
  readonly atOnce: number;
  readonly serf: boolean;
}

function parse(args: readonly string[]): Options {
  const known = new Map(args.map((arg) => [arg.split('=')[0], arg.split('=')[1] ?? '']));
  for (const key of known.keys()) {
    if (!['--sizes', '--rounds', '--changes', '--rest', '--at-once', '--no-serf'].includes(key ?? ''))
      throw new Error(`unknown option ${key}`);
  }
  const count = (key: string, fallback: string): number[] =>
    (known.get(key) ?? fallback).split(',').map((text) => {
      if (!/^[1-9]\d{0,3}$/.test(text)) throw new Error(`${key} takes a number from 1 to 9999, not '${text}'`);
      return Number(text);
    });
  return {
    sizes: count('--sizes', '3,32'),
    rounds: count('--rounds', '3')[0] ?? 3,
    changes: count('--changes', '50')[0] ?? 50,
    restS: count('--rest', '20')[0] ?? 20,
    atOnce: count('--at-once', '1')[0] ?? 1,
    serf: !known.has('--no-serf'),
  };
}
