/** What one service file says: YAML or JSON, one or several documents (`---` between them, or one list). */

import { decodeDefinitions, DefinitionError, type Definitions } from '@skein/api';
import { parseYamlItems, YamlError } from '../yaml.ts';

export const definitionLimits = {
  /** Files read of one directory, by name; those beyond are named in the log and not read. */
  files: 1024,
  fileBytes: 1_048_576,
  /** Services and checks of one file. */
  definitionsPerFile: 1024,
} as const;

/** The definitions in a file. Throws a `DefinitionError` that says where in the file and why. */
export function parseDefinitions(text: string): Definitions {
  const documents = documentsOf(text);
  const parts = documents.map((document, at) => {
    const where = documents.length === 1 ? '' : `document ${at + 1}, `;
    try {
      return decodeDefinitions(document);
    } catch (error) {
      throw error instanceof DefinitionError ? new DefinitionError(`${where}${error.message}`) : error;
    }
  });
  const services = parts.flatMap((part) => part.services);
  const checks = parts.flatMap((part) => part.checks);
  const count = services.length + checks.length;
  if (count > definitionLimits.definitionsPerFile) {
    throw new DefinitionError(`has ${count} definitions, the limit is ${definitionLimits.definitionsPerFile}: split it`);
  }
  refuseRepeated(services.map(({ instance }) => instance.id));
  refuseRepeated([...services.flatMap((service) => service.checks), ...checks].map(({ id }) => id));
  return { services, checks };
}

/** Whether there is nothing in a file but white space, comments and empty documents. */
export function isBlank(text: string): boolean {
  return text.split('\n').every((line) => /^\s*(?:#.*|---)?\s*$/.test(line.replace(/^\ufeff/, '')));
}

/** Lists are taken apart, empty documents left out. */
function documentsOf(text: string): readonly unknown[] {
  try {
    return parseYamlItems(text);
  } catch (error) {
    throw error instanceof YamlError ? new DefinitionError(error.message) : error;
  }
}

function refuseRepeated(ids: readonly string[]): void {
  const seen = new Set<string>();
  for (const id of ids) {
    if (seen.has(id)) throw new DefinitionError(`the id "${id}" is used twice: give each service and check an id of its own`);
    seen.add(id);
  }
}
