/** `skein service register` and `deregister`: what runs on the agent's own host. */

import type { Command } from 'commander';
import { pathPart } from '../agent-api.ts';
import { readDocuments } from '../documents.ts';
import type { FileDocument } from '../documents.ts';
import { usageFailure } from '../failure.ts';
import type { Io } from '../io.ts';
import { isObject } from '../json-value.ts';
import type { JsonObject } from '../json-value.ts';
import { plain } from '../table.ts';
import { apiFor, print, withApiOptions } from './api-command.ts';
import type { ApiOptions } from './api-command.ts';

const fileHelp = `
FILE is YAML or JSON with the fields of Consul's service registration, - is standard input. It may hold several
documents, a list, or Consul's { "service": {...} } and { "services": [...] }:

  name: orders
  id: orders-1
  port: 9001
  tags: [v1]
  checks:
    - http: http://127.0.0.1:9001/health
      interval: 1s
`;

export function addServiceCommands(program: Command, io: Io): void {
  const service = program.command('service').description('register what runs on the host of the agent');

  withApiOptions(service.command('register').description('register the instances in a file').argument('<file>'), [
    'skein service register orders.yaml',
    'cat orders.json | skein service register -',
  ])
    .addHelpText('after', fileHelp)
    .action(async (path: string, options: ApiOptions) => {
      const documents = (await readDocuments(io, path)).flatMap(registrations);
      // All are looked at before the first is sent: a typing error registers nothing.
      const named = documents.map((document) => ({ ...document, id: idOf(document) }));
      const api = apiFor(io, options);
      for (const { value } of named) await api.put('/v1/agent/service/register', value);
      const registered = named.map(({ id }) => id);
      print(io, options, { registered }, () => registered.map((id) => `registered ${plain(id)}\n`).join(''));
    });

  withApiOptions(service.command('deregister').description('take an instance out of the mesh').argument('<service-id>'), [
    'skein service deregister orders-1',
  ]).action(async (id: string, options: ApiOptions) => {
    await apiFor(io, options).put(`/v1/agent/service/deregister/${pathPart(id)}`);
    print(io, options, { deregistered: id }, () => `deregistered ${plain(id)}\n`);
  });
}

/** The registrations in one document: itself, or those inside Consul's wrappers. */
function registrations(document: FileDocument): readonly FileDocument[] {
  const { where, value } = document;
  const { service, services } = value;
  if (isObject(service)) return [{ where: `${where}, service`, value: service }];
  if (!Array.isArray(services)) return [document];
  return services.map((inner: unknown, index) => {
    if (!isObject(inner)) throw usageFailure(`${where}, services[${index}] is not an object with keys`);
    return { where: `${where}, services[${index}]`, value: inner };
  });
}

function idOf({ where, value }: FileDocument): string {
  const id = textOf(value, 'id') ?? textOf(value, 'name');
  if (id === undefined) throw usageFailure(`${where} has no "name"`, 'see the example in: skein service register --help');
  return id;
}

/** Keys of registrations are matched without regard to case, as the API does. */
function textOf(value: JsonObject, key: string): string | undefined {
  const found = Object.entries(value).find(([name]) => name.toLowerCase() === key)?.[1];
  return typeof found === 'string' && found !== '' ? found : undefined;
}
