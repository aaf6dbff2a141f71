/** What is wrong with a story itself, as opposed to the mesh that it is about. Such an error ends a run: there is nothing to shrink. */

/** `code` is always `invalid-scenario`; the message names what was told and what to tell instead. */
export class ScenarioError extends RangeError {
  override readonly name: string = 'ScenarioError';
  readonly code = 'invalid-scenario';
}

/**
 * The code of a property threw where it should have answered. The message names the property, what it threw and the seed
 * that shows it again; `cause` is what it threw.
 */
export class PropertyError extends ScenarioError {
  readonly property: string;
  readonly seed: string;

  constructor(where: { readonly property: string; readonly seed: string; readonly when: string }, cause: unknown) {
    const { property, seed, when } = where;
    super(`the property '${property}' ${thrownText(cause)} (${when}; seed: '${seed}' runs it again)`);
    this.cause = cause;
    this.property = property;
    this.seed = seed;
  }
}

function thrownText(cause: unknown): string {
  if (cause instanceof ScenarioError) return `cannot be meant: ${cause.message}`;
  return cause instanceof Error ? `threw ${cause.name}: ${cause.message}` : `threw ${String(cause)}`;
}

/** Errors of the code of a property, not of what it looked at. By name: a test runner may have classes of its own. */
const slips = new Set(['ScenarioError', 'TypeError', 'ReferenceError', 'SyntaxError', 'RangeError']);

export function isSlip(error: unknown): boolean {
  return error instanceof Error && slips.has(error.name);
}

/** What an async function returns. */
interface Thenable {
  then?(settled: undefined, failed: () => void): unknown;
}

/** Refuses what an async function returns where an answer is due: a run is over before that is settled. */
export function refusePromise(what: string, result: unknown): void {
  if (result === null || typeof result !== 'object') return;
  const later = result as Thenable;
  if (typeof later.then !== 'function') return;
  // Whatever it still fails with is of no interest, and must not end the process.
  later.then(undefined, () => {});
  throw new ScenarioError(
    `${what} is async: a simulation is over before it could go on. Make it a plain function; virtual time passes by itself`,
  );
}
