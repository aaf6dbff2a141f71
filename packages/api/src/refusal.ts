/** A request that cannot be served, as the client sees it: a status and one line of plain text. */

import { errorTable } from '@skein/core';
import type { CommandResult, MeshErrorCode } from '@skein/core';
import { FilterError } from './filter/expression.ts';

export class Refusal extends Error {
  override readonly name: string = 'Refusal';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The thing a request breaks is the request itself. */
export function badRequest(message: string): Refusal {
  return new Refusal(400, message);
}

/**
 * Throws the refusal of a command that failed. `words` replaces the message of single codes, where clients of
 * Consul match the text.
 */
export function requireOk(result: CommandResult, words: Partial<Record<MeshErrorCode, string>> = {}): void {
  if (result.ok) return;
  throw new Refusal(errorTable[result.code].status, words[result.code] ?? result.message);
}

/** Codes of errors that the ports reject with, beyond the mesh's own table. */
const portStatuses: Readonly<Record<string, number>> = { 'invalid-event': 400, 'storage-failed': 503, 'reload-failed': 500 };

/** A refusal made from an error of a port that carries a stable code; undefined for any other error. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error;
  if (error instanceof FilterError) return badRequest(error.message);
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  const status = Object.hasOwn(errorTable, error.code)
    ? errorTable[error.code as MeshErrorCode].status
    : portStatuses[error.code];
  return status === undefined ? undefined : new Refusal(status, error.message);
}
