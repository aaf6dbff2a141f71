/**
 * A member that lies: a real node of the mesh, with its own valid key and nobody else's, which says more than it should,
 * or hears less. What it can do is what any member with a bad agent could do, so the harm that it does is the harm to bound.
 * Adds to what its node says, four times a second by its own clock; draws nothing.
 */

import { assertNever, instanceId, nodeId, nothingApplied } from '@skein/core';
import type {
  Accusation,
  CatalogDelta,
  Effect,
  Gossip,
  Input,
  Instance,
  MemberFact,
  MemberRecord,
  MemberView,
  Message,
  NodeId,
  Notary,
  Signed,
  View,
} from '@skein/core';
import { factsOf } from './facts.ts';
import type { Lie } from './fault.ts';

/** What a liar knows of its own node. */
export interface LiarSelf {
  readonly node: { readonly id: NodeId; readonly mesh: string; readonly epoch: number; view(): View };
  /** Makes keys. It asks for its own, and for those of whom it makes up. */
  readonly keys: { notary(id: NodeId): Notary };
  /** Whom it is linked with. */
  peers(): readonly NodeId[];
}

type Send = Extract<Effect, { type: 'send' }>;

const intervalMs = 250;
/** Far above what an honest node reaches, so that numbers of both are never the same. */
const numbersFrom = 1_000_000_000;
/** Records of the departed that a zombie keeps. */
const corpsesMax = 4096;
/** Messages to each peer in one go of a flooder. */
const floodMessages = 100;
/** A mesh that the forger is a member of as well, and the name of all that is said there. */
export const elsewhere = 'elsewhere';
const strangersMax = 3;
/** As many as take a member out of rotation. */
const mintedAtOnce = 2;
/** Then they come again, whether anybody believes that they are or not. */
const mintedMax = 24;

/** One of those whom a liar makes up. */
function stranger(liar: NodeId, number: number): NodeId {
  return nodeId(`${liar}-nobody-${number}`);
}

/** Whether a liar made this member up. */
export function isMadeUp(id: NodeId, liar: NodeId): boolean {
  return id.startsWith(`${liar}-nobody-`);
}

const nothing: Gossip = { type: 'gossip', members: [], accusations: [], deltas: [], heads: [], configs: [] };

export class Adversary {
  readonly #lie: Lie;
  readonly #self: LiarSelf;
  readonly #notary: Notary;
  readonly #seen = new Map<NodeId, MemberFact>();
  #spokeMs = -Infinity;
  #number = numbersFrom;
  /** The incarnation of the prey that was accused last. */
  #accused: number | undefined;

  constructor(lie: Lie, self: LiarSelf) {
    this.#lie = lie;
    this.#self = self;
    this.#notary = self.keys.notary(self.node.id);
  }

  /** Whether its node gets to know of an input. */
  hears(input: Input): boolean {
    if (input.type !== 'message') return true;
    if (this.#lie === 'silent-relay') return input.message.type !== 'ping-request';
    if (this.#lie === 'zombie') this.#collect(input.message);
    return true;
  }

  /** What it says besides, at a time of its own clock. */
  says(nowMs: number): readonly Send[] {
    if (nowMs - this.#spokeMs < intervalMs) return [];
    this.#spokeMs = nowMs;
    switch (this.#lie) {
      case 'accuser':
        return this.#toAll({ ...nothing, accusations: this.#accusations(0) });
      case 'stalker':
        return this.#stalk();
      case 'inflater':
        return this.#toAll({
          ...nothing,
          members: [...this.#members()].map((member) => this.#inflated(member.record)),
          accusations: this.#accusations(++this.#number),
        });
      case 'zombie':
        return this.#toAll({ ...nothing, members: this.#departed() });
      case 'forger':
        return this.#forged();
      case 'equivocator':
        return this.#equivocal();
      case 'flooder':
        return this.#flood();
      case 'inventor':
        return this.#toAll({ ...nothing, members: this.#invented(Array.from({ length: strangersMax }, (_, i) => i + 1)) });
      case 'minter':
        return this.#mint();
      case 'silent-relay':
        return [];
      default:
        return assertNever(this.#lie);
    }
  }

  #toAll(message: Message): Send[] {
    return this.#self.peers().map((to) => send(to, message));
  }

  #members(): Iterable<MemberView> {
    return this.#self.node.view().members();
  }

  /** The member that is hunted. */
  #prey(): MemberView | undefined {
    return [...this.#others()].filter(({ id }) => !isMadeUp(id, this.#notary.id)).sort((a, b) => (a.id < b.id ? -1 : 1))[0];
  }

  *#others(): Iterable<MemberView> {
    for (const member of this.#members()) if (member.id !== this.#notary.id) yield member;
  }

  #accusations(inflatedBy: number): Signed<Accusation>[] {
    return [...this.#others()].map((member) =>
      this.#accusation(member, this.#notary, inflatedBy === 0 ? member.record.incarnation : inflatedBy),
    );
  }

  #accusation({ id, record }: MemberView, accuser: Notary, incarnation: number): Signed<Accusation> {
    return accuser.sign('accusation', {
      mesh: this.#self.node.mesh,
      accuser: accuser.id,
      subject: id,
      epoch: record.epoch,
      incarnation,
      reason: 'dial-refused',
      sequence: ++this.#number,
    });
  }

  /** Accuses one member again after each refutation, to all; to that one a stranger does so as well, whom nobody knows. */
  #stalk(): Send[] {
    const prey = this.#prey();
    if (prey === undefined) return [];
    const own = this.#accusation(prey, this.#notary, prey.record.incarnation);
    const accuser = this.#self.keys.notary(stranger(this.#notary.id, ++this.#number));
    const accusations = [this.#accusation(prey, accuser, prey.record.incarnation)];
    return [...this.#toAll({ ...nothing, accusations: [own] }), send(prey.id, { ...nothing, accusations })];
  }

  /** Of itself that is a claim like any other; of another it is no claim at all. */
  #inflated(record: MemberRecord): MemberFact {
    return this.#signed({ ...record, incarnation: ++this.#number });
  }

  #signed(record: MemberRecord): MemberFact {
    return { record: this.#notary.sign('member', record), verified: true, absentMs: 0 };
  }

  // ---- zombie: what was true once

  #collect(message: Message): void {
    const facts = factsOf(message) ?? nothing;
    for (const fact of facts.members) {
      const { id, status } = fact.record.value;
      if (status !== 'alive' || (!this.#seen.has(id) && this.#seen.size >= corpsesMax)) continue;
      this.#seen.set(id, { record: fact.record, verified: true, absentMs: 0 });
    }
  }

  #departed(): MemberFact[] {
    const view = this.#self.node.view();
    const isGone = (id: NodeId): boolean => {
      const status = view.member(id)?.status;
      return status === undefined || status === 'failed' || status === 'left';
    };
    return [...this.#seen].filter(([id]) => isGone(id)).map(([, fact]) => fact);
  }

  // ---- forger: the word of others

  #forged(): Send[] {
    const members: MemberFact[] = [];
    const deltas: CatalogDelta[] = [];
    for (const { id, record } of this.#others()) {
      members.push(this.#signed({ ...record, incarnation: record.incarnation + 1, status: 'left' }));
      deltas.push(this.#catalog({ owner: id, epoch: record.epoch, version: ++this.#number, instance: 'forged' }));
    }
    const victim = deltas[0]?.head.value.owner;
    if (victim === undefined) return [];
    const accusation = {
      subject: this.#notary.id,
      epoch: 1,
      incarnation: 0,
      reason: 'forced',
      sequence: this.#number,
    } as const;
    const { node } = this.#self;
    const forged = this.#notary.sign('accusation', { mesh: node.mesh, accuser: victim, ...accusation });
    const accusations = [forged, ...this.#accusationsOfOthers()];
    const configs = [
      this.#notary.sign('config', {
        mesh: node.mesh,
        kind: 'route',
        name: 'forged',
        author: victim,
        time: { ms: this.#number, counter: 0 },
        parent: '',
        json: '{}',
        deleted: false,
      }),
    ];
    const said = { ...nothing, members, accusations, deltas, configs, heads: deltas.map(({ head }) => head) };
    return [...this.#toAll(this.#foreign()), ...this.#toAll(said)];
  }

  /** Everybody accuses the one before it, if this could be believed. */
  #accusationsOfOthers(): Signed<Accusation>[] {
    const others = [...this.#others()];
    return others.map(({ id, record: { epoch, incarnation } }, i) =>
      this.#notary.sign('accusation', {
        mesh: this.#self.node.mesh,
        accuser: others[(i + 1) % others.length]?.id ?? id,
        subject: id,
        epoch,
        incarnation,
        reason: 'dial-refused',
        sequence: ++this.#number,
      }),
    );
  }

  /** What it may well say, in another mesh. */
  #foreign(): Gossip {
    const own = this.#self.node.view().member(this.#notary.id);
    if (own === undefined) return nothing;
    const record = { ...own.record, mesh: elsewhere, incarnation: own.record.incarnation + 1 };
    const config = {
      mesh: elsewhere,
      kind: 'route',
      name: elsewhere,
      author: this.#notary.id,
      time: { ms: this.#number, counter: 0 },
      parent: '',
      json: '{}',
      deleted: false,
    } as const;
    return { ...nothing, members: [this.#signed(record)], configs: [this.#notary.sign('config', config)] };
  }

  // ---- inventor, minter

  #invented(numbers: readonly number[], verified = false): MemberFact[] {
    const own = this.#self.node.view().member(this.#notary.id);
    if (own === undefined) return [];
    return numbers.map((number) => {
      const id = stranger(this.#notary.id, number);
      const addresses = [`10.255.255.${(number % 250) + 1}:7946`];
      const record = { ...own.record, id, name: id, addresses, epoch: 1, incarnation: 0 };
      return { record: this.#self.keys.notary(id).sign('member', record), verified, absentMs: 0 };
    });
  }

  /** New members, well known as they say, accuse the prey under a claim that was not accused yet. */
  #mint(): Send[] {
    const prey = this.#prey();
    if (prey === undefined || prey.record.incarnation === this.#accused) return [];
    this.#accused = prey.record.incarnation;
    const numbers = Array.from({ length: mintedAtOnce }, () => (this.#number++ % mintedMax) + 1);
    const accusations = numbers.map((number) =>
      this.#accusation(prey, this.#self.keys.notary(stranger(this.#notary.id, number)), prey.record.incarnation),
    );
    return this.#toAll({ ...nothing, members: this.#invented(numbers, true), accusations });
  }

  // ---- equivocator: one version, as many contents as there are peers

  #equivocal(): Send[] {
    const epoch = this.#self.node.epoch;
    const version = ++this.#number;
    return this.#self.peers().map((to) => {
      const delta = this.#catalog({ owner: this.#notary.id, epoch, version, instance: `for-${to}` });
      return send(to, { ...nothing, deltas: [delta] });
    });
  }

  /** A whole catalog of one instance, signed by the liar, whoever is said to own it. */
  #catalog(of: { owner: NodeId; epoch: number; version: number; instance: string }): CatalogDelta {
    const { node } = this.#self;
    const { owner, epoch, version } = of;
    const sealed = this.#notary.seal({ version, value: { type: 'instance', instance: instanceOf(of.instance) } });
    const head = this.#notary.sign('head', {
      mesh: node.mesh,
      owner,
      epoch,
      version,
      count: 1,
      digest: this.#notary.digest([sealed.hash]),
      appliedConfig: nothingApplied,
    });
    return { head, after: 0, upserts: [sealed], removals: [] };
  }

  // ---- flooder

  #flood(): Send[] {
    const subject = [...this.#others()][0]?.id ?? this.#notary.id;
    const own = this.#self.node.view().member(this.#notary.id);
    const members = own === undefined ? [] : [this.#signed(own.record)];
    const sends: Send[] = [];
    for (const to of this.#self.peers()) {
      for (let i = 0; i < floodMessages; i++) {
        const seq = ++this.#number;
        const buckets = Array.from({ length: 256 }, (_, bucket) => (seq + bucket) >>> 0);
        const messages: readonly Message[] = [
          { type: 'ping', seq, root: seq >>> 0 },
          { type: 'ping-request', seq, subject },
          { ...nothing, members },
          { type: 'sync-open', exchange: seq, buckets, wallMs: 0 },
        ];
        sends.push(send(to, messages[i % messages.length] as Message));
      }
    }
    return sends;
  }
}

function send(to: NodeId, message: Message): Send {
  return { type: 'send', to, message, lane: message.type.startsWith('sync-') ? 'sync' : 'wire' };
}

function instanceOf(id: string): Instance {
  return {
    id: instanceId(id),
    service: 'forged',
    address: '',
    port: 1,
    tags: [],
    meta: {},
    weights: { passing: 1, warning: 1 },
    taggedAddresses: {},
    enableTagOverride: false,
    protocol: '',
    region: '',
    zone: '',
    kind: '',
    socketPath: '',
  };
}
