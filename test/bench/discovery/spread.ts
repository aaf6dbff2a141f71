/** Real agents of one mesh: a registration until blocking queries on all show it, and a check that turns until DNS no longer answers. */

import { Resolver } from 'node:dns/promises';
import { quantile } from '../report/quantile.ts';
import { nowMs } from '../mesh/process.ts';
import { pause, within } from '../mesh/sightings.ts';
import { startMesh } from './mesh.ts';
import type { Member } from './mesh.ts';

export interface Spread {
  readonly registrationP50Ms: number | undefined;
  readonly registrationP99Ms: number | undefined;
  readonly dnsP50Ms: number | undefined;
  readonly dnsP99Ms: number | undefined;
}

const betweenMs = 500;
const deadlineMs = 30_000;

export async function measureSpread(root: string, size: number, rounds: number, say: (text: string) => void): Promise<Spread> {
  const mesh = await startMesh(root, size, say);
  try {
    say(`${rounds} registrations, seen by blocking queries on ${size} agents`);
    const registrations: number[] = [];
    for (let round = 0; round < rounds; round++) {
      registrations.push(await timeRegistration(mesh.members, round));
      await pause(betweenMs);
    }
    say(`${rounds} checks that turn critical, seen in DNS on ${size} agents`);
    const turns: number[] = [];
    for (let round = 0; round < rounds; round++) {
      turns.push(await timeTurn(mesh.members, round));
      await pause(betweenMs);
    }
    return {
      registrationP50Ms: quantile(registrations, 0.5),
      registrationP99Ms: quantile(registrations, 0.99),
      dnsP50Ms: quantile(turns, 0.5),
      dnsP99Ms: quantile(turns, 0.99),
    };
  } finally {
    await mesh.close();
  }
}

/** From the request until the last of all agents answered a query that waited for it. */
async function timeRegistration(members: readonly Member[], round: number): Promise<number> {
  const origin = members[round % members.length] as Member;
  const name = `fresh-${round}`;
  const waiting = members.map(async ({ api }) => {
    const { index } = await api.mustCall('GET', `/v1/health/service/${name}`);
    return { shown: api.mustCall('GET', `/v1/health/service/${name}?index=${index}&wait=60s`) };
  });
  const parked = await Promise.all(waiting);
  await pause(betweenMs);
  const startMs = nowMs();
  await origin.api.mustCall('PUT', '/v1/agent/service/register', { Name: name, Port: 80 });
  const answers = await within(Promise.all(parked.map(({ shown }) => shown)), deadlineMs, () => `${name} is seen by all`);
  for (const { body } of answers)
    if (!body.includes(`"Service":"${name}"`)) throw new Error(`a blocking query on ${name} came back without it: ${body}`);
  return Math.max(...answers.map(({ atMs }) => atMs)) - startMs;
}

/** From the check's report until no agent names the instance in DNS any more. */
async function timeTurn(members: readonly Member[], round: number): Promise<number> {
  const origin = members[round % members.length] as Member;
  const name = `turning-${round}`;
  const check = `turn-${round}`;
  const Check = { CheckID: check, TTL: '1h', Status: 'passing' };
  await origin.api.mustCall('PUT', '/v1/agent/service/register', { Name: name, Port: 80, Check });
  const isNamed = (named: boolean): Promise<unknown> =>
    within(
      Promise.all(members.map((member) => until(member, name, named))),
      deadlineMs,
      () => `${name} is ${named ? '' : 'not '}in DNS everywhere`,
    );
  await isNamed(true);
  await pause(betweenMs);
  const startMs = nowMs();
  await origin.api.mustCall('PUT', `/v1/agent/check/fail/${check}`);
  await isNamed(false);
  return nowMs() - startMs;
}

async function until({ dns }: Member, name: string, named: boolean): Promise<void> {
  const resolver = new Resolver({ timeout: 1000, tries: 2 });
  resolver.setServers([dns]);
  for (;;) {
    const records = await resolver.resolveSrv(`${name}.service.consul`).catch(() => []);
    if (records.length > 0 === named) return;
    // Often enough for the figure, and not so often that the questions are what is measured.
    await pause(5);
  }
}
