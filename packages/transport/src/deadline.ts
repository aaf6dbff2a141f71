/** A time limit that also ends with its parent. (`AbortSignal.any` on a signal that lives long leaks on Node 20.) */

export interface Deadline {
  readonly signal: AbortSignal;
  /** Lets go of timer and parent, without an abort. */
  readonly clear: () => void;
}

export function deadline(timeoutMs: number, parent: AbortSignal): Deadline {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  const timer = setTimeout(abort, timeoutMs);
  if (parent.aborted) abort();
  else parent.addEventListener('abort', abort);
  return {
    signal: controller.signal,
    clear: () => {
      clearTimeout(timer);
      parent.removeEventListener('abort', abort);
    },
  };
}
