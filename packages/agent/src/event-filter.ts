/** The filters of user events: regular expressions (RE2), as in Consul. They come from other hosts and run here. */

import { compilePattern, type Pattern, PatternError } from '@skein/api';

export interface EventFilters {
  readonly nodeFilter: string;
  readonly serviceFilter: string;
  readonly tagFilter: string;
}

/** What the filters are held against: this node, and the services registered on it. */
export interface EventSubject {
  readonly node: string;
  readonly services: Iterable<{ readonly service: string; readonly tags: readonly string[] }>;
}

/** The first filter that is refused, with the reason; undefined when all are fine. */
export function filterProblem(filters: EventFilters): string | undefined {
  for (const [name, text] of [
    ['node', filters.nodeFilter],
    ['service', filters.serviceFilter],
    ['tag', filters.tagFilter],
  ] as const) {
    const compiled = compileFilter(text);
    if (compiled instanceof PatternError) return `Invalid ${name} filter "${text.slice(0, 40)}": ${compiled.message}`;
  }
  if (filters.tagFilter !== '' && filters.serviceFilter === '') return 'Cannot provide tag filter without service filter';
  return undefined;
}

/** Instructions times characters that the filters of one event may cost, some tenths of a second; past that they match nothing. */
const stepsMax = 20_000_000;

interface Steps {
  left: number;
}

/** Whether an event is meant for this node. A filter that is refused matches nothing. */
export function filtersMatch(filters: EventFilters, subject: EventSubject): boolean {
  const steps: Steps = { left: stepsMax };
  const node = matcher(filters.nodeFilter, steps);
  const service = matcher(filters.serviceFilter, steps);
  const tag = matcher(filters.tagFilter, steps);
  if (!node(subject.node)) return false;
  if (filters.serviceFilter === '') return filters.tagFilter === '';
  for (const candidate of subject.services) {
    if (service(candidate.service) && (filters.tagFilter === '' || candidate.tags.some(tag))) return true;
  }
  return false;
}

function matcher(text: string, steps: Steps): (value: string) => boolean {
  if (text === '') return () => true;
  const compiled = compileFilter(text);
  if (compiled instanceof PatternError) return () => false;
  return (value) => {
    steps.left -= compiled.size * (value.length + 1);
    return steps.left >= 0 && compiled.test(value);
  };
}

/** The expression, not anchored, or why it is refused. */
function compileFilter(text: string): Pattern | PatternError {
  try {
    return compilePattern(text);
  } catch (error) {
    if (error instanceof PatternError) return error;
    throw error;
  }
}
