/** One version of a config entry, as the mesh's own endpoints show it. */

import { versionId } from '@skein/core';
import type { ConfigVersion, SeenVersion, View } from '@skein/core';
import { jsonDiff } from './json-diff.ts';

export function versionJson(view: View, version: ConfigVersion): Record<string, unknown> {
  return {
    id: versionId(version),
    author: version.author,
    authorName: view.member(version.author)?.name ?? '',
    time: version.time,
    parent: version.parent,
  };
}

/** The same with how it stands here, what it says, and how that differs from its parent, where `seen` has that. */
export function seenVersionJson(view: View, one: SeenVersion, seen: readonly SeenVersion[]): Record<string, unknown> {
  const { version, state, reason } = one;
  const parent = version.parent === '' ? undefined : seen.find((other) => versionId(other.version) === version.parent);
  const isFirst = version.parent === '';
  return {
    ...versionJson(view, version),
    state,
    deleted: version.deleted,
    // Null too where its author signed what is no JSON: then it is refused, and `reason` says so.
    value: valueOf(version) ?? null,
    changes: isFirst || parent !== undefined ? jsonDiff(parent && valueOf(parent.version), valueOf(version)) : null,
    reason,
  };
}

function valueOf({ deleted, json }: ConfigVersion): unknown {
  if (deleted) return undefined;
  try {
    const value = JSON.parse(json) as unknown;
    return isFlat(value, depthMax) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Anybody in the mesh can sign a value that is nested deeper than there is stack to write it out with. */
const depthMax = 64;

function isFlat(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return depth > 0 && Object.values(value).every((part) => isFlat(part, depth - 1));
}
