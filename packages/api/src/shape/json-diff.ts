/** What differs between two JSON values, by path. */

import { isRecord } from '@skein/core';

export interface JsonChange {
  /** `rules[0].backendRefs[1].name`; empty for the whole value. */
  readonly path: string;
  /** Absent where there was, or will be, nothing. */
  readonly before?: unknown;
  readonly after?: unknown;
}

/** The smallest parts that are not the same. Lists are compared place by place; the order of keys means nothing. */
export function jsonDiff(before: unknown, after: unknown, path = ''): readonly JsonChange[] {
  if (before === after) return [];
  if (Array.isArray(before) && Array.isArray(after)) {
    const places = Array.from({ length: Math.max(before.length, after.length) }, (_, at) => at);
    return places.flatMap((at) => jsonDiff(before[at] as unknown, after[at] as unknown, `${path}[${at}]`));
  }
  if (isRecord(before) && isRecord(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return keys.flatMap((key) => jsonDiff(own(before, key), own(after, key), join(path, key)));
  }
  return [{ path, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) }];
}

function own(value: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(value, key) ? value[key] : undefined;
}

function join(path: string, key: string): string {
  if (!/^[A-Za-z_][\w-]*$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === '' ? key : `${path}.${key}`;
}
