/**
 * Which config a node applies, in one short text that nodes compare: `config status` asks whether all apply the same. It is
 * made of the versions in force, and of those that are held and refused; deletions, conflicts, keys of the key-value store
 * and external nodes are not in it, nor is the order in which anything arrived.
 */

import type { Notary } from '../signed.ts';
import { configKey, versionId, type ConfigVersion } from './entry.ts';

/** What a node says that applies nothing. A node of a version that does not tell says the empty text. */
export const nothingApplied = 'none';
/** 132 bits in base64url: enough that nobody makes two configs with one digest. */
const digestLength = 22;

/** One entry as this node has it. */
export interface AppliedEntry {
  /** The version in force. */
  readonly good: ConfigVersion | undefined;
  /** The newest version, where this node refuses it. */
  readonly refused: ConfigVersion | undefined;
}

export function appliedDigest(entries: Iterable<AppliedEntry>, notary: Notary): string {
  const lines: string[] = [];
  for (const { good, refused } of entries) {
    if (good !== undefined) lines.push(`${configKey(good)}@${versionId(good)}`);
    if (refused !== undefined) lines.push(`${configKey(refused)}@${versionId(refused)} refused`);
  }
  return lines.length === 0 ? nothingApplied : notary.digest(lines.sort()).slice(0, digestLength);
}
