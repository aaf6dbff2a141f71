/** The result of a demo: what `--once` prints and what decides its exit code. */

export interface Step {
  readonly name: string;
  readonly ok: boolean;
  /** How long the step took. */
  readonly ms: number;
  readonly detail: string;
}

export interface Summary {
  /** Whether every step held. */
  readonly ok: boolean;
  /** Names of the agents in the mesh, as every one of them sees it. */
  readonly members: readonly string[];
  /** Ids of the instances of `orders`. */
  readonly instances: readonly string[];
  readonly requests: {
    readonly total: number;
    readonly failed: number;
    readonly perInstance: Readonly<Record<string, number>>;
    /** Shares of the least and the most asked instance, 0 to 1. */
    readonly spread: { readonly least: number; readonly most: number };
    readonly latencyMs: { readonly p50: number; readonly p99: number };
  };
  readonly kill?: KillResult;
  readonly restart?: RestartResult;
  readonly steps: readonly Step[];
  /** Why it ended early. */
  readonly error?: string;
  readonly durationMs: number;
}

export interface KillResult {
  readonly agent: string;
  readonly instance: string;
  readonly signal: 'SIGKILL';
  /** From the signal until no surviving agent routes to the instance any more. */
  readonly leftRotationMs: number;
  /** Requests that failed from the signal until the restart. */
  readonly failedRequests: number;
}

export interface RestartResult {
  readonly agent: string;
  /** From the start of its process until the first agent routes to its instance again. */
  readonly seenMs: number;
  /** From the start of its process until the instance answered a request. */
  readonly servedMs: number;
}

/** Collects steps as they happen. */
export class StepList {
  readonly steps: Step[] = [];

  /** Runs one step. Its text becomes the detail; a failure is recorded and passed on. */
  async run<T>(name: string, step: () => Promise<T>, detailOf: (value: T) => string): Promise<T> {
    const startedAtMs = performance.now();
    const elapsed = (): number => Math.round(performance.now() - startedAtMs);
    try {
      const value = await step();
      this.steps.push({ name, ok: true, ms: elapsed(), detail: detailOf(value) });
      return value;
    } catch (error) {
      this.steps.push({ name, ok: false, ms: elapsed(), detail: error instanceof Error ? error.message : String(error) });
      throw error;
    }
  }
}

/** Shares of the least and the most asked instance; 0 when nothing was asked. */
export function spreadOf(counts: readonly number[]): Summary['requests']['spread'] {
  const sum = counts.reduce((a, b) => a + b, 0);
  if (sum === 0) return { least: 0, most: 0 };
  const share = (count: number): number => Math.round((1000 * count) / sum) / 1000;
  return { least: share(Math.min(...counts)), most: share(Math.max(...counts)) };
}
