/** How a command ends badly: a message for people, the next step, and an exit code. */

export const exitCodes = { ok: 0, failure: 1, usage: 2 } as const;

/** A command could not do its work. `hint` lines name what to do next. */
export class CliFailure extends Error {
  readonly exitCode: 1 | 2;
  readonly hint: readonly string[];
  /** How an agent refused, when that is what went wrong. */
  readonly refusal: { readonly status: number; readonly text: string } | undefined;

  constructor(
    message: string,
    options: { readonly usage?: boolean; readonly hint?: readonly string[]; readonly refusal?: CliFailure['refusal'] } = {},
  ) {
    super(message);
    this.name = 'CliFailure';
    this.exitCode = options.usage === true ? exitCodes.usage : exitCodes.failure;
    this.hint = options.hint ?? [];
    this.refusal = options.refusal;
  }
}

/** The command line, or a file it names, is not what the command takes. */
export function usageFailure(message: string, ...hint: readonly string[]): CliFailure {
  return new CliFailure(message, { usage: true, hint });
}

/** The text of whatever was thrown, with the reason that `fetch` and others hide in `cause`. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (cause instanceof AggregateError && cause.errors.length > 0) return reasonOf(cause.errors[0]);
  if (cause instanceof Error && cause.message !== '') return cause.message;
  return error.message;
}
