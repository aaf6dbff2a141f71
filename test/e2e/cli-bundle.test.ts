/** The command as users start it: the bundle that `npm run build` makes, as a process. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const bin = join(root, 'packages/cli/bin/skein.js');
const bundle = join(root, 'packages/cli/dist/skein.js');

async function start(script: string, args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: code as number, out, err };
}

test('the linked command starts the bundle and passes its arguments and exit code on', async () => {
  expect(await start(bin, ['--version'])).toEqual({ code: 0, out: '0.1.0\n', err: '' });
  expect((await start(bin, ['nonsense'])).code).toBe(2);
});

test('a scenario file that never finishes loading is refused by name, instead of an end without a word', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'skein-stuck-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'stuck.mjs');
  writeFileSync(path, 'await new Promise(() => {});\nexport default {};\n');
  const { code, out, err } = await start(bundle, ['sim', path]);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toContain(`${path} never finishes loading`);
});

test('a scenario file that ends the process while it is loaded is a failure of two lines, not a success without a word', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'skein-exit-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'exit.mjs');
  writeFileSync(path, 'process.exit(0);\nexport default {};\n');
  const { code, out, err } = await start(bundle, ['sim', path]);
  expect({ code, out }).toEqual({ code: 1, out: '' });
  expect(err).toBe(
    `skein: ${path} ended the process before there was a result\n  leave process.exit() out of it, and throw to fail\n`,
  );
});

test('with --json, standard output is one JSON object, and what a scenario file prints goes to standard error', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'skein-json-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'talks.mjs');
  writeFileSync(
    path,
    `import { log } from 'node:console';
     console.log('loaded');
     const script = () => { log('told'); console.table([1]); process.stdout.write('written\\n'); };
     export default { name: 'talks', summary: 'Talks.', nodes: 2, rest: 0, script };`,
  );
  const { code, out, err } = await start(bundle, ['sim', path, '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ name: 'talks', passed: true });
  expect(err).toMatch(/loaded\ntold\n[^]*written\n/);
  expect((await start(bundle, ['sim', path])).out).toMatch(/^loaded\ntold\n/);
});

test.skipIf(!existsSync('/dev/full'))(
  'a page that a full disk refuses leaves the result of a simulation where it is',
  async () => {
    const { code, out, err } = await start(bundle, ['sim', 'split-and-heal', '--json', '--html', '/dev/full']);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ name: 'split-and-heal', passed: true });
    expect(err).toMatch(/^skein: the page cannot be written to \/dev\/full: ENOSPC[^\n]*\n  make room there/);
  },
);

test('Ctrl-C in a campaign of simulations shows what ran so far', async () => {
  const args = [bundle, 'sim', 'split-and-heal', '--runs', '1000000'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stderr.once('data', () => child.kill('SIGINT'));
  const [out, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  expect(code).toBe(1);
  expect(out).toMatch(/split-and-heal stopped after \d+ of 1000000 runs/);
});

test('the linked command of a clone that was not built says how to build', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'skein-bin-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  mkdirSync(join(directory, 'bin'));
  copyFileSync(join(root, 'packages/cli/package.json'), join(directory, 'package.json'));
  copyFileSync(bin, join(directory, 'bin/skein.js'));
  const { code, err } = await start(join(directory, 'bin/skein.js'), ['members']);
  expect(code).toBe(1);
  expect(err).toContain('npm run build');
});

test('a command that only asks an agent does not load the agent, libp2p or YAML', () => {
  const loaded = new Set<string>();
  const load = (path: string): void => {
    if (loaded.has(path)) return;
    loaded.add(path);
    const source = readFileSync(path, 'utf8');
    for (const [, name] of source.matchAll(/^(?:import|export)\b[^;]*?["'](\.[^"']+\.js)["'];?$/gm))
      load(join(path, '..', name ?? ''));
  };
  load(bundle);
  const source = [...loaded].map((path) => readFileSync(path, 'utf8')).join('\n');
  expect(source).toContain('/v1/mesh/members');
  for (const heavy of ['libp2p', '@libp2p', 'fastify', 'yaml']) {
    expect(source.includes(`node_modules/${heavy}`), heavy).toBe(false);
  }
});

test('a reader that goes away early is no failure', async () => {
  const rows = Array.from({ length: 20_000 }, (_, index) => ({ name: `member-${index}`, id: `id-${index}`, status: 'alive' }));
  const agent = createServer((_request, response) => response.end(JSON.stringify(rows))).listen(0, '127.0.0.1');
  await once(agent, 'listening');
  onTestFinished(() => void agent.close());
  const address = `127.0.0.1:${(agent.address() as AddressInfo).port}`;
  const child = spawn(process.execPath, [bundle, 'members', '--http-addr', address], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.once('data', () => child.stdout.destroy());
  const [err, [code]] = await Promise.all([text(child.stderr), once(child, 'close')]);
  expect(err).toBe('');
  expect(code).toBe(0);
});

test.each(['SIGINT', 'SIGTERM'] as const)('%s ends a log that is followed, also after garbage was collected', async (signal) => {
  let sent = 0;
  const agent = createServer((_request, response) => {
    response.write(`line ${++sent}\n`);
  }).listen(0, '127.0.0.1');
  await once(agent, 'listening');
  onTestFinished(() => agent.closeAllConnections());
  onTestFinished(() => void agent.close());
  // What only weak references know is gone, and was told so, a turn after each collection.
  const collect = `process.on('SIGUSR2', async () => {
    for (let n = 0; n < 5; n++) { gc(); await new Promise((done) => setImmediate(done)); }
    process.stderr.write('collected');
  });`;
  const preload = `data:text/javascript,${encodeURIComponent(collect)}`;
  const address = `127.0.0.1:${(agent.address() as AddressInfo).port}`;
  const child = spawn(process.execPath, ['--expose-gc', '--import', preload, bundle, 'monitor', '--http-addr', address], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  expect(String((await once(child.stdout, 'data'))[0])).toBe('line 1\n');
  child.kill('SIGUSR2');
  expect(String((await once(child.stderr, 'data'))[0])).toBe('collected');
  child.kill(signal);
  expect(await once(child, 'close')).toEqual([0, null]);
});

test.skipIf(!existsSync('/dev/full'))('output that a full disk refuses is a failure of one line', async () => {
  const full = openSync('/dev/full', 'w');
  onTestFinished(() => closeSync(full));
  const child = spawn(process.execPath, [bundle, 'token', 'create'], { stdio: ['ignore', full, 'pipe'] });
  const [err, [code]] = await Promise.all([text(child.stderr as Readable), once(child, 'close')]);
  expect(code).toBe(1);
  expect(err).toMatch(/^skein: standard output cannot be written: ENOSPC[^\n]*\n$/);
});

test('the sample service of the demo answers with its name and ends with its standard input', async () => {
  const child = spawn(process.execPath, [bundle, 'demo-orders', '--name', 'orders-7', '--port', '0'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [line] = await once(child.stdout, 'data');
  const { port } = JSON.parse(String(line));
  expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200);
  expect(await (await fetch(`http://127.0.0.1:${port}/order/1`)).json()).toEqual({ instance: 'orders-7', path: '/order/1' });
  child.stdin.end();
  expect((await once(child, 'close'))[0]).toBe(0);
});
