/**
 * The filters of user events: regular expressions, as in Consul. They come from other hosts and run here, so
 * only those are taken that cannot run for long: short, no look-around, no back-reference, no repeated group,
 * few repetitions.
 */

const maxLength = 128;
const maxRepetitions = 2;

/** The expression, or why it is refused. Not anchored. */
export function compileFilter(text: string): RegExp | { readonly refused: string } {
  if (text.length > maxLength) return { refused: `is longer than ${maxLength} characters` };
  // Without escaped characters and the content of brackets, only syntax is left.
  const syntax = text.replaceAll(/\\[^1-9k]/g, 'x').replaceAll(/\[(?:[^\]\\]|\\.)*\]/g, 'x');
  if (/\\/.test(syntax)) return { refused: 'has a back-reference' };
  if (/\(\?(?!:)/.test(syntax)) return { refused: 'has a look-around, a named group or a flag' };
  if (/\)[*+?{]/.test(syntax)) return { refused: 'repeats a group' };
  if ((syntax.match(/[*+{]/g)?.length ?? 0) > maxRepetitions) return { refused: `has more than ${maxRepetitions} repetitions` };
  try {
    return new RegExp(text);
  } catch (error) {
    return { refused: `is not a regular expression: ${(error as Error).message}` };
  }
}

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
    if ('refused' in compiled) return `the ${name} filter "${text.slice(0, 40)}" ${compiled.refused}`;
  }
  if (filters.tagFilter !== '' && filters.serviceFilter === '') return 'a tag filter needs a service filter beside it';
  return undefined;
}

/** Whether an event is meant for this node. A filter that is refused matches nothing. */
export function filtersMatch(filters: EventFilters, subject: EventSubject): boolean {
  const node = matcher(filters.nodeFilter);
  const service = matcher(filters.serviceFilter);
  const tag = matcher(filters.tagFilter);
  if (!node(subject.node)) return false;
  if (filters.serviceFilter === '') return filters.tagFilter === '';
  for (const candidate of subject.services) {
    if (service(candidate.service) && (filters.tagFilter === '' || candidate.tags.some(tag))) return true;
  }
  return false;
}

function matcher(text: string): (value: string) => boolean {
  if (text === '') return () => true;
  const compiled = compileFilter(text);
  return 'refused' in compiled ? () => false : (value) => compiled.test(value);
}
