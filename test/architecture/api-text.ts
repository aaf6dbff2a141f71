/**
 * The public API of a package as text, from the declarations that the compiler emits: what is exported, and the shape of
 * every type that an export mentions. Comments, private members and layout are left out, so that the text changes
 * exactly when callers may notice.
 */

import { posix } from 'node:path';
import { code } from './tokens.ts';
import type { Token } from './tokens.ts';

/** The text of a declaration file by its path, or undefined when there is none. Paths are relative to the package's dist. */
export type ReadDeclarations = (path: string) => string | undefined;

interface Statement {
  /** What it declares, when it declares something. */
  readonly name: string | undefined;
  readonly exported: boolean;
  readonly words: readonly Token[];
}

interface Module {
  readonly path: string;
  readonly statements: readonly Statement[];
  /** Local name to where it comes from. */
  readonly imported: ReadonlyMap<string, Origin>;
}

interface Origin {
  readonly specifier: string;
  readonly name: string;
}

/** A declaration in one module; `path` and `name` make it unique. */
interface Place {
  readonly path: string;
  readonly name: string;
}

/** `entries` maps an entry of the exports map (`.`) to its declaration file (`index.d.ts`). Throws when one is missing. */
export function apiText(entries: Readonly<Record<string, string>>, read: ReadDeclarations): string {
  const modules = new Map<string, Module>();
  const moduleAt = (path: string): Module => {
    const known = modules.get(path);
    if (known !== undefined) return known;
    const text = read(path);
    if (text === undefined) throw new Error(`${path} was not emitted; run npx tsc -b`);
    const made = parseModule(path, text);
    modules.set(path, made);
    return made;
  };
  const lines: string[] = [];
  const shown = new Map<string, Place>();
  for (const [entry, path] of Object.entries(entries)) {
    const exported = exportsOf(moduleAt(path), moduleAt);
    lines.push(`# ${entry}`, '');
    for (const [name, target] of [...exported].toSorted(byKey)) {
      if (typeof target === 'string') lines.push(target);
      else {
        shown.set(placeKey(target), target);
        lines.push(...print(moduleAt(target.path), target.name, name));
      }
    }
    lines.push('');
  }
  const mentioned = mentionedBy([...shown.values()], moduleAt);
  if (mentioned.length > 0) lines.push('# mentioned by the above, not exported', '');
  for (const place of mentioned) lines.push(...print(moduleAt(place.path), place.name, place.name));
  return `${lines.join('\n').trimEnd()}\n`;
}

function byKey(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return a[0] < b[0] ? -1 : 1;
}

function placeKey(place: Place): string {
  return `${place.path} ${place.name}`;
}

/** Exported names to their declarations; what comes from another package stays a line of text. */
function exportsOf(module: Module, moduleAt: (path: string) => Module): Map<string, Place | string> {
  const found = new Map<string, Place | string>();
  for (const statement of module.statements) {
    if (statement.exported && statement.name !== undefined)
      found.set(statement.name, { path: module.path, name: statement.name });
    if (statement.words[0]?.text !== 'export' || statement.name !== undefined) continue;
    const from = specifierOf(statement.words);
    const star = statement.words.some((token) => token.text === '*');
    if (star && from !== undefined && !from.startsWith('.')) found.set(`* ${from}`, join(statement.words));
    else if (star && from !== undefined) {
      for (const [name, target] of exportsOf(moduleAt(resolve(module.path, from)), moduleAt)) {
        if (!found.has(name) && name !== 'default') found.set(name, target);
      }
    } else for (const { local, name } of namesIn(statement.words)) found.set(name, origin(module, local, from, moduleAt));
  }
  return found;
}

/** Where a name of a module is declared: here, in the file it was imported from, or in another package. */
function origin(module: Module, local: string, from: string | undefined, moduleAt: (path: string) => Module): Place | string {
  const source = from === undefined ? module.imported.get(local) : { specifier: from, name: local };
  if (source === undefined) return { path: module.path, name: local };
  if (!source.specifier.startsWith('.')) return `${local} from '${source.specifier}'`;
  const target = exportsOf(moduleAt(resolve(module.path, source.specifier)), moduleAt).get(source.name);
  if (target === undefined) throw new Error(`${module.path} mentions ${source.name}, which ${source.specifier} does not export`);
  return target;
}

/** Declarations that the given ones mention, and those that these mention, in order of file and name. */
function mentionedBy(places: readonly Place[], moduleAt: (path: string) => Module): Place[] {
  const seen = new Set(places.map(placeKey));
  const queue = [...places];
  const found = new Map<string, Place>();
  for (const place of queue) {
    const module = moduleAt(place.path);
    for (const name of mentions(declarations(module, place.name))) {
      const local = module.statements.some((statement) => statement.name === name);
      const target = local
        ? { path: module.path, name }
        : module.imported.has(name)
          ? origin(module, name, undefined, moduleAt)
          : '';
      if (typeof target === 'string' || seen.has(placeKey(target))) continue;
      seen.add(placeKey(target));
      found.set(placeKey(target), target);
      queue.push(target);
    }
  }
  return [...found].toSorted(byKey).map(([, place]) => place);
}

/** Names of types, by their capital letter, and of values after `typeof`. */
function mentions(statements: readonly Statement[]): string[] {
  return statements.flatMap(({ words }) =>
    words
      .filter((token, at) => token.kind === 'word' && (/^[A-Z]/.test(token.text) || words[at - 1]?.text === 'typeof'))
      .map((token) => token.text),
  );
}

function declarations(module: Module, name: string): Statement[] {
  return module.statements.filter((statement) => statement.name === name);
}

function print(module: Module, local: string, name: string): string[] {
  const renamed = local === name ? [] : [`${name} is ${local}:`];
  return [...renamed, ...declarations(module, local).flatMap(({ words }) => printDeclaration(words))];
}

function resolve(from: string, specifier: string): string {
  return posix.join(posix.dirname(from), specifier).replace(/\.(?:d\.ts|ts|js)$/, '') + '.d.ts';
}

function parseModule(path: string, text: string): Module {
  const statements = split(code(text)).map((words) => ({ name: nameOf(words), exported: words[0]?.text === 'export', words }));
  const imported = new Map<string, Origin>();
  for (const { words } of statements) {
    const specifier = specifierOf(words);
    if (words[0]?.text !== 'import' || specifier === undefined) continue;
    for (const { local, name } of namesIn(words)) imported.set(name, { specifier, name: local });
  }
  return { path, statements, imported };
}

const blocks = new Set(['interface', 'class', 'namespace', 'enum']);

/** Cuts at the end of each top-level statement. */
function split(words: readonly Token[]): Token[][] {
  const statements: Token[][] = [];
  let current: Token[] = [];
  let depth = 0;
  for (const token of words) {
    current.push(token);
    if (token.kind === 'punct' && '{[('.includes(token.text)) depth++;
    if (token.kind === 'punct' && '}])'.includes(token.text)) depth--;
    const block = token.text === '}' && current.slice(0, 4).some(({ text }) => blocks.has(text));
    if (depth > 0 || (token.text !== ';' && !block)) continue;
    if (current.some(({ text }) => text !== ';')) statements.push(current);
    current = [];
  }
  return statements;
}

const declaring = new Set(['class', 'interface', 'type', 'function', 'const', 'let', 'var', 'enum', 'namespace']);

function nameOf(words: readonly Token[]): string | undefined {
  const at = words.findIndex((token) => !['export', 'declare', 'default', 'abstract'].includes(token.text));
  const isDeclaration = declaring.has(words[at]?.text ?? '') && words[at + 1]?.kind === 'word';
  return isDeclaration ? words[at + 1]?.text : undefined;
}

function specifierOf(words: readonly Token[]): string | undefined {
  const at = words.findIndex((token, index) => token.kind === 'string' && words[index - 1]?.text === 'from');
  return at < 0 ? undefined : words[at]?.text.slice(1, -1);
}

/** `{ a, b as c }` of an import or export: the name on the left, and the one it goes by afterwards. */
function namesIn(words: readonly Token[]): { readonly local: string; readonly name: string }[] {
  const open = words.findIndex((token) => token.text === '{');
  const close = words.findIndex((token) => token.text === '}');
  if (open < 0) return [];
  const inside = words.slice(open + 1, close).filter((token) => token.text !== 'type');
  return inside.flatMap((token, at) => {
    if (token.kind !== 'word' || token.text === 'as' || inside[at - 1]?.text === 'as') return [];
    return [{ local: token.text, name: inside[at + 1]?.text === 'as' ? (inside[at + 2]?.text ?? token.text) : token.text }];
  });
}

/** One line for the head, one for each public member of a class or an interface, one for each variant of a long union. */
function printDeclaration(words: readonly Token[]): string[] {
  const body = words.filter((token) => !['export', 'declare'].includes(token.text));
  const hasMembers = body.slice(0, 2).some((token) => token.text === 'class' || token.text === 'interface');
  const open = body.findIndex((token) => token.text === '{');
  if (!hasMembers || open < 0) return body[0]?.text === 'type' ? printUnion(body) : [join(body)];
  const members = split(body.slice(open + 1, -1))
    .filter((member) => !member.some((token, at) => token.text === 'private' || (at === 0 && token.text.startsWith('#'))))
    .map((member) => `  ${join(member)}`);
  return [`${join(body.slice(0, open))} {`, ...members, '}'];
}

function printUnion(words: readonly Token[]): string[] {
  const line = join(words);
  if (line.length <= 120) return [line];
  const lines: Token[][] = [[]];
  let depth = 0;
  for (const token of words) {
    if (token.kind === 'punct' && '{[(<'.includes(token.text)) depth++;
    if (token.kind === 'punct' && '}])>'.includes(token.text)) depth--;
    if (token.kind === 'punct' && token.text === '|' && depth === 0) lines.push([]);
    lines.at(-1)?.push(token);
  }
  return lines.map((variant, at) => (at === 0 ? join(variant) : `  ${join(variant)}`));
}

/** Tokens with the spaces that a reader expects, whatever the layout was. */
function join(words: readonly Token[]): string {
  let text = '';
  let before: Token | undefined;
  for (const [at, token] of words.entries()) {
    const after = words[at + 1]?.text ?? ' ';
    const trailing = token.text === ',' && ')]}>'.includes(after);
    const leading = token.text === '|' && '=(:<'.includes(before?.text ?? ' ');
    if (trailing || leading) continue;
    text += before === undefined || isTight(before, token) ? token.text : ` ${token.text}`;
    before = token;
  }
  return text;
}

const tightAfter = new Set(['(', '[', '<', '.', '...', '?.']);
const tightBefore = new Set([',', ';', ':', ')', ']', '>', '?', '.', '?.']);
const operators = new Set(['readonly', 'extends', 'keyof', 'typeof', 'in', 'is', 'unique']);

function isTight(before: Token, token: Token): boolean {
  if (tightAfter.has(before.text) || tightBefore.has(token.text)) return true;
  const opens = ['(', '[', '<'].includes(token.text);
  return opens && (before.kind === 'word' ? !operators.has(before.text) : ['>', ']', ')', '}'].includes(before.text));
}
