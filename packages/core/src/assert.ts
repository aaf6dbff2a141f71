/** Broken invariants are bugs of ours: they throw, always, in production and in the simulator alike. */

export class AssertionError extends Error {
  override readonly name: string = 'AssertionError';
}

/** Throws `AssertionError` when an invariant does not hold. Never use it for bad input. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(`invariant broken: ${message}`);
}

/** Ends an exhaustive switch: the compiler refuses a case that was forgotten. */
export function assertNever(value: never): never {
  throw new AssertionError(`unexpected variant: ${JSON.stringify(value)}`);
}
