/** Who may import whom: the table of layers, and the checks that hold every import, dependency and reference to it. */

import { builtinModules } from 'node:module';
import { posix } from 'node:path';
import { importsOf } from './imports.ts';
import type { Import } from './imports.ts';
import type { Package, SourceFile } from './workspace.ts';

interface Layer {
  readonly imports: readonly string[];
  /**
   * Imported for types only, but for these values: the words of the View, which readers need to ask it. A gossiping node
   * must not come along at run time.
   */
  readonly typesBut?: Readonly<Record<string, readonly string[]>>;
  /** No runtime dependency, nothing of Node: what the simulator can run. */
  readonly pure?: boolean;
}

const viewWords = { core: ['topics', 'compareVersions'] };

/** A package may import only what is named here. Nothing goes sideways between transport, api, xds, proxy and client. */
export const layers: Readonly<Record<string, Layer>> = {
  core: { imports: [], pure: true },
  traffic: { imports: ['core'], typesBut: viewWords, pure: true },
  sim: { imports: ['core', 'traffic'], pure: true },
  transport: { imports: ['core'] },
  api: { imports: ['core', 'traffic'] },
  xds: { imports: ['core', 'traffic'] },
  proxy: { imports: ['core', 'traffic'], typesBut: viewWords },
  client: { imports: ['core', 'traffic'], typesBut: viewWords },
  agent: { imports: ['core', 'traffic', 'sim', 'transport', 'api', 'xds', 'proxy', 'client', 'ui'] },
  ui: { imports: ['core', 'traffic', 'sim'] },
  cli: { imports: ['agent', 'client', 'sim'] },
};

/** The part of a pure package that runs in somebody's test runner. It alone may meet the outside, and the rest may not meet it. */
export function isAdapter(path: string): boolean {
  return /^packages\/[^/]+\/src\/adapter\//.test(path);
}

export const purePackages: readonly string[] = Object.keys(layers).filter((name) => layers[name]?.pure === true);

/** The network of the mesh stays behind one package. */
const networkOnly = /^(?:libp2p|it-pipe|protons-runtime)(?:\/|$)|^@(?:libp2p|multiformats|chainsafe)\//;

/** Imports that the table forbids, that reach past an `exports` map, or that package.json does not declare. */
export function importFaults(packages: readonly Package[]): string[] {
  return packages.flatMap((pack) =>
    pack.files.flatMap((file) =>
      importsOf(file.text).flatMap((found) => {
        const fault = importFault(packages, pack, file, found);
        return fault === undefined ? [] : [`${file.path}:${found.line}: ${fault}`];
      }),
    ),
  );
}

function importFault(packages: readonly Package[], pack: Package, file: SourceFile, found: Import): string | undefined {
  const { specifier } = found;
  const layer = layers[pack.name];
  if (layer === undefined) return `package ${pack.name} is not in the table of layers; add it to test/architecture/layers.ts`;
  if (specifier.startsWith('.')) {
    const path = posix.normalize(posix.join(posix.dirname(file.path), specifier));
    if (isAdapter(path) && !isAdapter(file.path)) return `'${specifier}' is an adapter: what is pure does not know of it`;
    const inside = path.startsWith(`packages/${pack.name}/src/`);
    return inside ? undefined : `'${specifier}' leaves the package; import another package by its name`;
  }
  const target = meshTarget(specifier);
  if (target !== undefined) return meshFault(packages, pack, layer, found);
  if (layer.pure === true && !isAdapter(file.path))
    return `${pack.name} is pure and imports nothing but its own layer, not '${specifier}'`;
  if (networkOnly.test(specifier) && pack.name !== 'transport') return `only transport may import '${specifier}'`;
  const parts = specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1);
  const name = parts.join('/');
  if (specifier.startsWith('node:') || pack.dependencies.includes(name) || pack.peers?.includes(name) === true) return undefined;
  if (builtinModules.includes(specifier)) return `write 'node:${specifier}'`;
  return `'${name}' is not among the dependencies of packages/${pack.name}/package.json`;
}

interface MeshTarget {
  readonly name: string;
  /** As a key of the exports map. */
  readonly entry: string;
}

function meshTarget(specifier: string): MeshTarget | undefined {
  const match = /^@skein\/([^/]+)(\/.+)?$/.exec(specifier);
  return match?.[1] === undefined ? undefined : { name: match[1], entry: `.${match[2] ?? ''}` };
}

function isExported(packages: readonly Package[], { name, entry }: MeshTarget): boolean {
  return packages.some((pack) => pack.name === name && Object.hasOwn(pack.entries, entry));
}

function meshFault(packages: readonly Package[], pack: Package, layer: Layer, found: Import): string | undefined {
  const target = meshTarget(found.specifier);
  if (target === undefined) return undefined;
  const { name } = target;
  if (name === pack.name) return `a package imports its own files by path, not as '@skein/${name}'`;
  if (!layer.imports.includes(name)) return `${pack.name} may not import ${name}; see the table of layers`;
  const allowed = layer.typesBut?.[name];
  const value = allowed === undefined ? undefined : found.values.find((each) => !allowed.includes(each));
  if (value !== undefined)
    return `${pack.name} may import only types of ${name} and ${allowed?.join(', ')}, not the value ${value}`;
  const manifest = `packages/${pack.name}/package.json`;
  if (!pack.dependencies.includes(`@skein/${name}`)) return `'@skein/${name}' is not among the dependencies of ${manifest}`;
  return isExported(packages, target) ? undefined : `'${found.specifier}' reaches past the exports of ${name}`;
}

/** Tests, benchmarks and simulations use packages as everyone does: by name, through their exports. */
export function outsideImportFaults(files: readonly SourceFile[], packages: readonly Package[]): string[] {
  return files.flatMap((file) =>
    importsOf(file.text).flatMap(({ specifier, line }) => {
      const path = posix.normalize(posix.join(posix.dirname(file.path), specifier));
      const target = meshTarget(specifier);
      const reaches = specifier.startsWith('.')
        ? path.startsWith('packages/')
        : target !== undefined && !isExported(packages, target);
      return reaches ? [`${file.path}:${line}: '${specifier}' reaches past the exports of a package`] : [];
    }),
  );
}

/** Differences between the table, package.json dependencies and tsconfig.json references. */
export function manifestFaults(packages: readonly Package[], rootReferences: readonly string[]): string[] {
  return packages.flatMap((pack) => {
    const layer = layers[pack.name];
    const at = `packages/${pack.name}`;
    if (layer === undefined) return [`${at}: not in the table of layers`];
    const depends = pack.dependencies.filter((name) => name.startsWith('@skein/')).map((name) => name.slice('@skein/'.length));
    const foreign = pack.dependencies.filter((name) => !name.startsWith('@skein/'));
    const used = new Set(
      pack.files.flatMap((file) => importsOf(file.text).map((found) => found.specifier.split('/').slice(0, 2).join('/'))),
    );
    return [
      ...depends
        .filter((name) => !layer.imports.includes(name))
        .map((name) => `${at}/package.json: ${pack.name} may not depend on ${name}`),
      ...depends
        .filter((name) => !used.has(`@skein/${name}`))
        .map((name) => `${at}/package.json: ${name} is a dependency that no file imports`),
      ...depends
        .filter((name) => !pack.references.includes(name))
        .map((name) => `${at}/tsconfig.json: no reference to the dependency ${name}`),
      ...pack.references
        .filter((name) => !depends.includes(name))
        .map((name) => `${at}/tsconfig.json: refers to ${name}, which is no dependency`),
      ...(layer.pure === true ? foreign : []).map(
        (name) => `${at}/package.json: ${pack.name} is pure and may not depend on ${name}`,
      ),
      ...(pack.name === 'transport' ? [] : foreign.filter((name) => networkOnly.test(name))).map(
        (name) => `${at}/package.json: only transport may depend on ${name}`,
      ),
      ...(rootReferences.includes(pack.name) ? [] : [`tsconfig.json: no reference to ${at}, so it is not built`]),
    ];
  });
}
