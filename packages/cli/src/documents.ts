/** Files that commands take: YAML or JSON, one or several documents (`---` between them, or one list). */

import { reasonOf, usageFailure } from './failure.ts';
import type { Io } from './io.ts';
import { isObject } from './json-value.ts';
import type { JsonObject } from './json-value.ts';

const documentsPerFile = 1024;

export interface FileDocument {
  /** Names it in messages: the file, and the number where there are several. */
  readonly where: string;
  readonly value: JsonObject;
}

/** Reads a file, or standard input for `-`. */
export async function readDocuments(io: Pick<Io, 'read'>, path: string): Promise<readonly FileDocument[]> {
  const name = path === '-' ? 'standard input' : path;
  const text = await io.read(path).catch((error: unknown) => {
    throw usageFailure(`cannot read ${name}: ${reasonOf(error)}`, 'a file name, or - for standard input');
  });
  const values = await parse(text, name);
  if (values.length === 0) throw usageFailure(`${name} holds no document`);
  if (values.length > documentsPerFile) throw usageFailure(`${name} holds more than ${documentsPerFile} documents`);
  return values.map((value, index) => {
    const where = values.length === 1 ? name : `${name}, document ${index + 1}`;
    if (!isObject(value)) throw usageFailure(`${where} is not an object with keys`);
    return { where, value };
  });
}

/** Lists are taken apart, empty documents left out. */
async function parse(text: string, name: string): Promise<readonly unknown[]> {
  const { parseYamlItems, YamlError } = await import('./yaml.ts');
  try {
    return parseYamlItems(text);
  } catch (error) {
    throw error instanceof YamlError ? usageFailure(`${name}: ${error.message}`) : error;
  }
}
