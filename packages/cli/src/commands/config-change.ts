/** Changes of a config entry's value, as lines. */

import { plain } from '../table.ts';
import { textAt } from '../json-value.ts';
import type { JsonObject } from '../json-value.ts';

/** One place of the value: what was there, and what is there now. */
export function changeText(change: JsonObject): string {
  const path = plain(textAt(change, 'path'));
  const at = path === '' ? '' : `${path}: `;
  const side = (key: 'before' | 'after', mark: string): string =>
    Object.hasOwn(change, key) ? `  ${mark} ${at}${plain(JSON.stringify(change[key]))}\n` : '';
  return side('before', '-') + side('after', '+');
}
