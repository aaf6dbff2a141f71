/**
 * `npm run bench -- NAME [--json] [...]` runs test/bench/NAME.ts and prints its set-up and a table, or one JSON object
 * `{ name, setup, rows: [{ what, unit, ours, anchors, published, goal }] }`. Without a name it lists what there is.
 *
 * Node 20 cannot load TypeScript, so the benchmark and the sources it uses are bundled into one file first. What comes
 * from npm is not bundled: it runs as users run it.
 */

import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const here = import.meta.dirname;
const root = join(here, '../..');
const [name, ...args] = process.argv.slice(2);
const names = readdirSync(here)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -'.ts'.length));

if (name === undefined || name.startsWith('-')) await list();
else if (names.includes(name)) await run(name);
else fail(`no benchmark '${name}'; there are: ${names.join(', ')}`);

async function list() {
  for (const each of names) console.log(`${each.padEnd(16)}${(await load(each)).summary}`);
  console.log('\nnpm run bench -- NAME [--json]');
}

async function run(chosen) {
  const json = args.includes('--json');
  const bench = await load(chosen);
  const before = machine();
  const result = await bench.run({
    args: args.filter((arg) => arg !== '--json'),
    root,
    progress: (text) => process.stderr.write(`${text}\n`),
  });
  const setup = { ...before, ...result.setup };
  const rows = result.rows.map((row) => ({
    what: row.what,
    unit: row.unit,
    ours: rounded(row.ours),
    anchors: Object.fromEntries(Object.entries(row.anchors ?? {}).map(([who, value]) => [who, rounded(value)])),
    published: row.published ?? null,
    goal: row.goal ?? null,
  }));
  console.log(json ? JSON.stringify({ name: chosen, setup, rows }) : table(chosen, setup, rows));
}

/** Bundles a benchmark into a file inside the repository, where its npm packages are found, and imports it. */
async function load(chosen) {
  const folder = join(root, 'node_modules/.cache/skein-bench');
  const outfile = join(folder, `${chosen}-${process.pid}.mjs`);
  mkdirSync(folder, { recursive: true });
  try {
    await build({
      entryPoints: [join(here, `${chosen}.ts`)],
      outfile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      sourcemap: 'inline',
      conditions: ['@skein/source'],
      plugins: [{ name: 'npm-packages-stay-outside', setup: keepOutside }],
      logLevel: 'warning',
    });
    return (await import(pathToFileURL(outfile).href)).default;
  } finally {
    rmSync(outfile, { force: true });
  }
}

/** A package from npm is named by its full path, since the bundle is not where its importer was. */
function keepOutside(bundler) {
  bundler.onResolve({ filter: /^[^./]/ }, async ({ path, importer, kind, resolveDir, pluginData }) => {
    if (path.startsWith('@skein/') || path.startsWith('node:') || kind === 'entry-point' || pluginData === keepOutside)
      return undefined;
    const found = await bundler.resolve(path, { importer, kind, resolveDir, pluginData: keepOutside });
    return found.errors.length > 0 || found.external ? found : { path: pathToFileURL(found.path).href, external: true };
  });
}

function machine() {
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: commit(),
    node: process.version,
    system: `${process.platform} ${release()} ${process.arch}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    loadBefore: Number(loadavg()[0]?.toFixed(2)),
  };
}

function commit() {
  try {
    const git = (...of) => execFileSync('git', of, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain') === '' ? '' : ' with changes');
  } catch {
    return 'unknown';
  }
}

/** Four significant digits say more than any of these measurements is worth. */
function rounded(value) {
  return value === undefined || value === null ? null : Number(value.toPrecision(4));
}

function table(chosen, setup, rows) {
  const anchors = [...new Set(rows.flatMap((row) => Object.keys(row.anchors)))];
  const published = rows.some((row) => row.published !== null) ? ['published'] : [];
  const head = ['what', 'unit', 'ours', ...anchors, ...published, 'goal'];
  const cells = rows.map((row) => [
    row.what,
    row.unit,
    String(row.ours ?? '-'),
    ...anchors.map((who) => String(row.anchors[who] ?? '-')),
    ...published.map(() => row.published ?? ''),
    row.goal ?? '',
  ]);
  const widths = head.map((title, at) => Math.max(title.length, ...cells.map((row) => row[at].length)));
  const numeric = (at) => at >= 2 && at < 3 + anchors.length;
  const line = (row) =>
    row
      .map((cell, at) => (numeric(at) ? cell.padStart(widths[at]) : cell.padEnd(widths[at])))
      .join('  ')
      .trimEnd();
  const facts = Object.entries(setup).map(([what, value]) => `${what}: ${value}`);
  return [`bench ${chosen}`, ...facts, '', line(head), line(widths.map((width) => '-'.repeat(width))), ...cells.map(line)].join(
    '\n',
  );
}

function fail(message) {
  console.error(message);
  process.exitCode = 2;
}
