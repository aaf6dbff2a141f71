/** Hosts as requests name them. */

import { type View, topics } from '@skein/core';

/** Every service is reachable under its name in this domain, without any route. */
export const meshSuffix = '.mesh';

/** The host of an authority (`Host` header): lower case, without port and final dot. */
export function hostOf(authority: string): string {
  let end = authority.length;
  if (authority.startsWith('[')) {
    const bracket = authority.indexOf(']');
    if (bracket > 0) end = bracket + 1;
  } else {
    const colon = authority.indexOf(':');
    if (colon >= 0) end = colon;
  }
  if (end > 1 && authority.charCodeAt(end - 1) === 0x2e) end--;
  return authority.slice(0, end).toLowerCase();
}

/** Finds services by a name in any case, since hosts have none, and Consul's entries and who writes them neither. The exact name wins; then the first in order of names. */
export class ServiceNames {
  #index = 0;
  readonly #byLowerCase = new Map<string, string>();

  resolve(view: View, name: string): string {
    if (view.service(name) !== undefined) return name;
    const index = view.index(topics.services);
    if (index !== this.#index) this.#rebuild(view, index);
    return this.#byLowerCase.get(name.toLowerCase()) ?? name;
  }

  #rebuild(view: View, index: number): void {
    this.#index = index;
    this.#byLowerCase.clear();
    for (const { name } of view.services()) {
      const lower = name.toLowerCase();
      const other = this.#byLowerCase.get(lower);
      if (other === undefined || name < other) this.#byLowerCase.set(lower, name);
    }
  }
}
