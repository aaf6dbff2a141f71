/** Lists in an order that is the same on every node. */

/** Of texts, by their UTF-16 units. */
export function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Where the first item is that is not below what is looked for, in a list that is in order: there it is, or would be. */
export function firstNotBelow<T>(items: readonly T[], isBelow: (item: T) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBelow(items[middle]!)) low = middle + 1;
    else high = middle;
  }
  return low;
}
