/**
 * `/v1/mesh/resolve?name=...&type=...`: what DNS answers here and now, from the same engine, and for a service which of
 * its instances that leaves out, and why. Recursors are not asked.
 */

import { seededRng } from '@skein/core';
import type { InstanceView, View } from '@skein/core';
import type { ApiContext } from '../context.ts';
import { Answers } from '../dns/answers.ts';
import { ipBytes } from '../dns/ip.ts';
import { hostName } from '../dns/name.ts';
import type { DomainName } from '../dns/name.ts';
import { recordText } from '../dns/record-text.ts';
import { rcodes, recordTypes } from '../dns/record.ts';
import { reverseName, Zone } from '../dns/zone.ts';
import { badRequest } from '../refusal.ts';
import type { Route } from '../route.ts';
import { whyNot } from '../shape/why-not.ts';

const types = new Map<string, number>(Object.entries(recordTypes));
const askable = ['A', 'AAAA', 'ANY', 'CNAME', 'NS', 'PTR', 'SOA', 'SRV', 'TXT'];
const rcodeNames = new Map<number, string>(Object.entries(rcodes).map(([name, code]) => [code, name]));

export function meshResolveRoutes({ port, datacenter, reader, dnsPolicy }: ApiContext): readonly Route[] {
  // Only names of one of several hosts are drawn here.
  const answers = new Answers({ port, zone: new Zone(datacenter), rng: seededRng(1), policy: dnsPolicy });
  return [
    {
      method: 'GET',
      path: '/v1/mesh/resolve',
      handle: async (request) => {
        reader.check(request);
        const text = request.query.get('name') ?? '';
        const name = nameAsked(text);
        if (name === undefined) {
          throw badRequest(
            'Invalid value for ?name: use the name of a service, or a whole domain name such as orders.service.consul',
          );
        }
        const typeName = (request.query.get('type') ?? 'ANY').toUpperCase();
        const type = askable.includes(typeName) ? types.get(typeName) : undefined;
        if (type === undefined) throw badRequest(`Invalid value for ?type: use one of ${askable.join(', ')}`);
        // As DNS does.
        await reader.caughtUp(request.signal);
        const view = port.view();
        const found = answers.find({ key: name.key, type, name: () => name, asker: request.remoteAddress });
        return {
          json: {
            name: name.toString(),
            type: typeName,
            // A name that is not ours: DNS asks recursors, or refuses.
            rcode: found === undefined ? 'REFUSED' : rcodeNames.get(found.rcode),
            answers: [...(found?.aliases ?? []), ...(found?.answers ?? [])].map(recordText),
            additional: (found?.additional ?? []).map(recordText),
            instances: answers.instances(name)?.map((instance) => instanceJson(view, instance)) ?? null,
          },
        };
      },
    },
  ];
}

/** A single word is a service; an address is looked up backwards. */
function nameAsked(text: string): DomainName | undefined {
  const address = ipBytes(text);
  if (address !== undefined) return reverseName(address);
  return hostName(/^[^.]+$/.test(text) ? `${text}.service.consul` : text);
}

function instanceJson(
  view: View,
  { instance, owner, nodeName, address, port, checks, status, routable }: InstanceView,
): Record<string, unknown> {
  const { id, service, weights } = instance;
  const weight = status === 'critical' ? 0 : weights[status];
  const reasons = routable ? [] : whyNot(view, { owner, checks });
  return { id, service, node: nodeName, address, port, status, weight, routable, reasons };
}
