/** Reading JSON that another process wrote: a missing or odd field becomes an empty value, never an exception. */

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether it is a list in which objects are looked for: one that has some, or nothing at all. */
export function isObjectList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && (value.length === 0 || value.some(isObject));
}

export function objectAt(value: unknown, key: string): JsonObject {
  const inner = isObject(value) ? value[key] : undefined;
  return isObject(inner) ? inner : {};
}

export function objectsIn(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

export function textAt(value: unknown, key: string): string {
  const inner = isObject(value) ? value[key] : undefined;
  return typeof inner === 'string' ? inner : '';
}

export function numberAt(value: unknown, key: string): number {
  const inner = isObject(value) ? value[key] : undefined;
  return typeof inner === 'number' ? inner : 0;
}

export function isTrueAt(value: unknown, key: string): boolean {
  return isObject(value) && value[key] === true;
}

export function textsAt(value: unknown, key: string): readonly string[] {
  const inner = isObject(value) ? value[key] : undefined;
  return Array.isArray(inner) ? inner.filter((item) => typeof item === 'string') : [];
}

/** The text values of an object; others are left out. */
export function textMapAt(value: unknown, key: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(objectAt(value, key)).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
