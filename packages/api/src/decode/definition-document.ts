/**
 * A document of a service file: Consul's `{ service }`, `{ services }`, `{ check }` and `{ checks }`, or a bare service
 * as `agent/service/register` takes it. Keys are read as the HTTP API reads them.
 */

import { instanceId, isRecord } from '@skein/core';
import type { CheckDefinition, Instance } from '@skein/core';
import { badRequest, Refusal } from '../refusal.ts';
import { decodeCheckRegistration } from './check-definition.ts';
import { expected, fold } from './decoder.ts';
import { decodeServiceRegistration } from './service-definition.ts';

/** A service with its checks. */
export interface ServiceDefinition {
  readonly instance: Instance;
  readonly checks: readonly CheckDefinition[];
}

export interface Definitions {
  readonly services: readonly ServiceDefinition[];
  /** Checks of the node, and of services that are registered elsewhere. */
  readonly checks: readonly CheckDefinition[];
}

/** A document that is not a definition: the message has the path of the offending key and what is wrong with it. */
export class DefinitionError extends Error {
  override readonly name: string = 'DefinitionError';
}

type Wrapped = 'service' | 'check';

/** Key, folded, to what is inside of it. */
const wrappers: Readonly<Record<string, Wrapped>> = { service: 'service', services: 'service', check: 'check', checks: 'check' };

/** Decodes a document that a YAML or JSON parser made. Throws a `DefinitionError`. */
export function decodeDefinitions(document: unknown): Definitions {
  return named('', () => {
    if (!isRecord(document)) throw expected('the document', 'an object', document);
    const folded = new Set(Object.keys(document).map(fold));
    const isBare = folded.has('name') || !Object.keys(wrappers).some((key) => folded.has(key));
    if (isBare) return { services: [decodeServiceRegistration(document)], checks: [] };
    return unwrap(document);
  });
}

function unwrap(document: Readonly<Record<string, unknown>>): Definitions {
  const services: ServiceDefinition[] = [];
  const checks: CheckDefinition[] = [];
  for (const [key, content] of Object.entries(document)) {
    const kind = Object.hasOwn(wrappers, fold(key)) ? wrappers[fold(key)] : undefined;
    if (kind === undefined) {
      throw badRequest(`unknown key "${key.slice(0, 200)}" beside service, services, check and checks`);
    }
    const isList = fold(key).endsWith('s');
    if (isList && !Array.isArray(content)) throw expected(key, 'a list', content);
    const items: readonly unknown[] = Array.isArray(content) && isList ? content : [content];
    for (const [at, item] of items.entries()) {
      named(isList ? `${key}[${at}]` : key, () => {
        if (kind === 'service') services.push(decodeServiceRegistration(item));
        else checks.push(decodeCheckRegistration(item, instanceId));
      });
    }
  }
  return { services, checks };
}

/** Puts the path of what was being read in front of what is wrong with it. */
function named<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof DefinitionError) throw error;
    if (!(error instanceof Refusal)) throw error;
    const reason = error.message.replace(/^Request decode failed: /, '').replace(/^the body: /, '');
    throw new DefinitionError(path === '' ? reason : `${path}: ${reason}`);
  }
}
