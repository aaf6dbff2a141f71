/**
 * Machines are replaced without a goodbye, one every five seconds, and each new one gets the address of the one before:
 * same address, same name, another identity. Nobody may be taken for who was there before, and nobody who is gone comes
 * back.
 */

import type { Scenario, Scene } from '@skein/sim';

const churnReusedAddresses: Scenario = {
  name: 'churn-reused-addresses',
  summary: 'Machines die without a goodbye and new ones take their addresses: nobody is taken for who was there before.',
  nodes: 12,
  script: (sim) => {
    const stay = sim.node(0, 1, 2, 3);
    const churn = sim.except(stay);
    sim.service('orders', { on: stay });
    sim.load('orders', { every: '100ms', from: stay, retries: 1 });
    sim.every('5s', { from: '5s', to: '105s' }, (moment, round) => {
      const host = churn[round % churn.length] ?? 0;
      moment.powerOff([host]).restart('3s', { replace: true });
    });
    sim.at('108s').eventually('everybody knows those who are here, and only those', { within: '30s' }, (now) => onlyThose(now));
    sim.expect('orders').availability({ atLeast: 1 });
  },
};

export default churnReusedAddresses;

/** Whether every running node holds exactly the identities that run to be alive. */
function onlyThose(now: Scene): boolean {
  const here = now.nodes.filter((node) => node.isRunning);
  const ids = new Set<string>(here.map(({ id }) => id));
  return here.every((node) => {
    const alive = [...node.view().members()].filter(({ status }) => status !== 'failed' && status !== 'left');
    return alive.length === ids.size && alive.every(({ id, reachable }) => ids.has(id) && reachable);
  });
}
