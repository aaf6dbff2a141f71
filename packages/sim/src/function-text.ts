/** The source of a function as an expression that can be pasted where the function was given. */

/**
 * Undefined where a function does not show its source: one that was bound, or is of the engine. What a method is written
 * as stands in an object only, so it is printed in one and taken out again.
 */
export function functionText(given: (...args: never[]) => unknown): string | undefined {
  // The hash of a private name means nothing outside of its class.
  const source = String(given).replace(/^#/, '');
  if (/\{\s*\[native code\]\s*\}\s*$/.test(source)) return undefined;
  const isExpression = /^(?:async\b\s*)?(?:function\b|\([^]*=>|[\p{ID_Start}$_][\p{ID_Continue}$]*\s*=>)/u.test(source);
  return isExpression ? source : `Object.values({ ${source} })[0]`;
}
