/** What all service files together say is to be registered. Where two say it of one id, the first by name decides. */

import type { Definitions } from '@skein/api';
import type { CheckDefinition, CheckId, Command } from '@skein/core';

/** A command that makes what a file says. */
export type Define = Extract<Command, { type: 'register' | 'register-check' }> & { readonly source: string };

export interface Wanted {
  /** By the key of the registration, `i/<instance id>` or `c/<check id>`; checks of a service are with their service. */
  readonly defines: ReadonlyMap<string, Define>;
  /** The keys of all registrations that the commands make. */
  readonly keys: ReadonlySet<string>;
  /** What a file says and another one decides. */
  readonly disputes: readonly Dispute[];
}

export interface Dispute {
  readonly source: string;
  readonly reason: string;
}

/** `files` by name, with what each says. */
export function wantedOf(files: ReadonlyMap<string, Definitions>): Wanted {
  const builder = new Builder();
  const byName = [...files].toSorted(([a], [b]) => (a < b ? -1 : 1));
  for (const [source, { services }] of byName) for (const service of services) builder.service(source, service);
  // After all services, of which one may be what a check belongs to.
  for (const [source, { checks }] of byName) for (const check of checks) builder.check(source, check);
  return builder;
}

class Builder implements Wanted {
  readonly defines = new Map<string, Define>();
  readonly keys = new Set<string>();
  readonly disputes: Dispute[] = [];
  readonly #owners = new Map<string, string>();

  service(source: string, { instance, checks }: Definitions['services'][number]): void {
    const key = `i/${instance.id}`;
    if (!this.#claim(key, source)) return;
    const own = checks.filter(({ id }) => this.#claim(`c/${id}`, source));
    this.defines.set(key, { type: 'register', instance, checks: own, replaceChecks: false, source });
  }

  check(source: string, definition: CheckDefinition): void {
    const key: `c/${CheckId}` = `c/${definition.id}`;
    if (this.#claim(key, source)) this.defines.set(key, { type: 'register-check', definition, source });
  }

  #claim(key: string, source: string): boolean {
    const owner = this.#owners.get(key);
    if (owner !== undefined) {
      const what = key.startsWith('i/') ? 'service' : 'check';
      this.disputes.push({ source, reason: `the ${what} "${key.slice(2)}" is in ${owner} too, which goes first by its name` });
      return false;
    }
    this.#owners.set(key, source);
    this.keys.add(key);
    return true;
  }
}
