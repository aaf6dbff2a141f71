/** What one service file says: YAML or JSON, one or several documents (`---` between them, or one list). */

import { decodeDefinitions, DefinitionError, type Definitions } from '@skein/api';
import { parseAllDocuments } from 'yaml';

export const definitionLimits = {
  /** Files read of one directory, by name; those beyond are named in the log and not read. */
  files: 1024,
  fileBytes: 1_048_576,
  /** Services and checks of one file. */
  definitionsPerFile: 1024,
  /** Nesting of a document. */
  depth: 64,
} as const;

/** Aliases (`*name`) that a document may resolve: more make a small file into a large one. */
const yamlAliasesMax = 100;

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

/** Lists are taken apart, empty documents left out. JSON is YAML, so one parser reads both. */
function documentsOf(text: string): readonly unknown[] {
  return [...parseAllDocuments(text, { prettyErrors: true })].flatMap((document): readonly unknown[] => {
    const problem = document.errors[0] ?? document.warnings[0];
    if (problem !== undefined) throw new DefinitionError(`neither YAML nor JSON: ${firstLine(problem.message)}`);
    let value: unknown;
    try {
      value = document.toJS({ maxAliasCount: yamlAliasesMax });
    } catch (error) {
      throw new DefinitionError((error as Error).message);
    }
    if (depthOf(value) > definitionLimits.depth) {
      throw new DefinitionError(`nested deeper than ${definitionLimits.depth} levels`);
    }
    if (Array.isArray(value)) return value;
    return value === null || value === undefined ? [] : [value];
  });
}

/** Without the picture of the place, which takes several lines. */
function firstLine(message: string): string {
  return (message.split('\n')[0] ?? '').replace(/:$/, '');
}

function depthOf(value: unknown): number {
  let level: readonly unknown[] = [value];
  for (let depth = 0; ; depth++) {
    const next = level.flatMap((item): unknown[] => (typeof item === 'object' && item !== null ? Object.values(item) : []));
    if (next.length === 0 || depth > definitionLimits.depth) return depth;
    level = next;
  }
}

function refuseRepeated(ids: readonly string[]): void {
  const seen = new Set<string>();
  for (const id of ids) {
    if (seen.has(id)) throw new DefinitionError(`the id "${id}" is used twice: give each service and check an id of its own`);
    seen.add(id);
  }
}
