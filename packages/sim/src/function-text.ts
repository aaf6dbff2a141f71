/** The source of a function as an expression that can be pasted where the function was given. */

/**
 * Undefined where a function does not show its source: one that was bound, or is of the engine, or that uses what only its
 * class has. What a method is written as stands in an object only, so it is printed in one and taken out again.
 */
export function functionText(given: (...args: never[]) => unknown): string | undefined {
  // The hash of a private name means nothing outside of its class.
  const source = String(given).replace(/^#/, '');
  if (/\{\s*\[native code\]\s*\}\s*$/.test(source) || /(?:\.\s*|[({!,;]\s*)#[\p{ID_Start}$_]/u.test(source)) return undefined;
  return isExpression(source) ? source : `Object.values({ ${source} })[0]`;
}

/** Whether it is a function or an arrow, and not a method, which may be called `async` as well. */
function isExpression(source: string): boolean {
  if (/^(?:async\s+)?function\b/.test(source)) return true;
  const parameters = source.replace(/^async\b\s*/, '');
  if (!parameters.startsWith('(')) return /^[\p{ID_Start}$_][\p{ID_Continue}$]*\s*=>/u.test(parameters);
  return /^\s*=>/.test(parameters.slice(closing(parameters) + 1));
}

/** Where the parenthesis ends with which a text begins. */
function closing(text: string): number {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '(') depth++;
    else if (text[at] === ')' && --depth === 0) return at;
  }
  return text.length;
}
