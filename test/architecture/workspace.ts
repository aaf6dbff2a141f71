/** The repository as the checks see it: packages with their manifests, and every text file that people wrote. */

import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

export const root: string = join(import.meta.dirname, '../..');

export interface SourceFile {
  /** From the root of the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export interface Package {
  /** Folder name, which is also the name after `@skein/`. */
  readonly name: string;
  readonly dependencies: readonly string[];
  /** What its users bring along. */
  readonly peers?: readonly string[];
  /** Folder names of the projects that its tsconfig.json refers to. */
  readonly references: readonly string[];
  /** The exports map: an entry (`.`, `./vitest`) to its declarations (`./dist/index.d.ts`). */
  readonly entries: Readonly<Record<string, string>>;
  readonly files: readonly SourceFile[];
}

const notOurs = new Set(['node_modules', 'dist', '.git', 'generated', 'coverage', '.skein', '.vite']);
const textNames =
  /\.(?:ts|mjs|js|json|md|proto|ya?ml|txt|go|mod|sum|html|css|sh)$|^(?:run|LICENSE|\.npmrc|\.gitignore|\.oxlintrc\.json)$/;

export function readPackages(): Package[] {
  return readdirSync(join(root, 'packages'))
    .filter((name) => existsSync(join(root, 'packages', name, 'package.json')))
    .map((name) => {
      const manifest = readJson(`packages/${name}/package.json`);
      return {
        name,
        dependencies: Object.keys(recordAt(manifest, 'dependencies')),
        peers: Object.keys(recordAt(manifest, 'peerDependencies')),
        references: referencesOf(`packages/${name}/tsconfig.json`),
        entries: Object.fromEntries(
          Object.entries(recordAt(manifest, 'exports')).map(([entry, targets]) => [
            entry,
            String((targets as { types?: string }).types),
          ]),
        ),
        files: readSources(`packages/${name}/src`),
      };
    });
}

/** Folder names that a tsconfig.json refers to. */
export function referencesOf(path: string): string[] {
  const references = recordAt(readJson(path), 'references');
  // The adapter of a package is a project of its own, and belongs to it.
  const paths = Object.values(references).map((reference) => (reference as { path: string }).path.replace(/\/src\/adapter$/, ''));
  return paths.map((each) => each.replace(/^.*\//, ''));
}

/** TypeScript and plain modules below a folder, generated code left out. */
export function readSources(folder: string): SourceFile[] {
  return readTexts(folder).filter((file) => /\.(?:ts|mjs|js)$/.test(file.path));
}

/** Every text file below a folder (`''` for all) that somebody wrote by hand. */
export function readTexts(folder: string): SourceFile[] {
  const full = join(root, folder);
  if (!existsSync(full)) return [];
  return readdirSync(full)
    .toSorted()
    .filter((name) => !notOurs.has(name))
    .flatMap((name) => {
      const path = folder === '' ? name : `${folder}/${name}`;
      if (statSync(join(root, path)).isDirectory()) return readTexts(path);
      return textNames.test(name) ? [{ path, text: readFileSync(join(root, path), 'utf8') }] : [];
    });
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(join(root, path), 'utf8'));
}

function recordAt(value: unknown, key: string): Record<string, unknown> {
  return ((value as Record<string, unknown>)[key] ?? {}) as Record<string, unknown>;
}
