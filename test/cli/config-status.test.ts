/** `skein config status`, `history`, and `apply --wait`. */

import { expect, test } from 'vitest';
import { skein, type Reply } from './fake-io.ts';

const complete = {
  applied: 2,
  of: 2,
  different: 0,
  unknown: 0,
  unreachable: 0,
  digest: 'D1',
  entries: 1,
  changedAtMs: 0,
  toldWithinMs: 5000,
  nodes: [],
  refused: [],
};
const birch = { id: '12D3KooBIRCHBIR', name: 'birch', state: 'different', status: 'alive', digest: 'D0' };
const partial = { ...complete, applied: 1, different: 1, nodes: [birch] };
const path = 'GET /v1/mesh/config/status';

function status(body: object, args: readonly string[] = []): ReturnType<typeof skein> {
  return skein(['config', 'status', ...args], { replies: { [path]: { index: 5, json: body } } });
}

test.each<[string, object, number, string]>([
  ['all apply the same', complete, 0, '2 of 2 nodes: 1 entry in force, digest D1\n'],
  ['nobody applies anything', { ...complete, applied: 1, of: 1, entries: 0 }, 0, '1 of 1 node: no entry is in force\n'],
  [
    'one differs',
    partial,
    1,
    '1 of 2 nodes: 1 entry in force, digest D1\nNODE   STATE      STATUS  DIGEST  ID\nbirch  different  alive   D0      BIRCHBIR\n',
  ],
  [
    'a node is unreachable, and more are not named',
    { ...complete, of: 9, unreachable: 7, nodes: [{ ...birch, state: 'unreachable', status: 'failed', digest: '' }] },
    1,
    '2 of 9 nodes: 1 entry in force, digest D1\nNODE   STATE        STATUS  DIGEST  ID\nbirch  unreachable  failed  -       BIRCHBIR\nand 6 more\n',
  ],
  [
    'the agent refuses a version, as all do',
    { ...complete, refused: [{ kind: 'route', name: 'shop', author: 'x', authorName: 'alder', reason: 'rules: is missing' }] },
    1,
    '2 of 2 nodes: 1 entry in force, digest D1\nrefused here: route/shop, written by alder: rules: is missing\n',
  ],
  [
    'most others apply something else',
    { ...partial, of: 4, different: 3, nodes: [birch, birch, birch] },
    1,
    'more nodes (3) apply D0: this agent is behind, or they refuse what it applies; ask one of them\n',
  ],
])('where %s, says so and ends with the right exit code', async (_what, body, code, text) => {
  const { exitCode, out, err } = await status(body);
  expect([exitCode, err]).toEqual([code, '']);
  expect(out).toContain(text);
});

test('soon after a change says how long nodes take to tell', async () => {
  const { out } = await status({ ...partial, changedAtMs: Date.UTC(2026, 0, 1) - 2000 });
  expect(out).toContain('changed 2 s ago; nodes tell what they apply within about 5 s\n');
});

test('names of other hosts do not drive the terminal', async () => {
  const { out } = await status({ ...partial, nodes: [{ ...birch, name: 'a\u001b[2Jb', digest: '\u001b]0;x\u0007' }] });
  expect(out).not.toContain('\u001b');
});

test('JSON is what the agent answered, and the exit code is the same', async () => {
  const { exitCode, out } = await status(partial, ['--json']);
  expect(JSON.parse(out)).toEqual(partial);
  expect(exitCode).toBe(1);
});

test('an answer of something else is neither a crash nor a success, also while it is waited for', async () => {
  for (const ran of [status([]), status({ of: 0 }), applyAndWait([{ index: 5, json: {} }], ['--wait', '1s'])]) {
    const { exitCode, err } = await ran;
    expect(exitCode).toBe(1);
    expect(err).toContain('answered GET /v1/mesh/config/status with something else than an agent');
  }
});

test('--watch shows it again on each change, as one document a line with --json, and ends well', async () => {
  const replies = [{ index: 5, json: partial }, { index: 8, json: complete }, 'interrupt'] as const;
  const { exitCode, out } = await skein(['config', 'status', '--watch', '--json'], { replies: { [path]: replies } });
  expect(exitCode).toBe(0);
  expect(
    out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual([partial, complete]);
});

const route = 'kind: route\nname: shop\nrules: []\n';

function applyAndWait(replies: readonly Reply[], args: readonly string[]): ReturnType<typeof skein> {
  return skein(['config', 'apply', 'r.yaml', ...args], {
    replies: { 'PUT /v1/mesh/config/route/shop': {}, [path]: replies },
    files: { 'r.yaml': route },
  });
}

test('apply --wait waits until all nodes apply it', async () => {
  const { exitCode, out } = await applyAndWait(
    [
      { index: 5, json: partial },
      { index: 6, json: partial },
      { index: 7, json: complete },
    ],
    ['--wait', '30s'],
  );
  expect(exitCode).toBe(0);
  expect(out).toBe('applied route/shop\n2 of 2 nodes: 1 entry in force, digest D1\n');
});

test('apply --wait that had no answer in its time says so, not that there are no nodes, and fails', async () => {
  const { exitCode, out } = await applyAndWait(['interrupt'], ['--wait', '1s']);
  expect(exitCode).toBe(1);
  expect(out).toContain('no answer in that time about what the nodes apply');
  expect(out).not.toContain('0 of 0');
});

test('apply --wait that waits in vain says who is missing, and fails', async () => {
  const { exitCode, out } = await applyAndWait([{ index: 5, json: partial }, 'interrupt'], ['--wait', '1.5s', '--json']);
  expect(exitCode).toBe(1);
  expect(JSON.parse(out)).toEqual({ applied: [{ kind: 'route', name: 'shop' }], status: partial });
});

test.each(['', '5', '0s', '-1s', '5 s', '25h', 'soon', '1e3s'])(
  'apply --wait "%s" is wrong usage, and applies nothing',
  async (text) => {
    const { exitCode, err, requests } = await applyAndWait([], [`--wait=${text}`]);
    expect(exitCode).toBe(2);
    expect(err).toContain('--wait');
    expect(requests).toEqual([]);
  },
);

const versions = [
  {
    id: '1795871874706.2.12D3KooWabcdefgh',
    author: '12D3KooWabcdefgh',
    authorName: '',
    time: { ms: 1795871874706, counter: 2 },
    parent: '1795871837572.0.12D3KooWx',
    state: 'quarantined',
    deleted: false,
    value: { rules: [] },
    changes: [{ path: 'rules[0]', before: { name: 'a' } }],
    reason: 'rules: must not be empty',
  },
  {
    id: '1795871837572.0.12D3KooWx',
    author: '12D3KooWx',
    authorName: 'alder',
    time: { ms: 1795871837572, counter: 0 },
    parent: '',
    state: 'current',
    deleted: false,
    value: { rules: [{ name: 'a' }] },
    changes: [{ path: '', after: { rules: [{ name: 'a' }] } }],
    reason: '',
  },
];

function history(args: readonly string[], json: unknown = versions): ReturnType<typeof skein> {
  return skein(['config', 'history', 'route', 'a/b', ...args], {
    replies: { 'GET /v1/mesh/config/route/a%2Fb?history': { json } },
  });
}

test('history is a table of versions, newest first', async () => {
  const { out } = await history([]);
  expect(out.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
    ['WRITTEN', 'STATE', 'BY', 'VERSION', 'PARENT', 'CHANGE'],
    [
      '2026-11-28T13:17:54.706Z',
      'quarantined',
      'abcdefgh',
      '1795871874706.2',
      '1795871837572.0',
      '1 change; refused: rules: must not be empty',
    ],
    ['2026-11-28T13:17:17.572Z', 'current', 'alder', '1795871837572.0', '-', 'created'],
    [''],
  ]);
});

test('history --diff has the changes of each version below it', async () => {
  const { out } = await history(['--diff']);
  const lines = out.split('\n');
  expect(lines[2]).toBe('  - rules[0]: {"name":"a"}');
  expect(lines[4]).toBe('  + {"rules":[{"name":"a"}]}');
});

test.each([
  ['a deletion', { ...versions[0], deleted: true, reason: '' }, 'deleted'],
  ['one whose parent is not known', { ...versions[0], changes: null, reason: '' }, 'its parent is not known here'],
  ['one after a deletion', { ...versions[0], changes: [{ path: '', after: 1 }], reason: '' }, 'created'],
  ['one that says the same', { ...versions[0], changes: [], reason: '' }, 'nothing'],
  ['a time that is none', { ...versions[0], time: { ms: 9e15 }, reason: '' }, '1 change'],
])('history says what %s did', async (_what, row, text) => {
  const { out } = await history([], [row]);
  expect(out.trimEnd().split('\n')[1]?.split(/ {2,}/).at(-1)).toBe(text);
});

test('history as JSON is what the agent answered', async () => {
  expect(JSON.parse((await history(['--json'])).out)).toEqual(versions);
});
