/** "Did you mean": the known word that a misspelt one is nearest to. */

/** Undefined when nothing is near: it is no part of one word only, and more than a third of its letters and one would have to change. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const lower = word.toLowerCase().slice(0, 64);
  const parts = known.filter((candidate) => lower.length >= 3 && candidate.toLowerCase().includes(lower));
  if (parts.length === 1) return parts[0];
  let best: string | undefined;
  let bestDistance = Math.floor(lower.length / 3) + 2;
  for (const candidate of known) {
    const distance = editDistance(lower, candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
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
