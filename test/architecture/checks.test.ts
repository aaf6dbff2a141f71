/** Shows that each architecture check can fail, on sources made for it, and that it lets good sources pass. */

import { describe, expect, test } from 'vitest';
import { apiText } from './api-text.ts';
import { cycleFaults } from './cycles.ts';
import { importsOf } from './imports.ts';
import { importFaults, manifestFaults, outsideImportFaults } from './layers.ts';
import { purityFaults } from './purity.ts';
import { fileDocFaults, indexFaults, nameFaults, silencedFaults, sizeFaults, textFaults } from './tidiness.ts';
import { tokens } from './tokens.ts';
import type { Package, SourceFile } from './workspace.ts';

function source(path: string, text: string): SourceFile {
  return { path, text };
}

function pack(name: string, text: string, more: Partial<Package> = {}): Package {
  const files = [source(`packages/${name}/src/thing.ts`, text)];
  return { name, dependencies: ['@skein/core'], references: ['core'], entries: { '.': './dist/index.d.ts' }, files, ...more };
}

const core = pack('core', 'export const one = 1;', { dependencies: [], references: [] });

function kinds(text: string): string[] {
  return tokens(text).map((token) => `${token.kind} ${token.text}`);
}

describe('tokens', () => {
  test('a comment mark inside a string, a template or a regular expression is not a comment', () => {
    expect(kinds(`'//' "/*" \`// \${a} /*\` = /[/*]'/g`)).toEqual([
      `string '//'`,
      'string "/*"',
      'template `// ${',
      'word a',
      'template } /*`',
      'punct =',
      `regex /[/*]'/g`,
    ]);
  });

  test('a slash after a value divides', () => {
    expect(kinds('a / b / (c) / 2').filter((kind) => kind.startsWith('regex'))).toEqual([]);
  });

  test('braces inside an expression of a template do not end it', () => {
    expect(kinds('`a${ { b: `${c}` } }d` e').at(-1)).toBe('word e');
  });

  test('an escaped quote does not end a string, and lines are counted through comments and templates', () => {
    expect(kinds(String.raw`'a\'b' c`)).toEqual([String.raw`string 'a\'b'`, 'word c']);
    expect(tokens('/*\n\n*/ `\n` a').at(-1)).toEqual({ kind: 'word', text: 'a', line: 4 });
  });

  test('an unfinished string, comment, template or expression ends with the text', () => {
    for (const text of ["'a", '"', '/* a', '`a', '`a${', '/a', '`${`${']) expect(tokens(text).length).toBeGreaterThan(0);
  });
});

describe('imports', () => {
  test('every way to import is found, and only type-only ones are erased', () => {
    const text = [
      `import a, { type B, c as d } from 'one';`,
      `import type { C } from 'two';`,
      `import 'three';`,
      `export * as d from 'four';`,
      `export type { E } from 'five';`,
      `export {`,
      `  f as g,`,
      `} from 'six';`,
      `const h = await import('seven');`,
      `// import 'no';`,
      `const text = "import 'no'"; export { h }; import.meta.url; a.import('no');`,
    ].join('\n');
    expect(importsOf(text)).toEqual([
      { specifier: 'one', typeOnly: false, values: ['a', 'c'], line: 1 },
      { specifier: 'two', typeOnly: true, values: [], line: 2 },
      { specifier: 'three', typeOnly: false, values: ['*'], line: 3 },
      { specifier: 'four', typeOnly: false, values: ['*'], line: 4 },
      { specifier: 'five', typeOnly: true, values: [], line: 5 },
      { specifier: 'six', typeOnly: false, values: ['f'], line: 8 },
      { specifier: 'seven', typeOnly: false, values: ['*'], line: 9 },
    ]);
  });
});

describe('layers', () => {
  test.each([
    ['a lower layer that imports a higher one', core, `import type { Api } from '@skein/api';`, 'core may not import api'],
    ['a neighbour in layer 2', pack('api', ''), `import { x } from '@skein/proxy';`, 'api may not import proxy'],
    ['anyone but cli that imports agent', pack('proxy', ''), `import { x } from '@skein/agent';`, 'proxy may not import agent'],
    ['a value of core in traffic', pack('traffic', ''), `import { x } from '@skein/core';`, 'only types of core'],
    [
      'a value of core in traffic, beside a type',
      pack('traffic', ''),
      `import { type X, x } from '@skein/core';`,
      'only types of core',
    ],
    ['all of core in traffic', pack('traffic', ''), `import * as core from '@skein/core';`, 'only types of core'],
    ['an import past the exports', pack('api', ''), `import { x } from '@skein/core/src/node.ts';`, 'reaches past the exports'],
    ['a relative path out of the package', pack('api', ''), `import { x } from '../../core/src/node.ts';`, 'leaves the package'],
    ['a package that imports itself by name', pack('api', ''), `import { x } from '@skein/api';`, 'its own files by path'],
    ['libp2p outside transport', pack('agent', ''), `import { x } from 'libp2p';`, 'only transport may import'],
    [
      'a part of libp2p outside transport',
      pack('agent', ''),
      `import type { x } from '@libp2p/interface';`,
      'only transport may import',
    ],
    ['multiaddr outside transport', pack('cli', ''), `import { x } from '@multiformats/multiaddr';`, 'only transport may import'],
    ['Node in a pure package', core, `import { x } from 'node:fs';`, 'is pure'],
    ['a package that is not declared', pack('api', ''), `import { x } from 'fastify';`, 'not among the dependencies'],
    ['a mesh package that is not declared', pack('api', ''), `import { x } from '@skein/traffic';`, 'not among the dependencies'],
    ['a builtin without its prefix', pack('api', ''), `import { x } from 'fs';`, `write 'node:fs'`],
    ['a package outside the table', pack('extra', ''), `import { x } from './y.ts';`, 'not in the table of layers'],
  ])('%s is refused', (_, into, text, reason) => {
    const files = [source(`packages/${into.name}/src/deep/thing.ts`, `\n${text}`)];
    const faults = importFaults([core, { ...into, files }]);
    expect(faults).toEqual([expect.stringContaining(`packages/${into.name}/src/deep/thing.ts:2: `)]);
    expect(faults[0]).toContain(reason);
  });

  test('imports that the table allows pass', () => {
    const text = `import type { A } from '@skein/core'; import { topics, type T } from '@skein/core'; import { b } from './other.ts'; import { c } from '../thing.ts';`;
    expect(importFaults([core, pack('traffic', '', { files: [source('packages/traffic/src/deep/a.ts', text)] })])).toEqual([]);
    const transport = `import { x } from '@skein/core'; import { y } from '@libp2p/tcp'; import { z } from 'node:net';`;
    expect(importFaults([core, pack('transport', transport, { dependencies: ['@skein/core', '@libp2p/tcp'] })])).toEqual([]);
  });

  test('the adapter of a pure package may use what its users bring, and nothing pure may use the adapter', () => {
    const adapter = source(
      'packages/sim/src/adapter/vitest.ts',
      "import { test } from 'vitest';\nimport { World } from '../world.ts';",
    );
    const sim = (more: Partial<Package>): Package => pack('sim', '', { files: [adapter], ...more });
    expect(importFaults([core, sim({ peers: ['vitest'] })])).toEqual([]);
    expect(importFaults([core, sim({})])).toEqual([expect.stringContaining("'vitest' is not among the dependencies")]);
    const inward = source('packages/sim/src/world.ts', "import { chaos } from './adapter/vitest.ts';");
    expect(importFaults([core, sim({ files: [inward] })])).toEqual([expect.stringContaining('is an adapter')]);
  });

  test.each([
    [
      'a dependency that the table forbids',
      { dependencies: ['@skein/core', '@skein/agent'], references: ['core', 'agent'] },
      'may not depend on agent',
    ],
    ['a dependency that nothing imports', { files: [] }, 'core is a dependency that no file imports'],
    ['a dependency without a reference', { references: [] }, 'no reference to the dependency core'],
    ['a reference without a dependency', { references: ['core', 'traffic'] }, 'refers to traffic, which is no dependency'],
    [
      'libp2p as a dependency of another package',
      { dependencies: ['@skein/core', 'libp2p'] },
      'only transport may depend on libp2p',
    ],
  ])('%s is refused', (_, more, reason) => {
    const api = pack('api', `import { x } from '@skein/core';`, more);
    expect(manifestFaults([api], ['api']).join('\n')).toContain(reason);
  });

  test('a runtime dependency of a pure package is refused', () => {
    expect(manifestFaults([{ ...core, dependencies: ['yaml'] }], ['core'])).toEqual([
      expect.stringContaining('pure and may not depend on yaml'),
    ]);
  });

  test('a package that the root project does not build is refused', () => {
    expect(manifestFaults([core], [])).toEqual([expect.stringContaining('no reference to packages/core')]);
    expect(manifestFaults([core], ['core'])).toEqual([]);
  });

  test('a test that reaches into the files of a package is refused', () => {
    const deep = source('test/api/a.test.ts', `import { x } from '../../packages/api/src/blocking.ts';`);
    const past = source('test/api/b.test.ts', `import { x } from '@skein/core/dist/node.js';`);
    const good = source('test/api/c.test.ts', `import { x } from '@skein/core'; import { y } from '../contracts/y.ts';`);
    expect(outsideImportFaults([deep, past, good], [core])).toEqual([
      expect.stringContaining('test/api/a.test.ts:1'),
      expect.stringContaining('test/api/b.test.ts:1'),
    ]);
  });
});

describe('cycles', () => {
  test('a circle of value imports is found however long, and named', () => {
    const files = [
      source('p/src/a.ts', `import { b } from './deep/b.ts';`),
      source('p/src/deep/b.ts', `export * from '../c.ts';`),
      source('p/src/c.ts', `import './a.ts';`),
    ];
    expect(cycleFaults(files)).toEqual(['import cycle: p/src/a.ts -> p/src/deep/b.ts -> p/src/c.ts -> p/src/a.ts']);
  });

  test('types may mention each other, and two ways to one file are no circle', () => {
    const files = [
      source('p/src/a.ts', `import { b } from './b.ts'; import { c } from './c.ts';`),
      source('p/src/b.ts', `import type { A } from './a.ts'; import { c } from './c.ts';`),
      source('p/src/c.ts', `export const c = 1;`),
    ];
    expect(cycleFaults(files)).toEqual([]);
  });
});

describe('purity', () => {
  test.each([
    'Date.now()',
    'new Date()',
    'let at: Date;',
    'performance.now()',
    'setTimeout(f, 1)',
    'queueMicrotask(f)',
    'Math.random()',
    'Math.pow(2, 0.5)',
    'const { random } = Math;',
    'a ** b',
    'a **= b',
    'async function f() {}',
    'await f()',
    'new Promise(f)',
    'Promise.resolve(1)',
    'function f(): Promise<void> {}',
    'a.localeCompare(b)',
    'a?.toLocaleString()',
    'Intl.NumberFormat()',
    'process.env',
    'Buffer.from(a)',
    'console.log(a)',
    'new WeakRef(a)',
    'new FinalizationRegistry(f)',
    'globalThis.setTimeout',
    'eval(a)',
    'new Function(a)',
    'import("x")',
    '`${Date.now()}`',
    'a ? Date : b',
  ])('%s is refused in a pure package', (text) => {
    expect(purityFaults([source('packages/core/src/a.ts', `\n${text}`)])).toEqual([
      expect.stringContaining('packages/core/src/a.ts:2: '),
    ]);
  });

  test.each([
    '/** Date, await, 2 ** 3 */ // Math.random()',
    `'Date' + "process.env" + \`console.log\``,
    'const at = { process: 1, console: 2 };',
    'interface A { readonly performance?: number; Date: number }',
    'view.performance + a.process',
    'class A { get process() { return 1; } }',
    'Math.floor(Math.log(a))',
    'const dated = updateDate(a);',
  ])('%s passes', (text) => {
    expect(purityFaults([source('packages/core/src/a.ts', text)])).toEqual([]);
  });

  test('a port may promise, but not wait', () => {
    expect(purityFaults([source('packages/core/src/port.ts', 'changed(): Promise<void>;')])).toEqual([]);
    expect(purityFaults([source('packages/sim/src/sim-port.ts', 'new Promise(f)')])).toEqual([]);
    expect(purityFaults([source('packages/sim/src/sim-port.ts', 'await f()')])).toHaveLength(1);
    expect(purityFaults([source('packages/core/src/report.ts', 'new Promise(f)')])).toHaveLength(1);
  });
});

describe('tidiness', () => {
  test('a file over its limit is refused, one at its limit passes', () => {
    expect(sizeFaults([source('packages/core/src/a.ts', 'x\n'.repeat(501))])).toHaveLength(1);
    expect(sizeFaults([source('packages/core/src/a.ts', 'x\n'.repeat(500))])).toEqual([]);
    expect(sizeFaults([source('packages/core/src/node.ts', 'x\n'.repeat(700))])).toEqual([]);
    expect(sizeFaults([source('packages/core/src/node.ts', 'x\n'.repeat(701))])).toHaveLength(1);
  });

  test('a file without a file doc is refused', () => {
    for (const text of ['import a from "b";', '// what\n', '/* what */', '/** */\nexport {};', '\n/** late */']) {
      expect(fileDocFaults([source('a.ts', text)])).toHaveLength(1);
    }
    expect(
      fileDocFaults([source('a.ts', '/** What. */\n'), source('b.ts', '#!/usr/bin/env node\n/**\n * What.\n */\n')]),
    ).toEqual([]);
  });

  test('an index.ts with anything of its own is refused', () => {
    for (const text of [
      `export * from './a.ts';\nexport const b = 1;`,
      `import { a } from './a.ts';\nexport { a };`,
      `export function f() {}`,
      `export default 1;`,
      `run();`,
    ]) {
      expect(indexFaults([source('packages/a/src/index.ts', text)])).toHaveLength(1);
    }
    const good = `/** Doc. */\nimport './first.ts';\nexport * from './a.ts';\nexport { b, type C } from './b.ts';\nexport type { D } from './d.ts';\nexport {};`;
    expect(indexFaults([source('packages/a/src/index.ts', good), source('packages/a/src/a.ts', 'run();')])).toEqual([]);
  });

  test('a drawer for anything, or a name in another case, is refused', () => {
    for (const path of [
      'packages/a/src/utils.ts',
      'packages/a/src/helpers/x.ts',
      'packages/a/src/types.ts',
      'packages/a/src/MeshNode.ts',
    ]) {
      expect(nameFaults([source(path, '')])).toHaveLength(1);
    }
    expect(nameFaults([source('packages/a/src/member-record.ts', ''), source('packages/a/src/common-peers.ts', '')])).toEqual([]);
  });

  test.each([
    ['/wor', 'k/main/x'],
    ["'/roo", "t/.ssh'"],
    ['file:///hom', 'e/me/x'],
    ['C:\\User', 's\\me'],
    ['https://registry.npm', 'js.org/x'],
    ['https://proxy.gol', 'ang.org'],
    ['// TO', 'DO: later'],
    ['# FIX', 'ME'],
  ])('%s%s is refused in any text', (start, end) => {
    expect(textFaults([source('README.md', `fine\n${start}${end}`)])).toEqual([expect.stringContaining('README.md:2: ')]);
  });

  test('paths that belong to no machine pass', () => {
    const text = 'node_modules/.bin, ./work/x, /v1/agent/self, https://example.com/home/page, ~/home/x, /usr/bin/env, todo list';
    expect(textFaults([source('README.md', text)])).toEqual([]);
  });

  test.each([
    'test.skip(a)',
    'it.only(a)',
    'describe.todo(a)',
    'test.concurrent.only(a)',
    'test.fails(a)',
    'xit(a)',
    'fdescribe(a)',
  ])('%s is refused', (text) => {
    expect(silencedFaults([source('test/a.test.ts', text)])).toHaveLength(1);
  });

  test('a reasoned skip, other words and texts pass', () => {
    for (const text of [`test.skipIf(noGo)('a', f)`, 'list.skip(3)', `'test.skip(a)' // it.only`, 'const only = only(a)']) {
      expect(silencedFaults([source('test/a.test.ts', text)])).toEqual([]);
    }
  });
});

describe('api text', () => {
  const text = (files: Record<string, string>): string => apiText({ '.': 'index.d.ts' }, (path) => files[path]);
  const index = `export * from './a.ts';\nexport { b as c } from './deep/b.js';\nexport type { View } from '@skein/core';`;
  const files = {
    'index.d.ts': index,
    'a.d.ts': [
      `import type { Hidden } from './deep/hidden.ts';`,
      `/** Doc. */`,
      `export interface A {`,
      `    readonly hidden: Hidden;`,
      `    go(first: string, second?: number): void;`,
      `}`,
      `export declare class K {`,
      `    #private;`,
      `    private readonly secret;`,
      `    constructor(a: A);`,
      `}`,
      `export type U = 'x' | {`,
      `    type: 'y';`,
      `};`,
      `declare const local = 1;`,
    ].join('\n'),
    'deep/b.d.ts': 'export declare function b(): void;\nexport declare const unused: number;',
    'deep/hidden.d.ts': 'export interface Hidden { x: number; }',
  };

  test('what is exported is listed by name, with the shape of what it mentions', () => {
    expect(text(files)).toBe(
      [
        '# .',
        '',
        'interface A {',
        '  readonly hidden: Hidden;',
        '  go(first: string, second?: number): void;',
        '}',
        'class K {',
        '  constructor(a: A);',
        '}',
        `type U = 'x' | { type: 'y'; };`,
        `View from '@skein/core'`,
        'c is b:',
        'function b(): void;',
        '',
        '# mentioned by the above, not exported',
        '',
        'interface Hidden {',
        '  x: number;',
        '}',
        '',
      ].join('\n'),
    );
  });

  test('a change of a member, an export or a mentioned type changes the text', () => {
    const before = text(files);
    expect(text({ ...files, 'a.d.ts': files['a.d.ts'].replace('second?:', 'second:') })).not.toBe(before);
    expect(text({ ...files, 'index.d.ts': index.replace('b as c', 'b') })).not.toBe(before);
    expect(text({ ...files, 'deep/hidden.d.ts': 'export interface Hidden { x: string; }' })).not.toBe(before);
  });

  test('a change of comments, layout, privates or what nobody can reach does not', () => {
    const changed = files['a.d.ts']
      .replace('Doc', 'Other')
      .replaceAll('\n    ', '\n')
      .replace('secret', 'other')
      .replace('= 1', '= 2');
    expect(text({ ...files, 'a.d.ts': changed, 'deep/b.d.ts': files['deep/b.d.ts'].replace('unused', 'idle') })).toBe(
      text(files),
    );
  });

  test('a long union has a line for each variant', () => {
    const variants = ['a', 'b', 'c'].map((name) => `{ type: '${name}'; field: ${name.repeat(40)} | undefined; }`);
    const lines = text({ 'index.d.ts': `export type U = ${variants.join(' | ')};` }).split('\n');
    expect(lines.slice(2, 5)).toEqual([`type U = ${variants[0]}`, `  | ${variants[1]}`, `  | ${variants[2]};`]);
  });

  test('a declaration file that was not emitted is named', () => {
    expect(() => text({ 'index.d.ts': index })).toThrow('a.d.ts was not emitted');
  });
});
