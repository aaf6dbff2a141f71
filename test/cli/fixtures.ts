/** Answers of an agent, as its API gives them. */

export const alder = '12D3KooWAlderAlderAlderAlderAlderAlderAlderAAAA1111';
export const birch = '12D3KooWBirchBirchBirchBirchBirchBirchBirchBBBB2222';

export const members = [
  {
    name: 'birch',
    id: birch,
    status: 'suspect',
    reachable: false,
    verified: true,
    addresses: ['10.0.0.2:7946'],
    epoch: 3,
    incarnation: 7,
    region: 'north',
    zone: 'b',
    tags: { rack: '7' },
    accusers: [alder],
  },
  {
    name: 'alder',
    id: alder,
    status: 'alive',
    reachable: true,
    verified: true,
    addresses: ['10.0.0.1:7946', '192.168.0.1:7946'],
    epoch: 1,
    incarnation: 0,
    region: '',
    zone: '',
    tags: {},
    accusers: [],
  },
];

/** One entry of `/v1/health/service/orders`. */
export function instance(
  id: string,
  node: string,
  checks: readonly (readonly [id: string, status: string, output: string])[],
): unknown {
  return {
    Node: { Node: node, Address: '10.0.0.1', Meta: { zone: 'b' } },
    Service: { ID: id, Service: 'orders', Address: '', Port: 9001, Tags: ['v1'] },
    Checks: checks.map(([CheckID, Status, Output]) => ({ CheckID, Name: CheckID, Status, Output })),
  };
}

export const healthy = instance('orders-1', 'alder', [
  ['serfHealth', 'passing', 'Agent alive and reachable'],
  ['service:orders-1', 'passing', 'HTTP GET http://127.0.0.1:9001/health: 200 OK'],
]);
export const unreachable = instance('orders-2', 'birch', [
  ['serfHealth', 'critical', 'Agent not live or unreachable'],
  ['service:orders-2', 'passing', ''],
]);
