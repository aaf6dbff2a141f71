/** A finding: core broke one of its invariants, or threw, while a world ran. */

import { seedText } from './randomness.ts';
import type { Randomness } from './randomness.ts';
import { secondsText } from './trace.ts';
import type { Trace } from './trace.ts';

export class SimulationError extends Error {
  override readonly name: string = 'SimulationError';
  readonly seed: string;
  readonly atUs: number;
  readonly node: string;

  /** `doing`: what the node took in. `lines`: the end of the trace. */
  constructor(finding: {
    readonly seed: number;
    readonly atUs: number;
    readonly node: string;
    readonly doing: string;
    readonly lines: readonly string[];
    readonly cause: unknown;
  }) {
    const reason = finding.cause instanceof Error ? finding.cause.message : String(finding.cause);
    const seed = seedText(finding.seed);
    super(
      [`seed ${seed}, at ${secondsText(finding.atUs)} s, ${finding.node}, ${finding.doing}: ${reason}`, ...finding.lines].join(
        '\n',
      ),
      { cause: finding.cause },
    );
    this.seed = seed;
    this.atUs = finding.atUs;
    this.node = finding.node;
  }

  /** What `node` threw, in a world as it stands. */
  static of(
    world: { readonly randomness: Randomness; readonly nowUs: number; readonly trace: Trace },
    what: { readonly node: string; readonly doing: string; readonly cause: unknown },
  ): SimulationError {
    return new SimulationError({
      seed: world.randomness.seed,
      atUs: world.nowUs,
      lines: world.trace.lines().slice(-20),
      ...what,
    });
  }
}
