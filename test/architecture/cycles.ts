/**
 * Import cycles between the files of a package.
 *
 * Imports of values must not run in circles: which file is evaluated first would then depend on who was imported
 * first, and a class or a constant can be undefined when it is read. `import type` is erased before anything runs, so
 * two types may mention each other across files (a View holds members, a member describes its view) without that risk.
 */

import { posix } from 'node:path';
import { importsOf } from './imports.ts';
import type { SourceFile } from './workspace.ts';

/** One line for each cycle found, naming its files in order. */
export function cycleFaults(files: readonly SourceFile[]): string[] {
  const edges = new Map(files.map((file) => [file.path, valueImports(file)]));
  const done = new Set<string>();
  const faults: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) faults.push(`import cycle: ${[...trail.slice(start), path].join(' -> ')}`);
    if (start >= 0 || done.has(path)) return;
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) visit(path, []);
  return faults;
}

function valueImports(file: SourceFile): string[] {
  return importsOf(file.text)
    .filter((found) => found.specifier.startsWith('.') && !found.typeOnly)
    .map((found) => posix.normalize(posix.join(posix.dirname(file.path), found.specifier)));
}
