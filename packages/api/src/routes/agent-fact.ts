/** `/v1/agent/version`, `host`, `metrics` and `reload`: for whoever looks after the agent. */

import { cpus, freemem, hostname, loadavg, platform, release, totalmem, uptime } from 'node:os';
import type { ApiContext } from '../context.ts';
import type { Route } from '../route.ts';
import { consulMetrics } from '../shape/metrics.ts';
import { compatVersion } from '../shape/node.ts';

const prometheusType = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' };

export function agentFactRoutes({ agent, reader }: ApiContext): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/agent/version',
      handle: () => {
        const { version, startedAtMs } = agent.info();
        // Consul's fields tell the level of its API; `Skein` is what runs.
        const BuildDate = new Date(startedAtMs).toISOString();
        return { json: { SHA: 'skein', BuildDate, HumanVersion: compatVersion, FIPS: '', Skein: version } };
      },
    },
    { method: 'GET', path: '/v1/agent/host', handle: () => ({ json: hostFacts() }) },
    {
      method: 'GET',
      path: '/v1/agent/metrics',
      handle: async (request) => {
        reader.check(request);
        const text = await agent.metrics();
        if (request.query.get('format') === 'prometheus') return { text, headers: prometheusType };
        return { json: consulMetrics(text, new Date()) };
      },
    },
    {
      method: 'PUT',
      path: '/v1/agent/reload',
      handle: async () => {
        await agent.reload();
        return {};
      },
    },
  ];
}

/** In the groups that Consul has; of each what Node tells. */
function hostFacts(): Record<string, unknown> {
  const [total, free] = [totalmem(), freemem()];
  return {
    Memory: { total, free, available: free, used: total - free, usedPercent: (100 * (total - free)) / total },
    CPU: cpus().map(({ model, speed }, cpu) => ({ cpu, modelName: model, mhz: speed, cores: 1 })),
    Host: {
      hostname: hostname(),
      uptime: Math.round(uptime()),
      os: platform(),
      platform: platform(),
      kernelVersion: release(),
      kernelArch: process.arch,
      loadAverage: loadavg(),
    },
    CollectionTime: Date.now() * 1_000_000,
    Errors: null,
  };
}
