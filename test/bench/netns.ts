/**
 * The same trouble on real agents in network namespaces and on simulated ones: what the simulator says, and what is so.
 *
 *     npm run bench -- netns [--hosts=7] [--rounds=5] [--seed=1] [--only=split,oneWay,loss,delay,hang,silence] [--sim] [--story] [--json]
 *
 * Needs root, /dev/net/tun and Python. `--sim` leaves the real agents out, `--story` tells every belief.
 */

import { RealStage } from '../e2e/netns/real-stage.ts';
import { stories } from '../e2e/netns/stories.ts';
import type { Figures, Stage, Story } from '../e2e/netns/stories.ts';
import { SimStage } from './netns/sim-stage.ts';
import { quantile } from './report/quantile.ts';
import type { Bench, BenchContext, Row } from './report/row.ts';

/** Between two stories of one mesh: agents forget that they were slow. */
const restMs = 5000;

/**
 * What the simulator is told about CPU, by the name of the column. Real hosts share the cores of one machine, and what
 * costs an agent a millisecond then takes several.
 */
const simulations: Readonly<Record<string, { readonly cpuUs: number }>> = {
  simulated: { cpuUs: 0 },
  'simulated, 5 ms an input': { cpuUs: 5000 },
};

interface Figure {
  readonly name: keyof Figures;
  readonly what: string;
  readonly unit: string;
  /** How the rounds become one number: the middle one of times, the mean of counts. */
  readonly of: (values: readonly number[]) => number | undefined;
}

const median = (values: readonly number[]): number | undefined => quantile(values, 0.5);
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

const figures: readonly Figure[] = [
  { name: 'outMs', what: 'out of rotation at all, median', unit: 'ms', of: median },
  { name: 'failedMs', what: 'failed at all, median', unit: 'ms', of: median },
  { name: 'agreeMs', what: 'after it, until all agree, median', unit: 'ms', of: median },
  { name: 'agreeMs', what: 'after it, until all agree, worst', unit: 'ms', of: (values) => quantile(values, 1) },
  { name: 'suspected', what: 'healthy suspected, mean of a round', unit: 'beliefs', of: mean },
  { name: 'out', what: 'healthy out of rotation, mean of a round', unit: 'beliefs', of: mean },
  { name: 'failed', what: 'healthy failed, mean of a round', unit: 'beliefs', of: mean },
];

const bench: Bench = {
  summary: 'trouble between hosts, real agents in network namespaces beside the simulator (needs root and /dev/net/tun)',
  async run(context) {
    const options = parse(context.args);
    const real = new Map<Story, Figures[]>();
    const simulated = Object.entries(simulations).map(([name, { cpuUs }]) => ({
      name,
      cpuUs,
      played: new Map<Story, Figures[]>(),
    }));
    for (let round = 0; round < options.rounds; round++) {
      const { hosts: size, seed } = options;
      for (const { name, cpuUs, played } of simulated)
        await playAll(
          new SimStage({ size, seed: seed + round, cpuUs }),
          options,
          played,
          say(context, `${name}, round ${round}`),
        );
      if (!options.real) continue;
      const stage = await RealStage.open({ root: context.root, size, seed: seed + round });
      try {
        await playAll(stage, options, real, say(context, `real, round ${round}`));
      } finally {
        await stage.close();
      }
    }
    const { hosts, rounds, seed } = options;
    const rows = options.stories.flatMap((story) => {
      const anchors = simulated.map(({ name, played }) => [name, played.get(story) ?? []] as const);
      return rowsOf(story, real.get(story) ?? [], anchors);
    });
    return { setup: { profile: 'lan', hosts, rounds, seed, ours: 'real agents' }, rows };
  },
};

export default bench;

async function playAll(
  stage: Stage,
  { stories: chosen, isTold }: Options,
  results: Map<Story, Figures[]>,
  progress: (text: string) => void,
): Promise<void> {
  for (const story of chosen) {
    const startMs = stage.nowMs();
    try {
      const played = await story.play(stage);
      results.set(story, [...(results.get(story) ?? []), played]);
      progress(`${story.name}: ${JSON.stringify(played)}`);
    } catch (error) {
      process.exitCode = 1;
      progress(`${story.name}: FAILED: ${String(error)}`);
      return;
    } finally {
      if (isTold) progress(stage.beliefs.story(startMs));
    }
    await stage.pass(restMs);
  }
}

function rowsOf(
  story: Story,
  real: readonly Figures[],
  simulated: readonly (readonly [name: string, played: readonly Figures[]])[],
): Row[] {
  return figures.flatMap(({ name, what, unit, of }) => {
    const one = (played: readonly Figures[]): number | undefined => {
      const values = played.flatMap((each) => each[name] ?? []);
      return values.length === 0 ? undefined : of(values);
    };
    const anchors = Object.fromEntries(simulated.map(([who, played]) => [who, one(played)]));
    if (Object.values(anchors).every((value) => value === undefined)) return [];
    return [{ what: `${story.name}: ${what}`, unit, ours: one(real), anchors }];
  });
}

function say(context: BenchContext, who: string): (text: string) => void {
  return (text) => context.progress(`${who}: ${text}`);
}

interface Options {
  readonly hosts: number;
  readonly rounds: number;
  readonly seed: number;
  readonly stories: readonly Story[];
  readonly real: boolean;
  readonly isTold: boolean;
}

function parse(args: readonly string[]): Options {
  const known = new Map(args.map((arg) => [arg.split('=')[0] ?? '', arg.split('=')[1] ?? '']));
  for (const key of known.keys()) {
    if (!['--hosts', '--rounds', '--seed', '--only', '--sim', '--story'].includes(key)) throw new Error(`unknown option ${key}`);
  }
  const count = (key: string, fallback: number, least: number): number => {
    const value = Number(known.get(key) ?? fallback);
    if (!Number.isInteger(value) || value < least || value > 200) throw new Error(`${key} takes a number from ${least} to 200`);
    return value;
  };
  const named = known.get('--only')?.split(',') ?? Object.keys(stories);
  const told = new Map<string, Story>(Object.entries(stories));
  return {
    hosts: count('--hosts', 7, 5),
    rounds: count('--rounds', 5, 1),
    seed: count('--seed', 1, 0),
    stories: named.map((name) => {
      const story = told.get(name);
      if (story === undefined) throw new Error(`--only: no story '${name}'; there are: ${[...told.keys()].join(', ')}`);
      return story;
    }),
    real: !known.has('--sim'),
    isTold: known.has('--story'),
  };
}
