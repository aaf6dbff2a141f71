/** What a name asks for: the names that there are below the domains `consul.` and `mesh.`, as Consul lays them out. */

import { nameOf } from './name.ts';
import type { DomainName } from './name.ts';

export interface Domain {
  readonly apex: DomainName;
  /** Where the zone's data comes from, and who is responsible for it: names in the SOA. */
  readonly primary: DomainName;
  readonly mailbox: DomainName;
  /** What the names of nodes and of addresses end with. */
  readonly nodes: DomainName;
  readonly services: DomainName;
  readonly addresses: DomainName;
}

/** What is asked for; names and tags in lower case. */
export type Asked =
  | { readonly type: 'apex' }
  /** The name server itself. */
  | { readonly type: 'self' }
  | { readonly type: 'service'; readonly service: string; readonly tag: string | undefined }
  | { readonly type: 'node'; readonly node: string }
  | { readonly type: 'address'; readonly bytes: Buffer }
  | { readonly type: 'query'; readonly query: string }
  /** A name that has nothing but names below it: it exists (RFC 8020). */
  | { readonly type: 'empty' }
  | { readonly type: 'unknown' };

export const domainTexts = ['consul', 'mesh'] as const;
const longestDomain = 'consul';
const longestKind = 'service';
const kinds: ReadonlySet<string> = new Set(['service', 'node', 'addr', 'query', 'connect', 'virtual', 'ingress']);
const empty: Asked = { type: 'empty' };
const unknown: Asked = { type: 'unknown' };

export class Zone {
  readonly domains: readonly Domain[];
  readonly #datacenter: readonly string[];

  /** A datacenter that cannot be part of a domain name (a label of more than 63 bytes, or an empty one) is not in names. */
  constructor(datacenter: string) {
    const labels = datacenter.toLowerCase().split('.');
    const fits = nameOf([longestKind, ...labels, longestDomain]) !== undefined;
    this.#datacenter = fits ? labels : [];
    this.domains = domainTexts.map((text) => {
      const apex = nameOf([text]) as DomainName;
      const below = (kind: string): DomainName => nameOf([kind, ...this.#datacenter], apex) as DomainName;
      return {
        apex,
        primary: nameOf(['ns'], apex) as DomainName,
        mailbox: nameOf(['hostmaster'], apex) as DomainName,
        nodes: below('node'),
        services: below('service'),
        addresses: below('addr'),
      };
    });
  }

  /** The domain that a name belongs to. */
  domainOf(labels: readonly string[]): Domain | undefined {
    const at = domainTexts.findIndex((text) => text === labels.at(-1));
    return this.domains[at];
  }

  /** `labels`: those before the domain. */
  asked(labels: readonly string[]): Asked {
    if (labels.length === 0) return { type: 'apex' };
    if (labels.length === 1 && labels[0] === 'ns') return { type: 'self' };
    const own = this.#withoutDatacenter(labels);
    const kind = own.at(-1) ?? '';
    const rest = own.slice(0, -1);
    if (kinds.has(kind)) return rest.length === 0 ? empty : askedOf(kind, rest);
    if (this.#isDatacenter(labels)) return empty;
    // RFC 2782 names do without the word "service".
    if (own.length === 2 && own.every(isUnderscored)) return serviceOf(own);
    return own.length === 1 && isUnderscored(kind) ? empty : unknown;
  }

  /** Less `.<datacenter>` or `.<datacenter>.dc` at the end, where they follow something. */
  #withoutDatacenter(labels: readonly string[]): readonly string[] {
    const end = labels.at(-1) === 'dc' ? labels.length - 1 : labels.length;
    const start = end - this.#datacenter.length;
    const isNamed = start > 0 && this.#datacenter.every((label, n) => labels[start + n] === label);
    const before = labels[start - 1] ?? '';
    return isNamed && (kinds.has(before) || isUnderscored(before)) ? labels.slice(0, start) : labels;
  }

  #isDatacenter(labels: readonly string[]): boolean {
    if (this.#datacenter.length === 0) return false;
    const text = `.${this.#datacenter.join('.')}.dc`;
    const asked = `.${labels.join('.')}`;
    return (
      text.endsWith(asked) ||
      asked === text.slice(0, -'.dc'.length) ||
      this.#datacenter.some((_, n) => asked === `.${this.#datacenter.slice(n).join('.')}`)
    );
  }
}

function isUnderscored(label: string): boolean {
  return label.startsWith('_');
}

function askedOf(kind: string, rest: readonly string[]): Asked {
  switch (kind) {
    case 'service':
      return rest.length === 1 && isUnderscored(rest[0] ?? '') ? empty : serviceOf(rest);
    case 'node':
      return { type: 'node', node: rest.join('.') };
    case 'addr':
      return rest.length === 1 && /^(?:[\da-f]{8}|[\da-f]{32})$/.test(rest[0] ?? '')
        ? { type: 'address', bytes: Buffer.from(rest[0] ?? '', 'hex') }
        : unknown;
    case 'query':
      return { type: 'query', query: queryName(rest) };
    default:
      return unknown;
  }
}

/** `[TAG.]SERVICE`, where a tag may have dots, or `_SERVICE._TAG`, where `tcp` stands for any (RFC 2782). */
function serviceOf(labels: readonly string[]): Asked {
  const last = labels.at(-1) ?? '';
  const [first = ''] = labels;
  if (labels.length === 2 && isUnderscored(first) && isUnderscored(last)) {
    return { type: 'service', service: first.slice(1), tag: last === '_tcp' ? undefined : last.slice(1) };
  }
  return { type: 'service', service: last, tag: labels.length === 1 ? undefined : labels.slice(0, -1).join('.') };
}

/** A name may have dots. As `_NAME._PROTOCOL` (RFC 2782), whatever the protocol is. */
function queryName(labels: readonly string[]): string {
  const isService = labels.length > 1 && isUnderscored(labels[0] ?? '') && isUnderscored(labels.at(-1) ?? '');
  return isService ? labels.slice(0, -1).join('.').slice(1) : labels.join('.');
}

/** The address that a name below `in-addr.arpa` or `ip6.arpa` stands for, as `ipBytes` has it. */
export function reverseAddress(labels: readonly string[]): Buffer | undefined {
  const [zone, arpa] = labels.slice(-2);
  const parts = labels.slice(0, -2).reverse();
  if (arpa !== 'arpa') return undefined;
  if (
    zone === 'in-addr' &&
    parts.length === 4 &&
    parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)
  ) {
    return Buffer.from(parts.map(Number));
  }
  return zone === 'ip6' && parts.length === 32 && parts.every((part) => /^[\da-f]$/.test(part))
    ? Buffer.from(parts.join(''), 'hex')
    : undefined;
}

/** Whether a name is below the zones of reverse lookups. */
export function isReverse(labels: readonly string[]): boolean {
  return labels.at(-1) === 'arpa' && (labels.at(-2) === 'in-addr' || labels.at(-2) === 'ip6');
}

/** The name below which what is known of an address is found. */
export function reverseName(address: Buffer): DomainName {
  const isShort = address.length === 4;
  const parts = isShort ? Array.from(address, String) : Array.from(address.toString('hex'));
  return nameOf([...parts.reverse(), isShort ? 'in-addr' : 'ip6', 'arpa']) as DomainName;
}
