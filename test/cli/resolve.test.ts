import { expect, test } from 'vitest';
import { skein } from './fake-io.ts';

const path = 'GET /v1/mesh/resolve?name=orders&type=ANY';
const instance = {
  service: 'orders',
  node: 'alder',
  address: '10.0.0.1',
  status: 'passing',
  weight: 1,
  routable: true,
  reasons: [],
};
const sick = {
  ...instance,
  id: 'orders-2',
  port: 9002,
  status: 'critical',
  weight: 0,
  routable: false,
  reasons: ['check c is critical: no\u001b[2J'],
};
const answer = {
  name: 'orders.service.consul.',
  type: 'ANY',
  rcode: 'NOERROR',
  answers: [{ name: 'orders.service.consul.', type: 'A', ttlS: 0, data: '10.0.0.1' }],
  additional: [],
  instances: [{ ...instance, id: 'orders-1', port: 9001 }, sick],
};

test('a name is shown with its instances, given or not, and the records that DNS answers', async () => {
  const { out, exitCode } = await skein(['resolve', 'orders'], { replies: { [path]: { json: answer } } });
  expect(exitCode).toBe(0);
  expect(out).toBe(
    [
      'ID        NODE   ADDRESS        STATUS    WEIGHT  GIVEN  WHY NOT',
      'orders-1  alder  10.0.0.1:9001  passing   1       yes    -',
      'orders-2  alder  10.0.0.1:9002  critical  0       no     check c is critical: no [2J',
      '',
      'NAME                    TYPE  DATA',
      'orders.service.consul.  A     10.0.0.1',
      '',
    ].join('\n'),
  );
  const json = await skein(['resolve', 'orders', '--json'], { replies: { [path]: { json: answer } } });
  expect(JSON.parse(json.out)).toEqual(answer);
});

test('a name without records of the type says so', async () => {
  const reply = { ...answer, type: 'AAAA', answers: [], instances: null };
  const { out, exitCode } = await skein(['resolve', 'orders', '--type', 'AAAA'], {
    replies: { 'GET /v1/mesh/resolve?name=orders&type=AAAA': { json: reply } },
  });
  expect([exitCode, out]).toEqual([0, 'orders.service.consul. has no records of type AAAA\n']);
});

test.each([
  ['nobody knows', { ...answer, rcode: 'NXDOMAIN', answers: [], instances: [] }, 'is not known to the agent', 'skein services'],
  ["is not the mesh's", { ...answer, rcode: 'REFUSED', answers: [], instances: null }, 'not a name of the mesh', '--recursor'],
  [
    'has no instance in rotation',
    { ...answer, rcode: 'NXDOMAIN', answers: [], instances: [sick] },
    'leads nowhere now',
    'skein instances orders',
  ],
])('a name that %s is a failure that names the next step', async (_what, json, message, next) => {
  const { exitCode, err } = await skein(['resolve', 'orders'], { replies: { [path]: { json } } });
  expect(exitCode).toBe(1);
  expect(err).toContain(message);
  expect(err).toContain(next);
});
