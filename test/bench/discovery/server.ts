/** One agent that clients ask: ours as users run it, or Consul's in `-dev` mode, which keeps all in memory and has no peers. */

import { execFileSync } from 'node:child_process';
import { freePorts } from '../mesh/free-ports.ts';
import { Process } from '../mesh/process.ts';
import { pause, within } from '../mesh/sightings.ts';
import { launchSkein } from '../mesh/skein-process.ts';
import { ApiClient } from '../mesh/watch.ts';

export interface Server {
  readonly name: string;
  readonly process: Process;
  readonly api: ApiClient;
  /** `host:port`. */
  readonly http: string;
  readonly dnsPort: number;
}

const startMs = 60_000;

export async function startSkein(root: string): Promise<Server> {
  const { process: agent, listeners } = launchSkein(root, ['--dev']);
  const { http, dns } = await within(listeners, startMs, () => `the agent is ready\n${agent.tail}`);
  return { name: 'skein', process: agent, api: new ApiClient(http), http, dnsPort: portOf(dns) };
}

/** The Consul that is installed, or that `CONSUL_BIN` names; undefined where there is none. */
export function consulVersion(): string | undefined {
  try {
    const says = execFileSync(consulBinary(), ['version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return /v\d\S*/.exec(says)?.[0];
  } catch {
    return undefined;
  }
}

export async function startConsul(): Promise<Server> {
  const [http, dns, server, serf] = (await freePorts(4)) as [number, number, number, number];
  const ports = [`-http-port=${http}`, `-dns-port=${dns}`, `-server-port=${server}`, `-serf-lan-port=${serf}`];
  const off = ['-serf-wan-port=-1', '-grpc-port=-1', '-grpc-tls-port=-1', '-log-level=warn'];
  const args = ['agent', '-dev', '-bind=127.0.0.1', ...ports, ...off];
  const agent = new Process(consulBinary(), args, { PATH: process.env['PATH'] });
  const api = new ApiClient(`127.0.0.1:${http}`);
  const leads = async (): Promise<void> => {
    for (;;) {
      const answer = await api.call('GET', '/v1/status/leader').catch(() => undefined);
      if (answer?.status === 200 && answer.body.length > 2) return;
      await pause(100);
    }
  };
  await within(leads(), startMs, () => `Consul leads itself\n${agent.tail}`);
  return { name: 'consul', process: agent, api, http: `127.0.0.1:${http}`, dnsPort: dns };
}

/** Registers so many healthy instances of a service. */
export async function serve(server: Server, service: string, instances: number): Promise<void> {
  for (let i = 0; i < instances; i++) {
    await server.api.mustCall('PUT', '/v1/agent/service/register', {
      Name: service,
      ID: `${service}-${i}`,
      Address: `10.1.${i >> 8}.${i & 255}`,
      Port: 8000 + i,
      Tags: ['v1', i % 2 === 0 ? 'even' : 'odd'],
      Meta: { version: '1.4.2', zone: `zone-${i % 3}` },
      Check: { CheckID: `check-${service}-${i}`, TTL: '1h', Status: 'passing' },
    });
  }
}

export async function end(server: Server): Promise<void> {
  server.api.close();
  await server.process.kill();
}

function consulBinary(): string {
  return process.env['CONSUL_BIN'] ?? 'consul';
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}
