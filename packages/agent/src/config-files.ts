/** Reads settings from YAML and JSON files and directories. */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { AgentError } from './errors.ts';
import { parseYaml, YamlError } from './yaml.ts';

const maxFileBytes = 1_048_576;
const maxFilesPerDirectory = 256;
const extensions = new Set(['.yaml', '.yml', '.json']);

/** The settings in `paths`, in order; a directory gives its YAML and JSON files by name. Throws `AgentError`. */
export function readConfigFiles(paths: readonly string[]): { readonly path: string; readonly value: unknown }[] {
  return paths.flatMap(expand).map((path) => ({ path, value: readSettings(path) }));
}

/** The token in a file: its text without surrounding white space. Throws `AgentError`. */
export function readTokenFile(path: string): string {
  return read(path, 'tokenFile').trim();
}

function expand(path: string): string[] {
  let isDirectory: boolean;
  try {
    isDirectory = statSync(path).isDirectory();
  } catch (error) {
    throw unreadable(path, 'config', error);
  }
  if (!isDirectory) return [path];
  const names = readdirSync(path).filter((name) => extensions.has(extname(name)) && !name.startsWith('.'));
  if (names.length > maxFilesPerDirectory) {
    throw new AgentError(
      'invalid-setting',
      `config directory ${path} has ${names.length} files; at most ${maxFilesPerDirectory}`,
    );
  }
  return names.toSorted().map((name) => join(path, name));
}

function readSettings(path: string): unknown {
  const text = read(path, 'config');
  let values: readonly unknown[];
  try {
    values = parseYaml(text);
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    throw new AgentError('invalid-setting', `config file ${path}: ${error.message}`, { cause: error });
  }
  if (values.length > 1) {
    throw new AgentError('invalid-setting', `config file ${path} has ${values.length} documents: make it one, or several files`);
  }
  return values[0] ?? {};
}

function read(path: string, setting: string): string {
  try {
    const { size } = statSync(path);
    if (size > maxFileBytes) {
      throw new AgentError('invalid-setting', `${setting} file ${path} has ${size} bytes; at most ${maxFileBytes}`);
    }
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw error instanceof AgentError ? error : unreadable(path, setting, error);
  }
}

function unreadable(path: string, setting: string, error: unknown): AgentError {
  const code = (error as NodeJS.ErrnoException).code;
  const why =
    code === 'ENOENT' ? 'does not exist' : code === 'EACCES' ? 'may not be read by this user' : (error as Error).message;
  return new AgentError('invalid-setting', `${setting} ${path} ${why}`, { cause: error });
}
