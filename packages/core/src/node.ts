/**
 * A mesh node: input in, effects out, a View for readers. No clock, no sockets, no randomness of its own, so the
 * agent and the simulator run the very same code.
 *
 * This file is the wiring: it takes each input to the part that it concerns (membership, probes, links, gossip,
 * anti-entropy, catalog, config, health) and lets the parts tell each other what changed. The rules are in the parts;
 * those of this file, step by step: late-tick.txt and leave.txt in test/datadriven.
 */

import { assertNever } from './assert.ts';
import type { NodeBase } from './base.ts';
import { Catalog, type CatalogListener } from './catalog/catalog.ts';
import type { CatalogHead } from './catalog/record.ts';
import type { Command, CommandResult } from './command.ts';
import { ConfigReport } from './config/config-report.ts';
import { ConfigStore } from './config/config-store.ts';
import { configKey } from './config/entry.ts';
import { isOfProbe, isVerdict } from './deadlines.ts';
import type { Effect } from './effect.ts';
import { AntiEntropy } from './gossip/anti-entropy.ts';
import { Dissemination, type LinkQueue } from './gossip/dissemination.ts';
import { catalogKey, configEntryKey, FactWriter, memberKey } from './gossip/facts.ts';
import { InFlight } from './gossip/in-flight.ts';
import { Knowledge } from './gossip/knowledge.ts';
import { Health } from './health/health.ts';
import { nodeId, type NodeId } from './identity.ts';
import type { DialFailure, Input } from './input.ts';
import { AddressBook } from './membership/address-book.ts';
import { Buddies } from './membership/buddies.ts';
import { Links } from './membership/links.ts';
import { Hearsay } from './membership/hearsay.ts';
import { hasLeft, isPresent, memberStamp, type Member } from './membership/member.ts';
import { Vivaldi, type Coordinate } from './membership/coordinate.ts';
import { Membership, type MembershipListener } from './membership/membership.ts';
import { Prober } from './membership/prober.ts';
import { Topology } from './membership/topology.ts';
import { Visits } from './membership/visits.ts';
import type { Gossip, Message } from './message.ts';
import type { NodeOptions } from './node-options.ts';
import { Turn } from './turn.ts';
import { ViewBuilder } from './view/view-builder.ts';
import type { View } from './view/view.ts';

/** How many of those that hear of a first accusation probe its subject, about. */
const confirmers = 4;
/** In a large mesh, a new neighbour is dialled after this, or up to twice as long. */
const settleMs = 200;

export class MeshNode {
  readonly self: NodeId;
  readonly #turn: Turn;
  readonly #membership: Membership;
  readonly #topology: Topology;
  readonly #addressBook: AddressBook;
  readonly #visits: Visits;
  readonly #hearsay: Hearsay;
  readonly #links: Links;
  readonly #prober: Prober;
  readonly #knowledge: Knowledge;
  readonly #dissemination: Dissemination;
  readonly #antiEntropy: AntiEntropy;
  readonly #inFlight: InFlight;
  readonly #catalog: Catalog;
  readonly #config: ConfigStore;
  readonly #configReport: ConfigReport;
  readonly #health: Health;
  readonly #views: ViewBuilder;
  readonly #restored: Pick<NodeOptions, 'registrations' | 'configEntries' | 'configHistory' | 'peers' | 'base'>;
  readonly #vivaldi: Vivaldi;
  readonly #buddies = new Buddies();
  /** Wall clock minus monotonic clock at construction; view indexes need no more precision. */
  readonly #wallOffsetMs: number;
  #leaving: 'no' | 'leaving' | 'left' = 'no';

  /** `now` is this node's monotonic clock in integer milliseconds, here and everywhere. */
  constructor(options: NodeOptions, now: number) {
    this.self = options.notary.id;
    this.#restored = options;
    this.#wallOffsetMs = options.wallMs - now;
    const turn = new Turn(options, now);
    this.#turn = turn;
    this.#vivaldi = new Vivaldi(turn.rng);
    this.#knowledge = new Knowledge((key) => this.#stampOf(key), options.base?.knowledge);
    this.#catalog = this.#makeCatalog(options.base);
    this.#config = new ConfigStore(
      turn,
      options.validateConfig,
      {
        configChanged: (version, from) => this.#configChanged(version.kind, version.name, version.deleted, from),
        configForgotten: (version) => this.#noteConfig(version.kind, version.name),
      },
      options.wallMs,
    );
    this.#configReport = new ConfigReport(turn, {
      applied: () => this.#config.applied,
      told: () => this.#catalog.own.appliedConfig,
      nodeCount: () => this.#membership.presentCount,
      tell: () => this.#catalog.tellConfig(this.epoch),
    });
    this.#health = new Health(turn, {
      writeRecords: (upserts, removals, isStatus) => this.#catalog.write(this.epoch, upserts, removals, isStatus),
      registrationsChanged: () => this.#views.touchLocal(),
    });
    this.#membership = this.#makeMembership(options);
    this.#topology = this.#makeTopology();
    this.#addressBook = new AddressBook(turn, () => this.#membership.all());
    this.#visits = new Visits(turn, this.#topology, () => this.#membership.all());
    this.#hearsay = new Hearsay(turn, (id) => this.#membership.get(id));
    this.#links = this.#makeLinks();
    this.#prober = this.#makeProber();
    this.#dissemination = new Dissemination(turn, {
      isFullMesh: () => this.#topology.isFull,
      links: () => this.#links.ids(),
      stamp: (key) => this.#knowledge.stamp(key),
      isWritable: (id) => this.#links.isWritable(id),
      write: (subjects) => this.#write(subjects, true),
    });
    this.#antiEntropy = this.#makeAntiEntropy();
    this.#inFlight = new InFlight(turn);
    this.#views = new ViewBuilder(
      this.self,
      options.mesh,
      {
        membership: this.#membership,
        catalog: this.#catalog,
        config: this.#config,
        health: this.#health,
        isLinked: (id) => this.#links.has(id),
        ownCoordinate: () => this.#vivaldi.coordinate,
      },
      options.wallMs,
      options.base?.views,
    );
  }

  /** The first step: publishes what was restored and dials known peers. Call once. */
  start(now: number): readonly Effect[] {
    this.#turn.now = now;
    this.#views.setNow(now + this.#wallOffsetMs);
    this.#memberTouched(this.#membership.self, true);
    this.#config.restore(this.#restored.configEntries, this.#restored.configHistory);
    for (const signed of this.#config.all()) this.#noteConfig(signed.value.kind, signed.value.name);
    this.#health.restore(this.#restored.registrations);
    // A first version is published even when there is nothing in it: it supersedes what an earlier boot owned.
    this.#health.publish();
    this.#views.touchLocal();
    this.#addressBook.start(this.#restored.peers);
    this.#links.addKnownPeers(this.#restored.peers);
    if (this.#restored.base !== undefined) this.#topology.settle(this.#restored.base.orders);
    if (!this.#topology.isFull) this.#visits.begin();
    this.#prober.start();
    this.#antiEntropy.start();
    return this.#finish();
  }

  /** Takes one input in. Never throws on bad input: a refused message leaves state untouched and is reported as an event. */
  step(input: Input, now: number): readonly Effect[] {
    this.#begin(now);
    if (this.#leaving === 'left') return input.type === 'tick' ? this.#tickOnly(now) : this.#finish();
    switch (input.type) {
      case 'message':
        this.#message(input.from, input.message);
        break;
      case 'tick':
        this.#tick(now);
        break;
      case 'command':
        this.#command(input.command);
        break;
      case 'peer':
        this.#peer(input);
        break;
      case 'dialed':
        this.#links.dialed(input.dial, input.outcome);
        break;
      case 'clock':
        this.#config.clock.set(input.wallMs);
        this.#turn.awareness.setLag(input.lagMs, this.#turn.config.probeTimeoutMs);
        break;
      default:
        assertNever(input);
    }
    return this.#finish();
  }

  /** A command with its answer; the effects are as from `step`. */
  dispatch(command: Command, now: number): { readonly result: CommandResult; readonly effects: readonly Effect[] } {
    this.#begin(now);
    const result = this.#command(command);
    return { result, effects: this.#finish() };
  }

  /** When `step({ type: 'tick' })` is due. May be in the past. Undefined: nothing is pending. */
  nextDeadline(): number | undefined {
    return this.#turn.deadlines.next();
  }

  /** The epoch to state in a hello. Changes only when this node learns that its persisted one was lost. */
  get epoch(): number {
    return this.#membership.self.signed.value.epoch;
  }

  /** How well this node is itself (Lifeguard's local health): 0, well, to 8. */
  get healthScore(): number {
    return this.#turn.awareness.score;
  }

  get view(): View {
    return this.#views.view();
  }

  /** What waits to be sent. */
  readonly linkQueues = (): Iterable<LinkQueue> => this.#dissemination.waiting();

  /** What this node knows, for others of this mesh to start from. Undefined while it doubts anybody, or holds config entries. */
  base(): NodeBase | undefined {
    const membership = this.#config.all().next().done === true ? this.#membership.base() : undefined;
    if (membership === undefined) return undefined;
    const shared = { knowledge: this.#knowledge.base(), replicas: this.#catalog.base(), views: this.#views.base() };
    return { membership, ...shared, orders: this.#topology.orders() };
  }

  // --- one step ---

  #begin(now: number): void {
    this.#turn.begin(now);
    this.#views.setNow(now + this.#wallOffsetMs);
  }

  #finish(): readonly Effect[] {
    this.#dissemination.settle();
    this.#antiEntropy.settle();
    const touched = this.#views.takeTouched(this.#turn.now + this.#wallOffsetMs);
    if (touched.length > 0) this.#turn.emit({ type: 'view-changed', topics: touched });
    return this.#turn.take();
  }

  #tickOnly(now: number): readonly Effect[] {
    for (let due = this.#turn.deadlines.takeDue(now); due !== undefined; due = this.#turn.deadlines.takeDue(now))
      if (due.key === 'leave-done') this.#turn.emit({ type: 'left' });
    return this.#turn.take();
  }

  #tick(now: number): void {
    const { deadlines, config, lateMs, verdictsAt } = this.#turn;
    for (let due = deadlines.takeDue(now); due !== undefined; due = deadlines.takeDue(now)) {
      // After a stall, answers wait in the sockets while timers are already over: no verdict before they were read.
      if (lateMs <= config.lateTickMs || !isVerdict(due.key)) this.#due(due.key);
      else deadlines.set(due.key, isOfProbe(due.key) ? Math.min(verdictsAt, now + 2 * config.lateTickMs) : verdictsAt);
    }
  }

  #due(key: string): void {
    const slash = key.indexOf('/');
    const kind = slash < 0 ? key : key.slice(0, slash);
    const name = slash < 0 ? '' : key.slice(slash + 1);
    switch (kind) {
      case 'probe-round':
        return this.#prober.roundDue();
      case 'probe':
        return this.#prober.probeDue(Number(name));
      case 'doubt':
        return this.#prober.doubtDue(Number(name));
      case 'nack':
        return this.#prober.nackDue(Number(name));
      case 'suspect':
        return this.#membership.suspicionExpired(nodeId(name));
      case 'test':
        return this.#membership.testDue(nodeId(name));
      case 'hold':
        return this.#membership.holdDue(nodeId(name));
      case 'withheld':
        return this.#membership.accuseWithheld();
      case 'refute':
        return this.#membership.refute();
      case 'reap':
        return this.#membership.reap(nodeId(name));
      case 'dial':
        return this.#links.dialDue(name);
      case 'trim':
        return this.#links.trimDue();
      case 'visit':
        return this.#visit(this.#visits.due());
      case 'hearsay':
        return this.#visit(this.#hearsay.due((id) => this.#topology.isWanted(id)));
      case 'gossip':
      case 'late-news':
      case 'advertise':
        return this.#dissemination.due(kind);
      case 'sync-round':
        return this.#syncRound();
      case 'recheck':
        return this.#recheck();
      case 'ttl':
        return this.#health.expireTtl(name);
      case 'critical':
        return this.#health.expireCritical(name);
      case 'config-report':
        return this.#configReport.due();
      case 'peers':
        return this.#addressBook.write();
      case 'remembered':
        for (const id of this.#addressBook.forget(this.#links.size === 0)) this.#links.drop(id);
        return;
      case 'leave-left':
        return this.#announceLeft();
    }
  }

  #message(from: NodeId, message: Message): void {
    this.#links.heard(from);
    this.#tellAccused(from);
    switch (message.type) {
      case 'ping': {
        const { epoch, incarnation } = this.#membership.self.signed.value;
        const ack = { type: 'ack', seq: message.seq, root: this.#knowledge.root, epoch, incarnation } as const;
        this.#turn.send(from, { ...ack, coordinate: this.#vivaldi.coordinate }, 'wire');
        return this.#rootHeard(from, message.root);
      }
      case 'ack':
        this.#located(from, message.coordinate, this.#prober.acked(from, message.seq, message.epoch));
        return this.#rootHeard(from, message.root);
      case 'ping-request':
        return this.#prober.pingRequested(from, message.seq, message.subject);
      case 'ping-report':
        return this.#prober.reported(from, message.seq, message.subject, message.outcome);
      case 'gossip':
        return this.#mergeFacts(message, from);
      case 'have':
        return this.#links.has(from) ? this.#antiEntropy.advertised(from, message) : undefined;
      case 'sync-open':
        return this.#antiEntropy.opened(from, message);
      case 'sync-digest':
        return this.#antiEntropy.digested(from, message);
      case 'sync-facts':
        return this.#antiEntropy.factsCame(from, message);
      case 'sync-pull':
        return this.#antiEntropy.pulled(from, message);
      default:
        assertNever(message);
    }
  }

  /** A member said where it is, and how long its answers take is known: that tells where we are. */
  #located(id: NodeId, coordinate: Coordinate | undefined, rttMs: number | undefined): void {
    if (coordinate === undefined || rttMs === undefined) return;
    if (!this.#vivaldi.moved(coordinate, rttMs)) return this.#turn.refuse(id, 'bad-coordinate');
    this.#membership.locate(id, coordinate);
    for (const moved of [id, this.self]) this.#views.refreshMember(moved);
  }

  #peer(input: Extract<Input, { type: 'peer' }>): void {
    switch (input.state) {
      case 'linked':
        this.#config.clock.heard(input.id, input.wallMs ?? 0);
        return this.#links.linked(input.id, input.epoch);
      case 'lost':
        return this.#links.lost(input.id);
      case 'congested':
      case 'writable':
        this.#links.setCongested(input.id, input.state === 'congested');
        if (input.state === 'writable' && this.#dissemination.takeOverflow(input.id)) this.#antiEntropy.compare(input.id);
        return;
      default:
        assertNever(input);
    }
  }

  #command(command: Command): CommandResult {
    if (this.#leaving !== 'no' && command.type !== 'leave' && command.type !== 'check-result') {
      return { ok: false, code: 'leaving', message: 'this agent is leaving the mesh: send the write to another agent' };
    }
    switch (command.type) {
      case 'join':
        return this.#links.join(command.addresses);
      case 'leave':
        return this.#leave();
      case 'force-leave':
        return this.#membership.forceLeave(command.node);
      case 'set-tags':
        return this.#membership.setTags(command.tags);
      case 'register':
        return this.#health.register(command);
      case 'deregister':
        return this.#health.deregister(command.id, 'deregistered');
      case 'register-check':
        return this.#health.registerCheck(command.definition, command.source);
      case 'deregister-check':
        return this.#health.deregisterCheck(command.id);
      case 'check-result':
        return this.#health.result(command.id, command.status, command.output);
      case 'update-ttl':
        return this.#health.updateTtl(command.id, command.status, command.output);
      case 'apply-config':
        return this.#config.apply(command.kind, command.name, command.value);
      case 'delete-config':
        return this.#config.delete(command.kind, command.name);
      default:
        return assertNever(command);
    }
  }

  // --- leaving ---

  #leave(): CommandResult {
    if (this.#leaving !== 'no') return { ok: true };
    this.#leaving = 'leaving';
    this.#membership.announce('leaving');
    this.#turn.deadlines.set('leave-left', this.#turn.now + (this.#links.size === 0 ? 0 : this.#turn.config.leaveDelayMs));
    return { ok: true };
  }

  #announceLeft(): void {
    this.#membership.announce('left');
    this.#dissemination.flush();
    this.#leaving = 'left';
    this.#turn.deadlines.set('leave-done', this.#turn.now + 2 * this.#turn.config.gossipWindowMs);
  }

  // --- merging what peers say ---

  #mergeFacts(facts: Gossip, from: NodeId): void {
    for (const member of facts.members) this.#membership.merge(member, from);
    for (const accusation of facts.accusations) this.#membership.mergeAccusation(accusation, from);
    for (const delta of facts.deltas) if (this.#owns(delta.head.value)) this.#catalog.merge(delta, from);
    for (const head of facts.heads) if (this.#owns(head.value)) this.#catalog.hear(head, from);
    for (const config of facts.configs) this.#config.merge(config, from);
  }

  /** Whether a catalog of this owner and boot may be held: its owner is known, still there, and did not restart since. */
  #owns({ owner, epoch }: CatalogHead): boolean {
    const member = this.#membership.get(owner);
    return member !== undefined && member.status !== 'left' && epoch >= member.signed.value.epoch;
  }

  /** A member that talks to us hears what is said against it. */
  #tellAccused(id: NodeId): void {
    if (!this.#links.has(id) || !this.#buddies.isTold(this.#membership.get(id), this.#turn.now)) return;
    this.#dissemination.pushTo(id, memberKey(id), []);
  }

  /** Roots that differ mean that one side lacks something, unless it is on its way: then a later ping tells. */
  #rootHeard(from: NodeId, root: number): void {
    if (root === this.#knowledge.root || !this.#links.has(from)) return;
    if (this.#dissemination.idle && this.#inFlight.isOver) this.#antiEntropy.rootHeard(from, root);
    else this.#inFlight.askAgain(from);
  }

  #recheck(): void {
    const id = this.#inFlight.peer;
    if (id !== undefined && this.#links.has(id) && this.#isPresent(id)) this.#prober.probe(id, 'direct');
  }

  #syncRound(): void {
    for (const { id } of this.#membership.silent())
      for (const key of [memberKey(id), catalogKey(id)]) this.#knowledge.delete(key);
    this.#antiEntropy.roundDue();
  }

  #write(subjects: ReadonlyMap<string, readonly number[]>, pushed: boolean): readonly Gossip[] {
    return new FactWriter(this.#membership, this.#catalog, this.#config, pushed).write(subjects);
  }

  // --- what the parts tell each other ---

  #memberTouched(member: Member, routing: boolean): void {
    this.#inFlight.changed();
    if (this.#membership.isSilent(member)) this.#knowledge.delete(memberKey(member.id));
    else this.#knowledge.setBoth(memberKey(member.id), memberStamp(member), catalogKey(member.id));
    this.#views.touchMember(member, routing);
    if (member.id !== this.self) this.#addressBook.touch(member.id, this.#membership.size);
  }

  #stampOf(key: string): readonly number[] | undefined {
    const subject = key.slice(2);
    if (key.startsWith('k/')) return this.#config.stamp(subject);
    const id = nodeId(subject);
    if (key.startsWith('c/')) return this.#catalog.replica(id)?.stamp;
    const member = this.#membership.get(id);
    return member === undefined ? undefined : memberStamp(member);
  }

  /** It takes part now, or again: the topology says who links with it. */
  #memberPresent(member: Member): void {
    this.#topology.add(member.id);
    this.#hearsay.heardOf(member, this.#membership.presentCount);
    if (!this.#topology.isFull) this.#visits.begin();
    // Known from an earlier boot, it may be on the list of those to dial already.
    if (this.#topology.isWanted(member.id)) this.#links.want(member.id, 0);
    else this.#links.unwant(member.id);
  }

  #memberAbsent(member: Member, forgotten: boolean): void {
    this.#config.clock.forget(member.id);
    this.#topology.remove(member.id);
    if (forgotten || hasLeft(member)) this.#links.drop(member.id);
    this.#prober.forget(member.id);
    this.#buddies.forget(member.id);
    this.#antiEntropy.forgetSubject(catalogKey(member.id));
    this.#knowledge.delete(catalogKey(member.id));
    if (forgotten) {
      this.#antiEntropy.forgetSubject(memberKey(member.id));
      this.#knowledge.delete(memberKey(member.id));
      this.#addressBook.touch(member.id, this.#membership.size);
    }
    this.#views.touchAbsent(member.id, this.#catalog.drop(member.id), forgotten);
  }

  #configChanged(kind: string, name: string, deleted: boolean, from: NodeId | undefined): void {
    this.#noteConfig(kind, name);
    this.#configReport.changed();
    this.#turn.emit({ type: 'config-changed', kind, name, deleted });
    this.#dissemination.push(configEntryKey(configKey({ kind, name })), [], from);
  }

  #noteConfig(kind: string, name: string): void {
    const key = configKey({ kind, name });
    const stamp = this.#config.stamp(key);
    this.#inFlight.changed();
    if (stamp === undefined) this.#knowledge.delete(configEntryKey(key));
    else this.#knowledge.set(configEntryKey(key), stamp);
    this.#views.touchConfig(kind, name);
  }

  #linked(id: NodeId, epoch: number): void {
    const member = this.#membership.get(id);
    this.#prober.forget(id);
    const missed = this.#dissemination.takeOverflow(id);
    this.#dissemination.pushTo(id, memberKey(this.self), []);
    const stranger = member === undefined || !isPresent(member) || this.#antiEntropy.completed === 0;
    if (member !== undefined) {
      this.#membership.heardFrom(id, epoch);
      // Only now does it count for whether the mesh is small.
      if (this.#topology.isFull) this.#topology.add(id);
      if (member.accusations.size > 0) this.#dissemination.pushTo(id, memberKey(id), []);
      this.#memberTouched(member, false);
    }
    if (stranger || missed) this.#antiEntropy.compare(id);
    else this.#prober.probe(id, 'direct');
  }

  #lost(id: NodeId): void {
    this.#dissemination.drop(id);
    this.#antiEntropy.forget(id);
    this.#prober.forget(id);
    const member = this.#membership.get(id);
    if (member !== undefined) this.#memberTouched(member, false);
  }

  #dialFailed(id: NodeId, reason: DialFailure, evidence: boolean): void {
    const member = this.#membership.get(id);
    if (member === undefined || !isPresent(member)) return;
    if (evidence) return this.#membership.accuse(id, reason === 'timeout' ? 'dial-timeout' : 'dial-refused');
    // We never reached it; others may (it may only dial out, or be busy). They are asked before anybody is accused. Where
    // they accuse it already our dial confirms it, unless it was only slow and there are enough others to tell.
    if (member.accusations.size === 0) this.#prober.probe(id, 'direct');
    else if (reason !== 'timeout') this.#membership.accuse(id, 'dial-refused');
    else if (this.#links.size < this.#turn.config.accusersToEvict) this.#membership.accuse(id, 'dial-timeout');
  }

  /** Some others look for themselves whether an accusation holds: a few of many, or a busy host would drown in pings. */
  #confirm(member: Member): void {
    const isChosen = (): boolean => this.#turn.rng.below(Math.max(confirmers, this.#links.size)) < confirmers;
    if (this.#topology.isFull ? isChosen() : this.#topology.isSubject(member.id)) this.#prober.probe(member.id, 'confirm');
  }

  /** Dials a member that needs no link. When others had it gone before we ever heard of it, the outcome decides: nobody else will. */
  #visit(id: NodeId | undefined): void {
    if (id !== undefined && this.#isPresent(id) && this.#membership.get(id)?.absentSince !== undefined) this.#links.test(id);
    else if (id !== undefined) this.#links.visit(id);
  }

  #isPresent(id: NodeId): boolean {
    return id !== this.self && this.#membership.isPresent(id);
  }

  // --- the parts ---

  #makeTopology(): Topology {
    const { mesh, config, rng } = this.#turn;
    return new Topology(this.self, mesh, config, {
      present: () => this.#present(),
      presentCount: () => this.#membership.metCount - 1,
      // While a large mesh forms, neighbours change with every newcomer: a moment's wait saves most of the handshakes.
      wanted: (id) => this.#links.want(id, this.#topology.isFull ? 0 : settleMs + rng.below(settleMs)),
      unwanted: (id) => this.#links.unwant(id),
    });
  }

  #makeCatalog(base: NodeBase | undefined): Catalog {
    const listener: CatalogListener = {
      catalogChanged: (owner, change, after, from) => {
        const replica = this.#catalog.replica(owner);
        if (replica === undefined) return;
        this.#inFlight.changed();
        this.#knowledge.set(catalogKey(owner), replica.stamp);
        this.#views.touchCatalog(owner, change);
        const before = after === 0 ? [] : [replica.epoch, after];
        // Without a change of records it only tells which config the owner applies.
        if (after === 0 || change.upserted.length + change.previous.length > 0)
          this.#dissemination.push(catalogKey(owner), before, from);
        else this.#dissemination.pushQuietly(catalogKey(owner), before, from);
      },
      appliedConfig: () => this.#config.applied,
      ownVersionLost: (epoch) => this.#membership.outlive(epoch),
      catalogGap: (owner, from, whole) => this.#antiEntropy.gap(catalogKey(owner), from, whole),
    };
    return new Catalog(this.#turn, listener, base?.replicas);
  }

  #makeMembership(options: NodeOptions): Membership {
    const { name, addresses, region, zone, tags, epoch, base } = options;
    const listener: MembershipListener = {
      recordNews: (id, from, toAll) => this.#dissemination.push(memberKey(id), [], from, toAll),
      accusationNews: (subject, _accuser, from) => this.#dissemination.push(memberKey(subject), [], from),
      memberTouched: (member, routing) => this.#memberTouched(member, routing),
      memberPresent: (member) => this.#memberPresent(member),
      watched: () => this.#links.size,
      isDeaf: () => this.#links.isDeaf,
      heardAgainAt: () => this.#links.heardAgainAt,
      isOurs: (id) => this.#links.has(id) || this.#topology.isWanted(id),
      callOut: () => this.#prober.callOut(),
      probeAgain: (id) => this.#prober.probe(id, 'direct'),
      isolationChanged: () => this.#views.touchMember(this.#membership.self, false),
      memberSuspected: (member) => this.#confirm(member),
      memberFailed: (member) => {
        this.#topology.remove(member.id);
        this.#config.clock.forget(member.id);
        this.#links.giveUp(member.id);
      },
      memberAbsent: (member, forgotten) => this.#memberAbsent(member, forgotten),
      memberDoubled: (id) => (this.#links.has(id) ? this.#dissemination.pushTo(id, memberKey(id), []) : undefined),
      epochRaised: () => this.#health.publish(),
    };
    return new Membership(this.#turn, { name, addresses, region, zone, tags }, epoch, listener, base?.membership);
  }

  #makeLinks(): Links {
    return new Links(this.#turn, {
      linked: (id, epoch) => this.#linked(id, epoch),
      lost: (id) => this.#lost(id),
      dialFailed: (id, reason, evidence) => this.#dialFailed(id, reason, evidence),
      unreached: (id) => this.#membership.doubt(id, 'dial-timeout'),
      addressesOf: (id) => this.#membership.addressesOf(id),
      isSmall: () => this.#topology.isSmall,
      isWanted: (id) => {
        const member = this.#membership.get(id);
        return member === undefined || this.#topology.isFull || (isPresent(member) && this.#topology.isWanted(id));
      },
    });
  }

  #makeProber(): Prober {
    return new Prober(this.#turn, {
      probeCandidates: () => (this.#topology.isFull ? this.#present() : this.#topology.subjects()),
      helpers: (subject) => {
        const asked = this.#topology.isFull ? this.#links.ids() : this.#topology.coObservers(subject);
        return [...asked].filter((id) => id !== subject && this.#links.has(id) && this.#membership.get(id)?.status === 'alive');
      },
      isLinked: (id) => this.#links.has(id),
      isDialing: (id) => this.#links.isDialing(id),
      since: (id) => this.#membership.get(id)?.since ?? 0,
      isPresent: (id) => this.#isPresent(id),
      isCandidate: (id) => this.#isPresent(id) && (this.#topology.isFull || this.#topology.isSubject(id)),
      isFullMesh: () => this.#topology.isFull,
      silentSince: (at) => this.#links.silentSince(at).filter((id) => this.#isPresent(id)),
      isDoubted: (id) => this.#membership.get(id)?.doubt !== undefined,
      accusers: (id) => this.#membership.get(id)?.accusations.size ?? 0,
      root: () => this.#knowledge.root,
      pinged: (id) => this.#tellAccused(id),
      doubted: (id) => this.#membership.doubt(id, 'probe-timeout'),
      probeFailed: (id) => this.#membership.accuse(id, 'probe-timeout'),
      linkDoubted: (id) => this.#links.doubt(id),
      testByDial: (id) => this.#links.test(id),
      answered: (id, epoch) => {
        this.#links.answered(id);
        this.#membership.heardFrom(id, epoch);
      },
    });
  }

  /** Everybody else who takes part. */
  #present(): NodeId[] {
    const ids: NodeId[] = [];
    for (const member of this.#membership.all()) if (member.id !== this.self && isPresent(member)) ids.push(member.id);
    return ids;
  }

  #makeAntiEntropy(): AntiEntropy {
    return new AntiEntropy(this.#turn, this.#knowledge, this.#config.clock, {
      isWritable: (id) => this.#links.isWritable(id),
      write: (wants) => this.#write(new Map(wants.map((want) => [want.key, want.have])), false),
      merge: (facts, from) => this.#mergeFacts(facts, from),
      synced: (id) => {
        if (this.#antiEntropy.completed === 1) this.#turn.emit({ type: 'synced', id });
      },
      partners: () => [...this.#links.ids()].filter((id) => this.#isPresent(id)),
    });
  }
}
