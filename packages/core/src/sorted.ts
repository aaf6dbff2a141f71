/** Lists of texts in the order of their UTF-16 units, which is the same on every node. */

export function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Where a key is, or would be, in a list in the order of its keys. */
export function firstNotBelow<T>(items: readonly T[], key: string, keyOf: (item: T) => string): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keyOf(items[middle]!) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
