/**
 * What the runs of a scenario came to so far. A report has some hundred kilobytes of plan and trace, and there may be a million
 * runs, so that of each no more is kept than the table needs: numbers.
 */

import type { CallFigures, RunReport } from '@skein/sim';
import { isKept } from './promises.ts';
import type { Promised } from './promises.ts';

/** The hashes of so many runs are told. */
const hashesMax = 100;

/** How often something held of how many times, and how long it took where that is what was promised. */
interface Count {
  readonly tookMs: number[];
  /** Where it was asked for. */
  runs: number;
  held: number;
  isOnce: boolean;
}

export class Tally {
  readonly #formed = noCount();
  readonly #converged = noCount();
  /** What the story asks for, in its order. */
  readonly #own = new Map<string, Count>();
  /** What any mesh promises, taken together, and what not every run has to do with. */
  readonly #builtIn = noCount();
  readonly #armed = new Map<string, Count>();
  readonly #calls = new Map<string, { calls: number; ok: number }>();
  readonly #traceHashes: string[] = [];
  #runs = 0;
  #faults = 0;
  #skipped = 0;
  #first: RunReport | undefined;
  #nodesLeast = Number.POSITIVE_INFINITY;
  #nodesMost = 0;

  get runs(): number {
    return this.#runs;
  }

  /** The first run, whole. */
  get first(): RunReport | undefined {
    return this.#first;
  }

  /** Of the first runs. */
  get traceHashes(): readonly string[] {
    return this.#traceHashes;
  }

  /** Faults that happened, and those that did not. */
  get faults(): { readonly faults: number; readonly skipped: number } {
    return { faults: this.#faults, skipped: this.#skipped };
  }

  /** A seed may draw its own number. */
  get nodes(): { readonly least: number; readonly most: number } {
    return { least: this.#nodesLeast, most: this.#nodesMost };
  }

  add(report: RunReport): void {
    const { plan, figures, outcomes, failures, armed } = report;
    this.#runs++;
    this.#first ??= report;
    this.#nodesLeast = Math.min(this.#nodesLeast, plan.nodes);
    this.#nodesMost = Math.max(this.#nodesMost, plan.nodes);
    this.#faults += figures.faults;
    this.#skipped += figures.skipped;
    if (this.#traceHashes.length < hashesMax) this.#traceHashes.push(report.traceHash);
    count(this.#formed, figures.formedMs !== undefined, figures.formedMs);
    count(this.#converged, figures.convergedMs !== undefined, figures.convergedMs);
    for (const { property, kind, state, sinceMs, atMs } of outcomes) {
      const own = of(this.#own, property, noCount);
      own.isOnce ||= kind === 'sometimes';
      count(own, state === 'held', kind === 'eventually' ? atMs - sinceMs : undefined);
    }
    const broken = new Set(failures.map(({ property }) => property));
    count(
      this.#builtIn,
      [...broken].every((name) => this.#own.has(name)),
    );
    for (const [name, is] of Object.entries(armed)) if (is) count(of(this.#armed, name, noCount), !broken.has(name));
    for (const [service, { calls, ok }] of Object.entries<CallFigures>(figures.calls)) {
      const sum = of(this.#calls, service, () => ({ calls: 0, ok: 0 }));
      sum.calls += calls;
      sum.ok += ok;
    }
  }

  /** `isLook`: the runs are a look at one seed, which says nothing about what others meet. */
  promises(isLook: boolean): readonly Promised[] {
    const runs = this.#runs;
    const promised = (what: string, { tookMs, held }: Count, of: Partial<Promised> = {}): Promised => ({
      what,
      tookMs: [...tookMs].sort((a, b) => a - b),
      runs,
      held,
      needs: 'all',
      ...of,
    });
    return [
      promised('the mesh forms', this.#formed),
      ...[...this.#own].map(([what, own]) => promised(what, own, { needs: own.isOnce ? (isLook ? 'none' : 'one') : 'all' })),
      promised('all is well again after the calm', this.#converged),
      promised('what any mesh promises', this.#builtIn),
      // Over the runs that had to do with it.
      ...[...this.#armed].map(([what, met]) => promised(what, met, { runs: met.runs })),
      ...[...this.#calls].map(([service, sum]) =>
        promised(`requests to ${service} answered`, { ...noCount(), held: runs }, { figure: shareText(sum) }),
      ),
    ];
  }

  /** What has to happen in some run and happened in none, so that the other promises may prove nothing. */
  neverHappened(): readonly string[] {
    return this.promises(false)
      .filter((promised) => promised.needs === 'one' && !isKept(promised))
      .map(({ what }) => what);
  }
}

function noCount(): Count {
  return { tookMs: [], runs: 0, held: 0, isOnce: false };
}

function count(counted: Count, held: boolean, tookMs?: number): void {
  counted.runs++;
  if (!held) return;
  counted.held++;
  if (tookMs !== undefined) counted.tookMs.push(tookMs);
}

function of<T>(all: Map<string, T>, name: string, none: () => T): T {
  const known = all.get(name) ?? none();
  all.set(name, known);
  return known;
}

/** The share of requests that were answered. */
function shareText({ calls, ok }: { readonly calls: number; readonly ok: number }): string {
  const share = calls === 0 ? 0 : ok / calls;
  return `${ok === calls ? '100' : Math.min(99.999, 100 * share).toFixed(3)} % of ${calls}`;
}
