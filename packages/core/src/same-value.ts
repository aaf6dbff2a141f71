/**
 * Whether two values of plain data (texts, numbers, lists, objects) say the same, whatever the order of their keys. A key
 * that is not there is as one that is undefined, which JSON cannot tell apart either.
 */
export function isSameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [a, b] as readonly Readonly<Record<string, unknown>>[];
  return hasAllOf(left!, right!) && Object.keys(right!).every((key) => right![key] === undefined || Object.hasOwn(left!, key));
}

function hasAllOf(left: Readonly<Record<string, unknown>>, right: Readonly<Record<string, unknown>>): boolean {
  return Object.keys(left).every((key) => isSameValue(left[key], Object.hasOwn(right, key) ? right[key] : undefined));
}
