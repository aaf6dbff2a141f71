/** A command line that is still being typed, as words: for bash, which hands it over as text. */

/**
 * The words of `line` as a shell takes them apart: quotes and backslashes removed, an open quote closed by the end. The last
 * one is the word under the cursor, empty after a blank. Nothing is expanded.
 */
export function typedWords(line: string): readonly string[] {
  const words: string[] = [];
  let word = '';
  let quote = '';
  let isInWord = false;
  for (let at = 0; at < line.length; at++) {
    const char = line[at] ?? '';
    const isEscape = char === '\\' && quote !== "'" && at + 1 < line.length;
    if (isEscape) word += line[++at] ?? '';
    else if (quote !== '') {
      if (char === quote) quote = '';
      else word += char;
    } else if (char === '"' || char === "'") quote = char;
    else if (/\s/.test(char)) {
      if (isInWord) words.push(word);
      word = '';
      isInWord = false;
      continue;
    } else word += char;
    isInWord = true;
  }
  return [...words, word];
}
