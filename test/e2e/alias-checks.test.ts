/** An alias of what another agent runs, between two real agents. */

import { afterEach, expect, test } from 'vitest';
import { eventually, Nodes, type RunningNode } from './agent-nodes.ts';

const nodes = new Nodes();
afterEach(() => nodes.close());

async function checkOn(node: RunningNode, id: string): Promise<{ readonly Status?: string; readonly Output?: string }> {
  const checks = JSON.parse((await node.request('GET', '/v1/agent/checks')).text) as Record<string, { Status: string }>;
  return checks[id] ?? {};
}

test('follows the checks of an instance on another node, and is critical once that node is gone', async () => {
  const beta = await nodes.start({ name: 'beta' });
  const alpha = await nodes.start({ name: 'alpha', join: [beta.gossip] });
  const check = { CheckID: 'db-ttl', Name: 'db alive', TTL: '1h', Status: 'passing' };
  await beta.request('PUT', '/v1/agent/service/register', { Name: 'db', ID: 'db-1', Check: check });
  const alias = { CheckID: 'as-db', AliasNode: 'beta', AliasService: 'db-1' };
  expect((await alpha.request('PUT', '/v1/agent/service/register', { Name: 'front', Check: alias })).status).toBe(200);
  const becomes = (status: string, output: string): Promise<void> =>
    eventually(`${status}: ${output}`, async () => {
      const { Status, Output } = await checkOn(alpha, 'as-db');
      return Status === status && Output === output;
    });
  await becomes('passing', 'All checks passing.');
  await beta.request('PUT', '/v1/agent/check/warn/db-ttl?note=slow');
  await becomes('warning', 'Aliased check "db alive" failing: slow');
  await beta.request('PUT', '/v1/agent/service/maintenance/db-1?enable=true');
  await becomes('critical', 'Aliased check "Service Maintenance Mode" failing: ');
  await beta.request('PUT', '/v1/agent/service/maintenance/db-1?enable=false');
  await beta.request('PUT', '/v1/agent/check/pass/db-ttl');
  await becomes('passing', 'All checks passing.');
  await beta.agent.stop({ leave: false });
  await becomes('critical', 'Aliased node beta is not live or unreachable');
});
