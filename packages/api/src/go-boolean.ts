/** Go's spellings of truth, which Consul takes in query parameters, filters and definitions. */

const booleans: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map((text) => [text, false] as const),
]);

/** A truth value in one of the spellings that Go takes; undefined for any other text. */
export function parseBoolean(text: string): boolean | undefined {
  return booleans.get(text);
}
