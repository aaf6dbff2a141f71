/**
 * Bundles the command: `dist/skein.js` is small and starts fast; what only some commands need (libp2p, the HTTP
 * API, YAML) is in chunks under `dist/bundle/` that they load when they run. No source file is named `skein` or
 * `bundle`, so `tsc -b`, which writes to `dist/` too, and this script never touch each other's files.
 */

import { chmodSync, readdirSync, rmSync } from 'node:fs';
import { basename } from 'node:path';
import { build } from 'esbuild';

const at = (path) => new URL(path, import.meta.url).pathname;

/** Each file of `simulations/` is a module that `skein sim` loads by its name. */
const simulations = Object.fromEntries(
  readdirSync(at('../../simulations'))
    .filter((file) => file.endsWith('.ts'))
    .map((file) => [`simulations/${basename(file, '.ts')}`, at(`../../simulations/${file}`)]),
);

const { metafile } = await build({
  absWorkingDir: at('.'),
  entryPoints: { skein: 'src/main.ts', ...simulations },
  outdir: 'dist',
  chunkNames: 'bundle/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  conditions: ['@skein/source'],
  // Dependencies in CommonJS call `require` for Node's own modules; an ES module has none.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  sourcemap: true,
  sourcesContent: false,
  legalComments: 'none',
  logLevel: 'warning',
  metafile: true,
});
chmodSync(at('dist/skein.js'), 0o755);

// Chunks are named by their content, so those of earlier builds would pile up. They go last: an older `skein.js` that
// is starting right now still finds them.
const fresh = new Set(Object.keys(metafile.outputs).map((path) => basename(path)));
for (const folder of ['dist/bundle', 'dist/simulations'])
  for (const name of readdirSync(at(folder))) if (!fresh.has(name)) rmSync(at(`${folder}/${name}`));
