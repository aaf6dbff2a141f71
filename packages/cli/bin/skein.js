#!/usr/bin/env node
// npm links this file at install time, before the bundle it starts exists.
import { existsSync } from 'node:fs';

const bundle = new URL('../dist/skein.js', import.meta.url);
if (existsSync(bundle)) {
  await import(bundle.href);
} else {
  process.stderr.write('skein: the command is not built yet; run: npm run build\n');
  process.exitCode = 1;
}
