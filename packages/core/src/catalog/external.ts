/**
 * External nodes: hosts without an agent, with what runs on them, as Consul's `catalog/register` writes them. No member
 * owns them, so their parts are config entries: any agent may write and remove them, and they outlive every agent. A part
 * that belongs to a node which is not there is not shown.
 */

import { validateInstance } from '../health/validate.ts';
import { isRecord } from '../is-record.ts';
import { limits } from '../limits.ts';
import { nameFault, textFault } from '../text.ts';
import type { Check, Instance } from './record.ts';

export const externalKind = 'external';

export interface ExternalNode {
  readonly name: string;
  readonly address: string;
  /** A UUID that its writer gave it, or empty. */
  readonly uuid: string;
  readonly meta: Readonly<Record<string, string>>;
  readonly taggedAddresses: Readonly<Record<string, string>>;
}

export interface ExternalCheck extends Check {
  /** How whoever watches over the node may probe it, as its writer put it. Nothing here runs it. */
  readonly definition: Readonly<Record<string, unknown>>;
}

/** What one entry holds. */
export type ExternalPart =
  | { readonly type: 'node'; readonly node: ExternalNode }
  | { readonly type: 'instance'; readonly node: string; readonly instance: Instance }
  | { readonly type: 'check'; readonly node: string; readonly check: ExternalCheck };

/** The name of the entry that holds a part: the node's name, encoded, then `/i/` or `/c/` and an id. */
export function externalName(part: ExternalPart): string {
  if (part.type === 'node') return encodeURIComponent(part.node.name);
  const key = part.type === 'instance' ? `i/${part.instance.id}` : `c/${part.check.id}`;
  return `${encodeURIComponent(part.node)}/${key}`;
}

/** The name of the node that an entry of this name is about; undefined when it is about none. */
export function externalNodeOf(name: string): string | undefined {
  const slash = name.indexOf('/');
  try {
    return decodeURIComponent(slash < 0 ? name : name.slice(0, slash));
  } catch {
    return undefined;
  }
}

/** The value to store for a part. */
export function externalValue(part: ExternalPart): unknown {
  return part.type === 'node' ? part.node : part.type === 'instance' ? part.instance : part.check;
}

/** What keeps a part from being stored; undefined when nothing does. */
export function externalFault(part: ExternalPart): string | undefined {
  const parsed = parseExternal(externalName(part), externalValue(part));
  return typeof parsed === 'string' ? parsed : undefined;
}

/** Reads an entry, whoever wrote it. A text says what is wrong. */
export function parseExternal(name: string, value: unknown): ExternalPart | string {
  const node = externalNodeOf(name);
  if (node === undefined || node === '' || node.length > limits.nameLength || nameFault(node) !== undefined)
    return 'its name does not begin with the name of a node';
  const [encoded = '', kind, ...rest] = name.split('/');
  if (encodeURIComponent(node) !== encoded) return 'its name does not begin with the name of a node';
  if (!isRecord(value)) return 'must be an object';
  const id = rest.join('/');
  if (kind === undefined) return parseNode(node, value);
  if (id === '' || value['id'] !== id) return 'its name does not end in its id';
  if (kind === 'i') return parseInstance(node, value);
  return kind === 'c' ? parseCheck(node, value) : 'its name is not that of a node, an instance or a check';
}

function parseNode(name: string, value: Readonly<Record<string, unknown>>): ExternalPart | string {
  const { address, uuid, meta, taggedAddresses } = value;
  if (value['name'] !== name) return 'name: is not that of the entry';
  if (!isName(address, 1, limits.addressLength)) return `address: must be a text of 1 to ${limits.addressLength} characters`;
  if (!isName(uuid, 0, limits.nameLength)) return 'uuid: must be a text';
  if (!isTexts(meta)) return 'meta: must map texts to texts, within the limits';
  if (!isTexts(taggedAddresses)) return 'taggedAddresses: must map texts to texts, within the limits';
  return { type: 'node', node: { name, address, uuid, meta, taggedAddresses } };
}

function parseInstance(node: string, value: Readonly<Record<string, unknown>>): ExternalPart | string {
  const texts = ['id', 'service', 'address', 'protocol', 'region', 'zone', 'kind', 'socketPath'];
  for (const key of texts) if (typeof value[key] !== 'string') return `${key}: must be a text`;
  const { tags, meta, weights, taggedAddresses, port, enableTagOverride } = value;
  if (!Array.isArray(tags) || !tags.every((tag) => typeof tag === 'string')) return 'tags: must be a list of texts';
  if (!isTexts(meta)) return 'meta: must map texts to texts, within the limits';
  if (!isRecord(weights) || typeof weights['passing'] !== 'number' || typeof weights['warning'] !== 'number')
    return 'weights: must have passing and warning';
  if (!isRecord(taggedAddresses) || !Object.values(taggedAddresses).every(isTaggedAddress))
    return 'taggedAddresses: must map texts to an address and a port';
  if (typeof port !== 'number') return 'port: must be a number';
  if (typeof enableTagOverride !== 'boolean') return 'enableTagOverride: must be true or false';
  const instance = value as unknown as Instance;
  return validateInstance(instance) ?? { type: 'instance', node, instance };
}

function parseCheck(node: string, value: Readonly<Record<string, unknown>>): ExternalPart | string {
  const { id, name, type, status, notes, output, instanceId, intervalMs, timeoutMs, definition } = value;
  if (!isName(id, 1, limits.nameLength)) return 'id: must be a text within the limits';
  if (!isName(name, 0, limits.nameLength)) return 'name: must be a text within the limits';
  if (!isName(type, 0, limits.nameLength)) return 'type: must be a text within the limits';
  if (status !== 'passing' && status !== 'warning' && status !== 'critical')
    return 'status: must be passing, warning or critical';
  if (!isProse(notes, limits.notesLength)) return `notes: must be a text of at most ${limits.notesLength} characters`;
  if (!isProse(output, limits.outputLength)) return `output: must be a text of at most ${limits.outputLength} characters`;
  if (instanceId !== undefined && !isName(instanceId, 1, limits.nameLength)) return 'instanceId: must be a text';
  if (!isSpan(intervalMs) || !isSpan(timeoutMs)) return 'intervalMs and timeoutMs must be whole numbers';
  if (!isRecord(definition)) return 'definition: must be an object';
  // JSON has no undefined: a check of the whole node comes without the key.
  const check = { instanceId: undefined, ...value } as unknown as ExternalCheck;
  return { type: 'check', node, check };
}

function isName(value: unknown, min: number, max: number): value is string {
  return typeof value === 'string' && value.length >= min && value.length <= max && nameFault(value) === undefined;
}

function isProse(value: unknown, max: number): value is string {
  return typeof value === 'string' && value.length <= max && textFault(value) === undefined;
}

function isSpan(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isTexts(value: unknown): value is Readonly<Record<string, string>> {
  if (!isRecord(value)) return false;
  const entries = Object.entries(value);
  return (
    entries.length <= limits.tags &&
    entries.every(([key, text]) => isName(key, 1, limits.metaKeyLength) && isProse(text, limits.metaValueLength))
  );
}

function isTaggedAddress(value: unknown): boolean {
  return isRecord(value) && typeof value['address'] === 'string' && typeof value['port'] === 'number';
}
