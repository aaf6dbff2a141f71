/** Names of properties and services in the scenarios that reports print. */

/** Text as the literal of a program. */
export function quote(text: string): string {
  return `'${text
    .replaceAll('\\', '\\\\')
    .replaceAll("'", "\\'")
    .replaceAll(/[\n\r\u2028\u2029]/g, ' ')}'`;
}
