/**
 * Bundles the command: `dist/skein.js` is small and starts fast; what only some commands need (libp2p, the HTTP
 * API, YAML) is in chunks under `dist/bundle/` that they load when they run. No source file is named `skein` or
 * `bundle`, so `tsc -b`, which writes to `dist/` too, and this script never touch each other's files.
 */

import { chmodSync, rmSync } from 'node:fs';
import { build } from 'esbuild';

const at = (path) => new URL(path, import.meta.url).pathname;

// Chunks are named by their content, so those of an earlier build would pile up.
rmSync(at('dist/bundle'), { recursive: true, force: true });

await build({
  absWorkingDir: at('.'),
  entryPoints: { skein: 'src/main.ts' },
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
});
chmodSync(at('dist/skein.js'), 0o755);
