/**
 * Answers questions about our domains from a View: which records there are, before anybody shuffles, cuts or encodes
 * them. What many ask for is kept until the topics that it was made of change.
 */

import { assertNever, indexTimeMs, sample, topics } from '@skein/core';
import type { InstanceView, MemberView, MeshPort, NodeId, Rng, View } from '@skein/core';
import { parseDuration } from '../duration.ts';
import { preparedQueryKind } from '../prepared-query/definition.ts';
import { executeQuery, matchingInstances } from '../prepared-query/execution.ts';
import { QueryIndex } from '../prepared-query/query-index.ts';
import { isInCatalog, nodeMeta } from '../shape/node.ts';
import { AnswerCache } from './answer-cache.ts';
import { Directory } from './directory.ts';
import { ipBytes } from './ip.ts';
import { hostName, nameOf } from './name.ts';
import type { DomainName } from './name.ts';
import { instanceAddresses, nodeAddresses } from './own-addresses.ts';
import { Ttls, ttlSMax } from './policy.ts';
import type { DnsPolicy } from './policy.ts';
import {
  addressRecord,
  aliasRecord,
  nsRecord,
  ptrRecord,
  rcodes,
  recordTypes,
  soaRecord,
  srvRecord,
  txtRecord,
} from './record.ts';
import type { DnsRecord } from './record.ts';
import { isReverse, reverseAddress } from './zone.ts';
import type { Asked, Domain, Zone } from './zone.ts';

export interface Found {
  readonly rcode: number;
  /** Aliases that lead to the answers, in order. */
  readonly aliases: readonly DnsRecord[];
  /** In no order: clients take the first, so they are shuffled for each. */
  readonly answers: readonly DnsRecord[];
  /** The order of the answers is what was asked for. */
  readonly isOrdered?: boolean;
  readonly authority: readonly DnsRecord[];
  /** Addresses of the answers' targets: of use with the answer only that names them. */
  readonly additional: readonly DnsRecord[];
  /** A host name of others; its addresses belong to the answer. Set where addresses are asked for. */
  readonly elsewhere?: DomainName;
}

export interface AnswersOptions {
  readonly port: MeshPort;
  readonly zone: Zone;
  readonly rng: Rng;
  readonly policy: DnsPolicy;
}

type AskedService = Extract<Asked, { readonly type: 'service' }>;

/** What stands in SRV for an instance: the same in the answers to all questions. */
interface Place {
  readonly target: DomainName;
  /** Of the target; undefined where it is a host name. */
  readonly addresses: readonly DnsRecord[] | undefined;
  readonly ttl: number;
}

/** What addresses are wanted of. */
interface Addressed {
  readonly address: string;
  readonly addresses: readonly Buffer[];
  readonly owner: NodeId;
}

const none: readonly never[] = [];
/** Aliases within our domains that may follow each other. */
const aliasesMax = 3;
const nameServersMax = 3;
/** Records of one answer. */
const srvMax = 1024;
/** Targets of one answer that are names of ours, whose addresses are looked up to be sent along. */
const targetsMax = 16;
const recordsMax = 4096;

export class Answers {
  readonly #options: AnswersOptions;
  readonly #directory = new Directory();
  readonly #ttls: Ttls;
  readonly #cache = new AnswerCache();
  readonly #queries = new QueryIndex();
  readonly #placesOf = new Map<Domain, WeakMap<InstanceView, Place>>();
  #placesAt = 0;

  constructor(options: AnswersOptions) {
    this.#options = options;
    this.#ttls = new Ttls(options.policy);
  }

  /** Undefined: the name is not ours to answer. */
  find({ key, type, name, asker }: Searched): Found | undefined {
    const view = this.#options.port.view();
    const question = `${String.fromCharCode(type)}${key}`;
    const kept = this.#cache.get(question, view);
    if (kept !== undefined) return kept;
    const asked: Question = { name: name(), type, view, asker, ttl: this.#ttls.node, depth: 0, madeOf: undefined };
    const found = this.#answer(asked);
    if (found !== undefined && asked.madeOf !== undefined) this.#cache.keep(question, found, asked.madeOf, view);
    return found;
  }

  #answer(question: Question): Found | undefined {
    const { zone } = this.#options;
    const { name, view } = question;
    const labels = name.labels();
    const domain = zone.domainOf(labels);
    if (domain === undefined) return isReverse(labels) ? this.#reverse(question, labels) : undefined;
    const asked = zone.asked(labels.slice(0, -1));
    switch (asked.type) {
      case 'apex':
        return this.#apex(question, domain);
      case 'self':
        return this.#ofMember(question, domain, view.member(view.self));
      case 'service':
        return this.#service(question, domain, asked);
      case 'node':
        if (this.#directory.node(view, asked.node) === undefined && this.#directory.isParent(view, asked.node))
          return noData(view, domain);
        question.madeOf = [topics.members];
        return this.#ofMember(question, domain, this.#directory.node(view, asked.node));
      case 'address':
        return wantsAddress(question.type, asked.bytes)
          ? foundAll([addressRecord(name, asked.bytes, this.#ttls.node)])
          : noData(view, domain);
      case 'query':
        return this.#query(question, domain, asked.query);
      case 'empty':
        return noData(view, domain);
      case 'unknown':
        return noName(view, domain);
      default:
        return assertNever(asked);
    }
  }

  /** What a prepared query finds now, by the checks that it does not ignore: by distance, if it says from where. */
  #query(question: Question, domain: Domain, name: string): Found {
    const { view, asker } = question;
    const stored = this.#queries.resolve(view, name);
    // Below one label such as `_tcp` there are names (RFC 8020).
    if (stored === undefined || stored === 'template-by-id')
      return /^_[^.]*$/.test(name) ? noData(view, domain) : noName(view, domain);
    const { Service, DNS, Template } = stored.query;
    const isOrdered = Service.Near !== '';
    const placed = isOrdered
      ? executeQuery(view, stored, { near: '', asker, limit: 0, rng: this.#options.rng })
      : matchingInstances(view, stored);
    const instances = placed.map(({ instance }) => instance);
    // Distances change without a word, and depend on who asks. Of names that a template takes to nowhere there is no end.
    if (!isOrdered && (instances.length > 0 || Template.Type === ''))
      question.madeOf = [topics.configKind(preparedQueryKind), topics.service(Service.Service)];
    if (instances.length === 0) return noName(view, domain);
    const ttlMs = DNS.TTL === '' ? undefined : parseDuration(DNS.TTL);
    question.ttl = ttlMs === undefined ? this.#ttls.service(Service.Service) : Math.min(ttlSMax, Math.floor(ttlMs / 1000));
    return { ...this.#ofInstances(question, domain, instances), isOrdered };
  }

  #apex({ name, type, view }: Question, domain: Domain): Found {
    const soa = zoneSoa(view, domain);
    if (type === recordTypes.SOA) return foundAll([soa]);
    if (type !== recordTypes.NS && type !== recordTypes.ANY) return noData(view, domain);
    const alive = [...view.members()].filter(({ status, reachable }) => status === 'alive' && reachable);
    const answers: DnsRecord[] = [];
    const additional: DnsRecord[] = [];
    for (const member of sample(alive, nameServersMax, this.#options.rng)) {
      const target = this.#nodeName(view, member, domain);
      const bytes = ipBytes(member.address);
      if (target === undefined || bytes === undefined) continue;
      answers.push(nsRecord(name, target, this.#ttls.node));
      additional.push(addressRecord(target, bytes, this.#ttls.node));
    }
    return { ...foundAll(type === recordTypes.ANY ? [soa, ...answers] : answers), additional };
  }

  #service(question: Question, domain: Domain, asked: AskedService): Found {
    const { view } = question;
    const names = this.#directory.serviceNames(view, asked.service);
    const { onlyPassing = false } = this.#options.policy;
    const instances = this.#tagged(view, asked).filter(
      ({ routable, status }) => routable && (!onlyPassing || status === 'passing'),
    );
    question.ttl = this.#ttls.service(asked.service);
    if (instances.length === 0 && this.#endsTag(view, asked)) return noData(view, domain);
    // Names that lead nowhere are not worth keeping: there is no end of them.
    if (instances.length > 0 && names.length === 1) question.madeOf = [topics.service(names[0] ?? '')];
    return instances.length === 0 ? noName(view, domain) : this.#ofInstances(question, domain, instances);
  }

  /** Whether the tag is the end of one that has dots: then there are names below. */
  #endsTag(view: View, { service, tag }: AskedService): boolean {
    if (tag === undefined) return false;
    const instances = this.#directory.instances(view, service);
    return instances.some(
      ({ routable, instance }) => routable && instance.tags.some((own) => own.toLowerCase().endsWith(`.${tag}`)),
    );
  }

  #tagged(view: View, { service, tag }: AskedService): readonly InstanceView[] {
    const instances = this.#directory.instances(view, service);
    if (tag === undefined) return instances;
    return instances.filter(({ instance }) => instance.tags.some((own) => own.toLowerCase() === tag));
  }

  /** The instances that a name stands for, in rotation or not. Undefined when it is not that of a service. */
  instances(name: DomainName): readonly InstanceView[] | undefined {
    const labels = name.labels();
    const { zone, port } = this.#options;
    const asked = zone.domainOf(labels) === undefined ? undefined : zone.asked(labels.slice(0, -1));
    return asked?.type === 'service' ? this.#tagged(port.view(), asked) : undefined;
  }

  #ofInstances(question: Question, domain: Domain, instances: readonly InstanceView[]): Found {
    const { type, view } = question;
    if (type === recordTypes.SRV) return this.#places(question, domain, instances);
    const places = instances.map((instance): Addressed => {
      const { address, owner } = instance;
      return { address, owner, addresses: instanceAddresses(instance, view.member(owner)) };
    });
    return this.#addresses(question, domain, places);
  }

  /** SRV, with the addresses of its targets. */
  #places(question: Question, domain: Domain, instances: readonly InstanceView[]): Found {
    const { name, view, ttl } = question;
    const answers = new Map<string, DnsRecord>();
    const additional = new Map<string, readonly DnsRecord[]>();
    let followed = 0;
    for (const instance of instances) {
      if (answers.size >= srvMax) break;
      const given = this.#placeOf(view, instance, domain, ttl);
      // An address that is the name that is asked for leads nowhere: there it is on its node, as in Consul.
      const place = given?.target.key === name.key ? this.#placeOn(view, view.member(instance.owner), domain, ttl) : given;
      if (place === undefined || place.target.key === name.key) continue;
      const { target, addresses } = place;
      const { passing, warning } = instance.instance.weights;
      const weight = Math.min(65_535, instance.status === 'warning' ? warning : passing);
      const where = `${instance.port} ${target.key}`;
      if (answers.has(where)) continue;
      answers.set(where, srvRecord(name, { weight, port: instance.port, target, ttl }));
      if (addresses !== undefined) additional.set(target.key, addresses);
      else if (!additional.has(target.key) && followed < targetsMax && this.#isOurs(target)) {
        followed++;
        additional.set(target.key, this.#addressesOf(question, target));
      }
    }
    return answers.size === 0
      ? noData(view, domain)
      : { ...foundAll([...answers.values()]), additional: distinct([...additional.values()].flat()) };
  }

  /** What a name of ours leads to, which changes by itself: the answer is not kept. */
  #addressesOf(question: Question, target: DomainName): readonly DnsRecord[] {
    question.madeOf = undefined;
    const type = recordTypes.ANY;
    const found = this.#answer({ ...question, name: target, type, depth: question.depth + 1, madeOf: undefined });
    if (found === undefined) return none;
    const addresses = found.answers.filter((record) => record.type === recordTypes.A || record.type === recordTypes.AAAA);
    return addresses.length === 0 ? none : [...found.aliases, ...addresses];
  }

  #isOurs(name: DomainName): boolean {
    return this.#options.zone.domainOf(name.labels()) !== undefined;
  }

  #placeOf(view: View, instance: InstanceView, domain: Domain, ttl: number): Place | undefined {
    // Names of nodes are targets, and may come to stand for another node.
    const membersAt = view.index(topics.members);
    if (membersAt !== this.#placesAt) {
      this.#placesAt = membersAt;
      this.#placesOf.clear();
    }
    const places = this.#placesOf.get(domain) ?? new WeakMap<InstanceView, Place>();
    this.#placesOf.set(domain, places);
    const known = places.get(instance);
    if (known?.ttl === ttl) return known;
    const place = this.#newPlace(view, instance, domain, ttl);
    if (place !== undefined) places.set(instance, place);
    return place;
  }

  #newPlace(view: View, placed: InstanceView, domain: Domain, ttl: number): Place | undefined {
    const { instance, address } = placed;
    const member = view.member(placed.owner);
    const [bytes] = instanceAddresses(placed, member);
    if (bytes === undefined) {
      // A host name goes in as it is: a name of ours for it would be an alias, which a target may not be (RFC 2782).
      const target = hostName(address);
      return target === undefined ? undefined : { target, addresses: undefined, ttl };
    }
    const ofNode = instance.address === '' && member !== undefined ? nodeAddresses(member) : none;
    return ofNode[0]?.equals(bytes) ? this.#placeOn(view, member, domain, ttl) : placeAt(bytes, domain, ttl);
  }

  /** On a node: by its name, or by its address where the name leads elsewhere. */
  #placeOn(view: View, member: MemberView | undefined, domain: Domain, ttl: number): Place | undefined {
    const addresses = member === undefined ? none : nodeAddresses(member);
    const [bytes] = addresses;
    if (member === undefined || bytes === undefined) return undefined;
    const target = this.#nodeName(view, member, domain);
    if (target === undefined) return placeAt(bytes, domain, ttl);
    return { target, addresses: addresses.map((each) => addressRecord(target, each, ttl)), ttl };
  }

  /** Undefined when the name would find another node, or does not fit into a domain name. */
  #nodeName(view: View, member: MemberView, domain: Domain): DomainName | undefined {
    const found = this.#directory.node(view, member.name.toLowerCase());
    return found?.id === member.id ? nameOf(member.name.split('.'), domain.nodes) : undefined;
  }

  #ofMember(question: Question, domain: Domain, member: MemberView | undefined): Found {
    const { name, type, view } = question;
    question.ttl = this.#ttls.node;
    if (!isInCatalog(member)) {
      question.madeOf = undefined;
      return noName(view, domain);
    }
    const isAny = type === recordTypes.ANY;
    const texts =
      type === recordTypes.TXT || isAny
        ? Object.entries(nodeMeta(member)).map(([key, value]) => txtRecord(name, metaText(key, value), this.#ttls.node))
        : none;
    if (texts.length > 0 && !isAny) return foundAll(texts);
    const { address, id: owner } = member;
    const found = this.#addresses(question, domain, [{ address, owner, addresses: nodeAddresses(member) }]);
    return texts.length === 0 ? found : { ...found, answers: [...found.answers, ...texts], authority: none };
  }

  /**
   * Addresses of the type that is asked for; if there are none of any type, the name of one host, whatever is asked for
   * (RFC 1034 3.6.2). Where that is the name that is asked for, it leads nowhere, and the address is that of the node, as in
   * Consul.
   */
  #addresses(question: Question, domain: Domain, places: readonly Addressed[]): Found {
    const { name, type, view, ttl } = question;
    const byBytes = new Map<string, Buffer>();
    const hosts = new Map<string, DomainName>();
    const add = ({ address, addresses }: Omit<Addressed, 'owner'>): void => {
      for (const bytes of addresses) byBytes.set(bytes.toString('latin1'), bytes);
      const host = addresses.length === 0 ? hostName(address) : undefined;
      if (host !== undefined) hosts.set(host.key, host);
    };
    for (const place of places) {
      add(place);
      const member = hosts.delete(name.key) ? view.member(place.owner) : undefined;
      if (member !== undefined) add({ address: member.address, addresses: nodeAddresses(member) });
    }
    hosts.delete(name.key);
    if (byBytes.size === 0) {
      const [host] = sample([...hosts.values()], 1, this.#options.rng);
      // Which host it is changes from answer to answer, and what it leads to changes without us.
      question.madeOf = undefined;
      return host === undefined ? noData(view, domain) : this.#alias(question, host);
    }
    const records: DnsRecord[] = [];
    for (const bytes of byBytes.values()) {
      if (records.length < recordsMax && wantsAddress(type, bytes)) records.push(addressRecord(name, bytes, ttl));
    }
    return records.length === 0 ? noData(view, domain) : foundAll(records);
  }

  #alias(question: Question, target: DomainName): Found {
    const aliases = [aliasRecord(question.name, target, question.ttl)];
    const isOurs = this.#isOurs(target);
    if (question.type === recordTypes.CNAME || (isOurs && question.depth >= aliasesMax)) return { ...foundAll(none), aliases };
    if (!isOurs) return { ...foundAll(none), aliases, ...(isAddressType(question.type) ? { elsewhere: target } : {}) };
    const found = this.#answer({ ...question, name: target, depth: question.depth + 1 });
    if (found === undefined) return { ...foundAll(none), aliases };
    const all = [...aliases, ...found.aliases];
    // The way may have led back here: where it then led on, only what follows the last time is needed.
    const leadsOn = found.answers.length > 0 || found.elsewhere !== undefined;
    const last = all.findLastIndex(({ owner }) => owner.key === question.name.key);
    // What is missing at the end is told by the authority; that the alias is there makes the name exist.
    return { ...found, aliases: leadsOn ? all.slice(last) : distinct(all) };
  }

  /** Undefined where a recursor may know more. */
  #reverse({ name, type, view }: Question, labels: readonly string[]): Found | undefined {
    const address = reverseAddress(labels);
    const owners = address === undefined ? undefined : this.#directory.owners(view, address);
    const [domain] = this.#options.zone.domains;
    if (owners === undefined || domain === undefined) return undefined;
    const target =
      (owners.node === undefined ? undefined : this.#nodeName(view, owners.node, domain)) ??
      (owners.service === undefined ? undefined : nameOf([owners.service], domain.services));
    if (target === undefined) return undefined;
    return type === recordTypes.PTR || type === recordTypes.ANY ? foundAll([ptrRecord(name, target)]) : noData(view, domain);
  }

  /** What is said of an address that is neither ours nor that of anybody whom we could ask. Parts of addresses exist (RFC 8020). */
  unknownAddress(labels: readonly string[]): Found {
    const [view, domain] = [this.#options.port.view(), this.#options.zone.domains[0] as Domain];
    return reverseAddress(labels) === undefined ? noData(view, domain) : noName(view, domain);
  }
}

export interface Searched {
  /** As in a query. */
  readonly key: string;
  readonly type: number;
  /** Reads the name from the key's message, when it is needed. */
  readonly name: () => DomainName;
  /** The address that asks. */
  readonly asker: string;
}

interface Question {
  readonly name: DomainName;
  readonly type: number;
  readonly view: View;
  /** The address that asks. */
  readonly asker: string;
  /** Seconds that the answer may be remembered. */
  ttl: number;
  /** Aliases that led here. */
  readonly depth: number;
  /** Set when the answer may be kept until one of these topics changes, or the lists of members or of services. */
  madeOf: readonly string[] | undefined;
}

function foundAll(answers: readonly DnsRecord[]): Found {
  return { rcode: rcodes.NOERROR, aliases: none, answers, authority: none, additional: none };
}

function noData(view: View, domain: Domain): Found {
  return { ...foundAll(none), authority: [zoneSoa(view, domain)] };
}

function noName(view: View, domain: Domain): Found {
  return { ...noData(view, domain), rcode: rcodes.NXDOMAIN };
}

/** What leads to the same name in two ways is told once. */
function distinct(records: readonly DnsRecord[]): readonly DnsRecord[] {
  const keyOf = ({ owner, type, bytes, target }: DnsRecord): string =>
    `${owner.key} ${type} ${bytes.toString('latin1')} ${target?.key ?? ''}`;
  return [...new Map(records.map((record) => [keyOf(record), record])).values()];
}

/** The serial is the time of the last change in seconds, which grows with every index. */
function zoneSoa(view: View, domain: Domain): DnsRecord {
  const serial = Math.floor(indexTimeMs(view.lastIndex) / 1000);
  return soaRecord(domain.apex, domain, serial % 2 ** 32);
}

function isAddressType(type: number): boolean {
  return type === recordTypes.A || type === recordTypes.AAAA || type === recordTypes.ANY;
}

/** An address by the name that it has in our domains. */
function placeAt(bytes: Buffer, domain: Domain, ttl: number): Place | undefined {
  const target = nameOf([bytes.toString('hex')], domain.addresses);
  return target === undefined ? undefined : { target, addresses: [addressRecord(target, bytes, ttl)], ttl };
}

function wantsAddress(type: number, bytes: Buffer): boolean {
  return type === recordTypes.ANY || type === (bytes.length === 4 ? recordTypes.A : recordTypes.AAAA);
}

/** RFC 1464, but a key that starts with `rfc1035-` gives its bare value. */
function metaText(key: string, value: string): string {
  if (key.toLowerCase().startsWith('rfc1035-')) return value;
  const quoted = key
    .replaceAll('`', '``')
    .replaceAll('=', '`=')
    .replaceAll(/^[ \t]+|[ \t]+$/g, (blanks) => blanks.replaceAll(/[ \t]/g, (blank) => `\`${blank}`));
  return `${quoted}=${value.replaceAll('`', '``')}`;
}
