/** What every `CheckRun` keeps, whatever is at the other end: it ends with a verdict, and soon after its signal aborts. */

import type { CheckRun, Verdict } from '@skein/agent/parts';
import { expect, test } from 'vitest';

export interface CheckRunContract<Probe> {
  readonly run: CheckRun<Probe>;
  /** By what is at the other end: each time a probe of it. */
  readonly ends: Readonly<Record<string, () => Probe | Promise<Probe>>>;
}

/** Runs that do not end are told by the time limit of the test. */
export function checkRunContract<Probe>(kind: string, { run, ends }: CheckRunContract<Probe>): void {
  for (const [end, probe] of Object.entries(ends)) {
    test(`a ${kind} check settles soon after its signal aborts: ${end}`, async () => {
      const abort = new AbortController();
      const verdict = run(await probe(), abort.signal);
      // Once what is at the other end has said what it has to say.
      for (let turn = 0; turn < 50; turn++) await new Promise<void>((resolve) => void setImmediate(resolve));
      abort.abort();
      expectVerdict(await verdict);
    });

    test(`a ${kind} check settles where its signal is aborted from the start: ${end}`, async () => {
      expectVerdict(await run(await probe(), AbortSignal.abort()));
    });
  }
}

function expectVerdict(verdict: Verdict): void {
  expect(verdict).toEqual({ status: expect.stringMatching(/^(?:passing|warning|critical)$/), output: expect.any(String) });
}
