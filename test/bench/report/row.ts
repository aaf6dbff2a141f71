/** What a benchmark hands to `run.mjs`, which prints it as a table or as JSON. */

export interface Row {
  /** What was measured, in a few words. */
  readonly what: string;
  readonly unit: string;
  /** Undefined when it could not be measured; the reason belongs to the set-up. */
  readonly ours: number | undefined;
  /** The same measurement on others, in the same run, by name. */
  readonly anchors?: Readonly<Record<string, number | undefined>>;
  /** What others published, as they wrote it. */
  readonly published?: string;
  /** What we want to reach, such as `<= 1 s`. */
  readonly goal?: string;
}

export interface Bench {
  /** One line for the list of benchmarks. */
  readonly summary: string;
  run(context: BenchContext): Promise<BenchResult>;
}

export interface BenchContext {
  /** What followed the name on the command line, without `--json`. */
  readonly args: readonly string[];
  /** The folder of the repository: the bundle that runs is elsewhere. */
  readonly root: string;
  /** Shown on standard error while it runs. */
  readonly progress: (text: string) => void;
}

export interface BenchResult {
  /** Facts that explain the numbers, beside those of the machine. */
  readonly setup: Readonly<Record<string, string | number>>;
  readonly rows: readonly Row[];
}
