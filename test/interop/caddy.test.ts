/** Caddy's dynamic upstreams: it asks an agent's DNS for the places of a service, and for the addresses of what they name. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { eventually } from '../e2e/agent-nodes.ts';
import { freePort } from './free-port.ts';
import { MeshAgents } from './mesh-agents.ts';
import { serve } from './named-server.ts';
import { missing, scratchDirectory, startProgram } from './outside-program.ts';

function configuration(listen: string, dns: string): string {
  return `
{
  admin off
  auto_https off
}
http://${listen} {
  reverse_proxy {
    dynamic srv _web._tcp.service.consul {
      refresh 200ms
      resolvers ${dns}
    }
    lb_policy round_robin
    transport http {
      resolvers ${dns}
      dial_timeout 1s
    }
  }
}
`;
}

/** Who answers eight requests in a row, in order of name; a status where nobody does. */
async function answering(listen: string): Promise<string> {
  const names = new Set<string>();
  for (let n = 0; n < 8; n++) {
    const answer = await fetch(`http://${listen}/`, { signal: AbortSignal.timeout(5000) }).catch(() => undefined);
    names.add(answer === undefined ? 'no answer' : answer.ok ? await answer.text() : String(answer.status));
  }
  return [...names].sort().join(' ');
}

test(
  'Caddy sends requests to the instances of a service, not to those that are drained, fail or died with their agent',
  { timeout: 90_000 },
  async ({ skip }) => {
    const reason = await missing('caddy', ['version'], 'caddy');
    skip(reason !== undefined, reason);
    const mesh = new MeshAgents(onTestFinished);
    await mesh.start('alder', 'birch');
    const register = async (agent: string, name: string, address: string): Promise<void> => {
      const port = await serve(name, address === '' ? '127.0.0.1' : address);
      const check = { TTL: '10m', Status: 'passing' };
      const body = { Name: 'web', ID: name, Port: port, Check: check, ...(address === '' ? {} : { Address: address }) };
      await mesh.ask(agent, 'PUT', '/v1/agent/service/register', body);
    };
    const directory = scratchDirectory(onTestFinished);
    const listen = `127.0.0.1:${await freePort()}`;
    writeFileSync(join(directory, 'Caddyfile'), configuration(listen, mesh.dns('alder')));
    const caddy = startProgram(onTestFinished, 'caddy', ['run', '--adapter', 'caddyfile', '--config', 'Caddyfile'], directory);
    const are = async (names: string): Promise<void> => {
      let last = '';
      await eventually(`requests are answered by ${names}`, async () => {
        if (caddy.hasEnded()) throw new Error(`Caddy ended:\n${caddy.log()}`);
        last = await answering(listen);
        return last === names;
      }).catch(() => expect(last).toBe(names));
    };

    // Nobody is there: a name that does not exist is no reason to fail otherwise.
    await are('503');
    // The places of these two are named by their node, those of the third by its address.
    await register('alder', 'one', '');
    await are('one');
    await register('birch', 'two', '');
    await register('birch', 'three', '127.0.0.3');
    await are('one three two');
    await mesh.ask('birch', 'PUT', '/v1/agent/service/maintenance/three?enable=true&reason=drain');
    await are('one two');
    await mesh.ask('alder', 'PUT', '/v1/agent/check/fail/service:one');
    await are('two');
    await mesh.ask('birch', 'PUT', '/v1/agent/service/maintenance/three?enable=false');
    await mesh.ask('alder', 'PUT', '/v1/agent/check/warn/service:one');
    await are('one three two');
    // Their servers run on: only what the mesh says of them changes.
    await mesh.kill('birch');
    await are('one');
    await mesh.start('birch');
    await are('one three two');
    await mesh.ask('birch', 'PUT', '/v1/agent/maintenance?enable=true');
    await are('one');
    await mesh.ask('alder', 'PUT', '/v1/agent/service/deregister/one');
    await are('503');
  },
);
