/** Files that commands take: YAML or JSON, one or several documents (`---` between them, or one list). */

import { reasonOf, usageFailure } from './failure.ts';
import type { Io } from './io.ts';
import { isObject } from './json-value.ts';
import type { JsonObject } from './json-value.ts';

const fileBytes = 4_194_304;
const documentsPerFile = 1024;

export interface FileDocument {
  /** Names it in messages: the file, and the number where there are several. */
  readonly where: string;
  readonly value: JsonObject;
}

/** Reads a file, or standard input for `-`. JSON is YAML, so one parser reads both. */
export async function readDocuments(io: Pick<Io, 'read'>, path: string): Promise<readonly FileDocument[]> {
  const name = path === '-' ? 'standard input' : path;
  const text = await io.read(path).catch((error: unknown) => {
    throw usageFailure(`cannot read ${name}: ${reasonOf(error)}`, 'a file name, or - for standard input');
  });
  if (text.length > fileBytes) throw usageFailure(`${name} is longer than ${fileBytes} characters`);
  const values = await parseYaml(text, name);
  if (values.length === 0) throw usageFailure(`${name} holds no document`);
  if (values.length > documentsPerFile) throw usageFailure(`${name} holds more than ${documentsPerFile} documents`);
  return values.map((value, index) => {
    const where = values.length === 1 ? name : `${name}, document ${index + 1}`;
    if (!isObject(value)) throw usageFailure(`${where} is not an object with keys`);
    return { where, value };
  });
}

/** Lists are taken apart, empty documents left out. */
async function parseYaml(text: string, name: string): Promise<readonly unknown[]> {
  const { parseAllDocuments } = await import('./yaml.ts');
  const wrong = (reason: string): Error => usageFailure(`${name} is neither YAML nor JSON: ${reason.trim()}`);
  return [...parseAllDocuments(text)].flatMap((document): readonly unknown[] => {
    const problem = document.errors[0] ?? document.warnings[0];
    if (problem !== undefined) throw wrong(problem.message);
    let value: unknown;
    try {
      value = document.toJS({ maxAliasCount: 100 });
    } catch (error) {
      throw wrong(reasonOf(error));
    }
    if (Array.isArray(value)) return value;
    return value === null || value === undefined ? [] : [value];
  });
}
