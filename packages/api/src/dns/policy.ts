/** What whoever runs an agent decides about its answers: how long they may be remembered, and which instances are in them. */

export interface DnsPolicy {
  /**
   * Seconds that answers about a service may be remembered, by its name; a name that ends in `*` stands for all that
   * begin like it, and the longest counts. Default 0 for every service.
   */
  readonly serviceTtlS?: Readonly<Record<string, number>>;
  /** Seconds that answers about a node may be remembered. Default 0. */
  readonly nodeTtlS?: number;
  /** Whether instances with a warning are left out, as those that are critical are. Default false, as in Consul. */
  readonly onlyPassing?: boolean;
}

/** Caches keep what was true for so long: it is seconds in a record of 31 bits (RFC 2181). */
export const ttlSMax = 2 ** 31 - 1;

export class Ttls {
  readonly node: number;
  readonly #exact = new Map<string, number>();
  /** The longest first. */
  readonly #prefixes: readonly (readonly [string, number])[];

  constructor({ serviceTtlS = {}, nodeTtlS = 0 }: DnsPolicy) {
    this.node = nodeTtlS;
    const prefixes: (readonly [string, number])[] = [];
    for (const [name, ttlS] of Object.entries(serviceTtlS)) {
      const folded = name.toLowerCase();
      if (folded.endsWith('*')) prefixes.push([folded.slice(0, -1), ttlS]);
      else this.#exact.set(folded, ttlS);
    }
    this.#prefixes = prefixes.sort(([a], [b]) => b.length - a.length);
  }

  /** Of a service, by its name in any case. */
  service(name: string): number {
    const folded = name.toLowerCase();
    return this.#exact.get(folded) ?? this.#prefixes.find(([prefix]) => folded.startsWith(prefix))?.[1] ?? 0;
  }
}
