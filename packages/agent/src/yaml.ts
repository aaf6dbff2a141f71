/**
 * The one reader of YAML, for files that people write: settings, service files, and what commands take. JSON is YAML, so
 * it reads both. What a file costs is bounded by its length: no alias makes it larger, or endless, than the limits say.
 */

import { isAlias, isCollection, isMap, isPair, isScalar, Lexer, LineCounter, type Pair, parseAllDocuments } from 'yaml';

export const yamlLimits = {
  /** Characters of a text. */
  length: 1_048_576,
  /** Words and signs of a text. One of a thousand services, in JSON with an indent, has some 200 000. */
  lexemes: 524_288,
  /** Levels of lists and maps within each other. */
  depth: 64,
  /** Values of a document; those that an alias (`*name`) stands for count again each time. */
  nodes: 262_144,
} as const;

/** Why a text is not taken: one line, for the person who wrote it. */
export class YamlError extends Error {
  override readonly name = 'YamlError';
}

/** The value of each document in a text, in YAML 1.2's core schema. Throws a `YamlError`. */
export function parseYaml(text: string): readonly unknown[] {
  refuseUnbounded(text);
  const lineCounter = new LineCounter();
  // The library's own checks of keys, aliases and places of errors take quadratic time: they are made here.
  const options = { lineCounter, prettyErrors: false, uniqueKeys: false, schema: 'core', resolveKnownTags: false } as const;
  const parsed = withinStack(() => parseAllDocuments(text, options));
  const stream = 'empty' in parsed ? [parsed] : parsed;
  for (const { errors, warnings } of stream) {
    const [problem] = [...errors.slice(0, 1), ...warnings.slice(0, 1)];
    if (problem === undefined) continue;
    if (problem.message.startsWith('Maximum call stack')) throw tooDeep();
    const { line, col } = lineCounter.linePos(problem.pos[0]);
    throw new YamlError(`neither YAML nor JSON: ${problem.message} at line ${line}, column ${col}`);
  }
  return [...parsed].map(({ contents }) => new Reading(lineCounter).read(contents, 0).value);
}

/** Like `parseYaml`, with lists taken apart and empty documents left out. */
export function parseYamlItems(text: string): readonly unknown[] {
  return parseYaml(text).flatMap((value): readonly unknown[] => {
    if (Array.isArray(value)) return value;
    return value === null || value === undefined ? [] : [value];
  });
}

/** Before the parser sees it, which takes long over thousands of brackets. */
function refuseUnbounded(text: string): void {
  if (text.length > yamlLimits.length) throw new YamlError(`longer than ${yamlLimits.length} characters`);
  let [lexemes, depth] = [0, 0];
  let isContent = false;
  for (const lexeme of new Lexer().lex(text)) {
    if (++lexemes > yamlLimits.lexemes) throw new YamlError(`more than ${yamlLimits.lexemes} words and signs: split it`);
    if (!isContent && (lexeme === '[' || lexeme === '{') && ++depth > yamlLimits.depth) throw tooDeep();
    if (!isContent && (lexeme === ']' || lexeme === '}') && --depth < 0) {
      throw new YamlError(`neither YAML nor JSON: a ${lexeme} closes nothing`);
    }
    // The lexer's mark for a scalar whose text is the next lexeme.
    isContent = !isContent && lexeme === '\u001f';
  }
}

function withinStack<T>(parse: () => T): T {
  const { stackTraceLimit } = Error;
  // The parser makes an error for each fault, of which there may be hundreds of thousands: most of its time would be stacks.
  Error.stackTraceLimit = 0;
  try {
    return parse();
  } catch (error) {
    throw error instanceof RangeError ? tooDeep() : error;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function tooDeep(): YamlError {
  return new YamlError(`nested deeper than ${yamlLimits.depth} levels`);
}

/** A value, and how large it is when all aliases are written out. */
interface Part {
  readonly value: unknown;
  readonly nodes: number;
  /** Levels within it: 0 for a scalar. */
  readonly height: number;
}

/** One document on its way from nodes to values. An alias brings the very object that its anchor names. */
class Reading {
  readonly #lines: LineCounter;
  /** By name, as of the last anchor so far; undefined while what it names is being read. */
  readonly #anchored = new Map<string, Part | undefined>();

  constructor(lines: LineCounter) {
    this.#lines = lines;
  }

  read(node: unknown, depth: number): Part {
    const part = isAlias(node) ? this.#meant(node) : this.#own(node, depth);
    if (depth + part.height > yamlLimits.depth) throw tooDeep();
    if (part.nodes > yamlLimits.nodes) {
      throw new YamlError(`more than ${yamlLimits.nodes} values, with those that aliases stand for`);
    }
    return part;
  }

  #own(node: unknown, depth: number): Part {
    const anchor = isScalar(node) || isCollection(node) ? node.anchor : undefined;
    if (anchor !== undefined) this.#anchored.set(anchor, undefined);
    const part = this.#content(node, depth);
    if (anchor !== undefined) this.#anchored.set(anchor, part);
    return part;
  }

  #content(node: unknown, depth: number): Part {
    if (!isCollection(node)) return { value: isScalar(node) ? node.value : null, nodes: 1, height: 0 };
    if (depth >= yamlLimits.depth) throw tooDeep();
    const entries = new Map<string, unknown>();
    const values: unknown[] = [];
    let [nodes, height] = [1, 0];
    for (const item of node.items) {
      const key = isPair(item) ? this.#key(item.key, node) : undefined;
      if (key !== undefined && entries.has(key)) {
        throw new YamlError(`the key ${shown(key)} is there twice${this.#placeOf((item as Pair).key)}`);
      }
      const part = this.read(isPair(item) ? item.value : item, depth + 1);
      if (key === undefined) values.push(part.value);
      else entries.set(key, part.value);
      nodes += part.nodes;
      height = Math.max(height, part.height);
      // At once, and not when a million of them are there.
      if (nodes > yamlLimits.nodes) break;
    }
    return { value: isMap(node) ? Object.fromEntries(entries) : values, nodes, height: height + 1 };
  }

  #key(key: unknown, map: unknown): string {
    if (!isScalar<string | number | boolean | null>(key))
      throw new YamlError(`a key is not a plain text${this.#placeOf(key ?? map)}`);
    if (key.anchor !== undefined) this.#anchored.set(key.anchor, { value: key.value, nodes: 1, height: 0 });
    return key.value === null ? '' : String(key.value);
  }

  #meant(alias: { readonly source: string }): Part {
    const name = shown(alias.source);
    const place = this.#placeOf(alias);
    if (!this.#anchored.has(alias.source)) throw new YamlError(`no anchor comes before the alias ${name}${place}`);
    const part = this.#anchored.get(alias.source);
    if (part === undefined) throw new YamlError(`the alias ${name} stands for what it is in${place}`);
    return part;
  }

  #placeOf(node: unknown): string {
    const range = (node as { readonly range?: readonly number[] | null }).range;
    if (range?.[0] === undefined) return '';
    const { line, col } = this.#lines.linePos(range[0]);
    return ` at line ${line}, column ${col}`;
  }
}

function shown(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}...` : text);
}
