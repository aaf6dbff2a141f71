/** "Did you mean": the nearest known word to a misspelt one. */

/** Other projects' words for ours. */
const synonyms: Readonly<Record<string, string>> = {
  service: 'name',
  services: 'backendRefs',
  backends: 'backendRefs',
  backend: 'backendRefs',
  hosts: 'hostnames',
  host: 'hostnames',
  domains: 'hostnames',
  prefix: 'PathPrefix',
  timeout: 'timeouts',
  retries: 'retry',
  count: 'attempts',
};

/** `; did you mean "x"?`, or nothing when no known word is near. */
export function suggest(word: string, known: readonly string[]): string {
  const lower = word.toLowerCase().slice(0, 64);
  const synonym = synonyms[lower];
  if (synonym !== undefined && known.includes(synonym)) return `; did you mean "${synonym}"?`;
  let best: string | undefined;
  let bestDistance = 3;
  for (const candidate of known) {
    const distance = editDistance(lower, candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best === undefined ? '' : `; did you mean "${best}"?`;
}

/** Levenshtein distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
