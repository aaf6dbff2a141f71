/**
 * Splits TypeScript into tokens: enough to tell code from comments, strings, templates and regular expressions, which is
 * all that the architecture checks need. It never fails: text that is not TypeScript gives odd tokens, not errors.
 */

export type TokenKind = 'word' | 'number' | 'string' | 'template' | 'regex' | 'punct' | 'comment';

export interface Token {
  readonly kind: TokenKind;
  /** As written; a string with its quotes. */
  readonly text: string;
  /** From 1. */
  readonly line: number;
}

const wordStart = /[\p{ID_Start}_$#@]/u;
const wordPart = /[\p{ID_Continue}$\u200c\u200d]/u;
/** After these a slash opens a regular expression; after other words it divides. */
const wordsBeforeValue = new Set(
  'return typeof case in of instanceof new delete void throw do else yield await default'.split(' '),
);
const longPuncts = ['**=', '...', '**', '=>', '?.'];

/** Comments are left out of what follows from `code`. */
export function code(text: string): Token[] {
  return tokens(text).filter((token) => token.kind !== 'comment');
}

export function tokens(text: string): Token[] {
  const found: Token[] = [];
  /** One entry for each `${` that is open: how many braces are open inside it. */
  const open: number[] = [];
  let at = 0;
  let line = 1;
  const take = (kind: TokenKind, end: number): void => {
    const taken = text.slice(at, end);
    found.push({ kind, text: taken, line });
    for (const char of taken) if (char === '\n') line++;
    at = end;
  };
  while (at < text.length) {
    const char = text.charAt(at);
    const rest = text.slice(at, at + 3);
    const inTemplate = open.at(-1);
    if (char === '\n') line++;
    if (/\s/.test(char)) at++;
    else if (rest.startsWith('//')) take('comment', endOf(text, '\n', at));
    else if (rest.startsWith('/*')) take('comment', endOf(text, '*/', at + 2) + 2);
    else if (char === "'" || char === '"') take('string', stringEnd(text, at, char));
    else if (char === '`') takeTemplate(1);
    else if (char === '}' && inTemplate === 0) {
      open.pop();
      takeTemplate(1);
    } else if (wordStart.test(char)) take('word', wordEnd(text, at));
    else if (/[0-9]/.test(char)) take('number', numberEnd(text, at));
    else if (char === '/' && opensRegex(found)) take('regex', regexEnd(text, at));
    else {
      if (inTemplate !== undefined && char === '{') open[open.length - 1] = inTemplate + 1;
      if (inTemplate !== undefined && char === '}') open[open.length - 1] = inTemplate - 1;
      const long = longPuncts.find((punct) => text.startsWith(punct, at));
      take('punct', at + (long?.length ?? 1));
    }
  }
  return found;

  function takeTemplate(opened: number): void {
    const end = templateEnd(text, at + opened);
    if (text.startsWith('${', end - 2)) open.push(0);
    take('template', end);
  }
}

function endOf(text: string, mark: string, from: number): number {
  const found = text.indexOf(mark, from);
  return found < 0 ? text.length : found;
}

function stringEnd(text: string, from: number, quote: string): number {
  let at = from + 1;
  while (at < text.length && text.charAt(at) !== quote && text.charAt(at) !== '\n') at += text.charAt(at) === '\\' ? 2 : 1;
  return at + 1;
}

/** Past the closing backtick, or past the `${` that interrupts the text. */
function templateEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length) {
    if (text.charAt(at) === '`') return at + 1;
    if (text.startsWith('${', at)) return at + 2;
    at += text.charAt(at) === '\\' ? 2 : 1;
  }
  return text.length;
}

function regexEnd(text: string, from: number): number {
  let at = from + 1;
  let inClass = false;
  while (at < text.length && text.charAt(at) !== '\n') {
    const char = text.charAt(at);
    if (char === '/' && !inClass) return wordEnd(text, at);
    if (char === '[') inClass = true;
    if (char === ']') inClass = false;
    at += char === '\\' ? 2 : 1;
  }
  return at;
}

function opensRegex(before: readonly Token[]): boolean {
  const last = before.findLast((token) => token.kind !== 'comment');
  if (last === undefined) return true;
  if (last.kind === 'word') return wordsBeforeValue.has(last.text);
  if (last.kind === 'template') return last.text.endsWith('${');
  return last.kind === 'punct' && ![')', ']', '}'].includes(last.text);
}

function wordEnd(text: string, from: number): number {
  let at = from + 1;
  while (at < text.length && wordPart.test(text.charAt(at))) at++;
  return at;
}

function numberEnd(text: string, from: number): number {
  return from + (/^(?:0[xob][\da-f_]+|[\d_]*\.?[\d_]*(?:e[+-]?\d+)?)n?/i.exec(text.slice(from, from + 400))?.[0].length ?? 1);
}
