/**
 * An experiment: a measurement in virtual time that ends in figures to compare, where a scenario ends in a verdict.
 * Each file of `simulations/` that measures something default-exports one; what runs it prints the rows as a table.
 */

import type { Seed } from './randomness.ts';
import type { Plot } from './report/plot.ts';

export interface Experiment {
  readonly name: string;
  /** One line: what is measured. */
  readonly summary: string;
  /** How much heap it needs, in MiB, where that is more than Node gives by default. The command starts itself again with it. */
  readonly heapMiB?: number;
  /** The words that it takes, such as `--quick`. What runs it refuses all others. Default: none. */
  readonly words?: Readonly<Record<string, ExperimentWord>>;
  run(context: ExperimentContext): ExperimentReport;
}

/** A word that an experiment takes. With neither `number` nor `choice` it stands alone. */
export interface ExperimentWord {
  /** What it changes, in a few words. */
  readonly what: string;
  /** A whole number follows it: the least and the most. */
  readonly number?: readonly [least: number, most: number];
  /** One of these follows it. */
  readonly choice?: readonly string[];
  /** Words that cannot be said together with it. */
  readonly not?: readonly string[];
}

/** The words that were said, all of them declared, with values that fit. */
export interface SaidWords {
  has(word: string): boolean;
  /** What follows the word; undefined where it was not said. */
  number(word: string): number | undefined;
  choice(word: string): string | undefined;
}

export interface ExperimentContext {
  /** The same seed and words give the same rows. */
  readonly seed: Seed;
  readonly words: SaidWords;
  /** Tells a waiting person how far it is. */
  progress(text: string): void;
}

export interface ExperimentReport {
  /** What was run: counts, durations, settings, and what differs from the published set-up. */
  readonly setup: Readonly<Record<string, unknown>>;
  readonly rows: readonly ExperimentRow[];
  /** Drawn on the HTML page. Default: bars of the rows. */
  readonly plots?: readonly Plot[];
}

export interface ExperimentRow {
  readonly what: string;
  readonly unit: string;
  /** This mesh's figure. Absent where only the reference was measured. */
  readonly ours?: number;
  /** What others reach in the same simulation, by name. */
  readonly anchors?: Readonly<Record<string, number>>;
  /** What their authors published. Text where a bare number would say too much. */
  readonly published?: number | string;
  /**
   * A bound, such as `<= 2 s`, a range, `10-20 ms`, or another figure of the row, `<= memberlist`, `<= half of memberlist`;
   * of ours, or of those it names: `swim, ours: 10-20 ms`. Any other text is shown and not judged.
   */
  readonly goal?: string;
}
