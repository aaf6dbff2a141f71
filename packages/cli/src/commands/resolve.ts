/** `skein resolve`: what a name leads to on the agent asked, as its DNS would answer. */

import type { Command } from 'commander';
import { statusColour, outPaint } from '../colour.ts';
import type { Paint } from '../colour.ts';
import { CliFailure } from '../failure.ts';
import type { Io } from '../io.ts';
import { isTrueAt, numberAt, objectsIn, isObject, textAt, textsAt } from '../json-value.ts';
import { hostPort, plain, short, table } from '../table.ts';
import { apiFor, print, withApiOptions } from './api-command.ts';
import type { ApiOptions } from './api-command.ts';

const reasonLength = 80;

export function addResolveCommand(program: Command, io: Io): void {
  const command = program
    .command('resolve')
    .description('what DNS answers for a name now, and which instances it leaves out and why')
    .argument('<name>', 'a service, a whole name such as v1.orders.service.consul or alder.node.consul, or an address')
    .option('--type <type>', 'records to ask for: A, AAAA, ANY, CNAME, NS, PTR, SOA, SRV or TXT', 'ANY');
  withApiOptions(command, [
    'skein resolve orders',
    'skein resolve _orders._tcp.service.consul --type SRV',
    'skein resolve alder.node.consul --json',
  ]).action(async (name: string, options: ApiOptions & { readonly type: string }) => {
    const api = apiFor(io, options);
    const query = new URLSearchParams({ name, type: options.type });
    const answer = await api.get(`/v1/mesh/resolve?${query.toString()}`);
    const rcode = textAt(answer, 'rcode');
    const isEmpty = isObject(answer) && objectsIn(answer['instances']).length === 0;
    const asked = plain(textAt(answer, 'name') || name);
    if (rcode === 'REFUSED') {
      throw new CliFailure(`${asked} is not a name of the mesh; those end with .consul or .mesh`, {
        hint: ['for other names the DNS of the agent asks its recursors, if it has any: skein agent --recursor ADDRESS'],
      });
    }
    if (rcode === 'NXDOMAIN' && isEmpty) {
      throw new CliFailure(`${asked} is not known to the agent at ${api.base}`, {
        hint: ['list the services it knows: skein services', 'list the nodes it knows: skein members'],
      });
    }
    print(io, options, answer, () => resolveText(answer, outPaint(io)));
    if (rcode !== 'NXDOMAIN') return;
    throw new CliFailure(`${asked} leads nowhere now: none of its instances may get traffic`, {
      hint: [`see their checks: skein instances ${plain(textAt(instancesOf(answer)[0], 'service'))}`],
    });
  });
}

function instancesOf(answer: unknown): ReturnType<typeof objectsIn> {
  return objectsIn(isObject(answer) ? answer['instances'] : undefined);
}

export function resolveText(answer: unknown, paint: Paint): string {
  const instances = instancesOf(answer);
  const found = (section: string): ReturnType<typeof objectsIn> => objectsIn(isObject(answer) ? answer[section] : undefined);
  const records = [...found('answers'), ...found('additional')];
  const parts: string[] = [];
  if (instances.length > 0) {
    const rows = instances.map((instance) => {
      const status = textAt(instance, 'status');
      const isGiven = isTrueAt(instance, 'routable');
      return [
        textAt(instance, 'id'),
        textAt(instance, 'node'),
        hostPort(textAt(instance, 'address'), numberAt(instance, 'port')),
        { text: status, colour: statusColour(status) },
        String(numberAt(instance, 'weight')),
        isGiven ? 'yes' : { text: 'no', colour: 'red' as const },
        short(plain(textsAt(instance, 'reasons').join('; ')), reasonLength),
      ];
    });
    parts.push(table(['ID', 'NODE', 'ADDRESS', 'STATUS', 'WEIGHT', 'GIVEN', 'WHY NOT'], rows, paint));
  }
  if (records.length > 0) {
    const rows = records.map((record) => [textAt(record, 'name'), textAt(record, 'type'), textAt(record, 'data')]);
    parts.push(table(['NAME', 'TYPE', 'DATA'], rows, paint));
  } else if (textAt(answer, 'rcode') === 'NOERROR')
    parts.push(`${plain(textAt(answer, 'name'))} has no records of type ${plain(textAt(answer, 'type'))}\n`);
  return parts.join('\n');
}
