/**
 * Bugs, put into the core on purpose: each is a mistake that an implementation of this kind has made somewhere. The swarm
 * has to find every one, or it would not find the next real one either.
 */

import { MeshNode, recordKey } from '@skein/core';
import type { MemberRecord, MeshConfig, NodeOptions, Signed, View } from '@skein/core';
import {
  AntiEntropy,
  Dissemination,
  HoldDown,
  Links,
  Membership,
  Prober,
  Replica,
  Restraint,
  Turn,
  Witnesses,
} from '@skein/core/parts';
import type { RunOptions } from '@skein/sim';

export interface Mutation {
  readonly name: string;
  /** What is wrong with it. */
  readonly bug: string;
  /** Puts the bug in for as long as `run` takes. */
  with<T>(run: (create: RunOptions['create']) => T): T;
}

/** A bug that is a wrong number. */
function misconfigured(name: string, bug: string, wrong: (config: MeshConfig) => Partial<MeshConfig>): Mutation {
  const create = (options: NodeOptions, now: number): MeshNode =>
    new MeshNode({ ...options, config: { ...options.config, ...wrong(options.config) } }, now);
  return { name, bug, with: (run) => run(create) };
}

/** A bug in one method: `broken` gets the sound one. */
function broken<T extends object, K extends keyof T>(
  name: string,
  bug: string,
  at: { readonly prototype: T; readonly method: K },
  breakIt: (sound: T[K]) => T[K],
): Mutation {
  return {
    name,
    bug,
    with: (run) => {
      const sound = at.prototype[at.method];
      at.prototype[at.method] = breakIt(sound);
      try {
        return run(undefined);
      } finally {
        at.prototype[at.method] = sound;
      }
    },
  };
}

/** A bug in what readers are shown. */
function shown(name: string, bug: string, wrong: (view: View) => Partial<View>): Mutation {
  class Showing extends MeshNode {
    override get view(): View {
      const view = super.view;
      const lies: Partial<Record<PropertyKey, unknown>> = wrong(view);
      return new Proxy(view, {
        get: (target, key) => {
          const value: unknown = lies[key] ?? Reflect.get(target, key, target);
          return typeof value === 'function' && lies[key] === undefined ? value.bind(target) : value;
        },
      });
    }
  }
  return { name, bug, with: (run) => run((options, now) => new Showing(options, now)) };
}

/**
 * Two rules hold back who was stalled: a late timer waits, and who hears from nobody keeps silent. Each covers for the other,
 * so the bug is to have neither.
 */
function hasty(): Mutation {
  const late = misconfigured('late timer gives a verdict', '', () => ({ lateTickMs: 1_000_000_000 }));
  const deaf = broken('', '', { prototype: Restraint.prototype, method: 'isUnheard' }, () => () => false);
  const deafer = broken('', '', { prototype: Restraint.prototype, method: 'putsOff' }, () => () => false);
  return {
    name: late.name,
    bug: 'a node that was stalled passes judgement before it looked at what came meanwhile',
    with: (run) => deaf.with(() => deafer.with(() => late.with(run))),
  };
}

export const mutations: readonly Mutation[] = [
  broken(
    'refutation ignored',
    'an accused member never answers with a higher incarnation',
    { prototype: Membership.prototype, method: 'refute' },
    () =>
      function refute(): void {
        // Says nothing.
      },
  ),
  misconfigured('tombstone dropped early', 'the departed are forgotten half a second after they go', () => ({
    leftTombstoneMs: 500,
    failedTombstoneMs: 500,
  })),
  hasty(),
  broken(
    'delta gap applied',
    'a delta is applied although versions before it are missing, and what its head says of the result is taken on trust',
    { prototype: Replica.prototype, method: 'apply' },
    (sound) =>
      function apply(this: Replica, delta, notary) {
        const result = sound.call(this, delta, notary);
        if (result.type !== 'gap' || delta.head.value.epoch !== this.epoch) return result;
        const keys = new Set(delta.upserts.map((sealed) => recordKey(sealed.record.value)));
        const added = [...keys].filter((key) => this.get(key) === undefined).length;
        const removed = delta.removals.filter((key) => this.get(key) !== undefined && !keys.has(key)).length;
        const value = { ...delta.head.value, count: this.size + added - removed };
        const trusting = { ...notary, digest: () => value.digest };
        return sound.call(this, { ...delta, head: { ...delta.head, value }, after: this.version }, trusting);
      },
  ),
  broken(
    'lower epoch accepted',
    'a record of an earlier boot replaces that of a later one',
    { prototype: Membership.prototype, method: 'merge' },
    (sound) =>
      function merge(this: Membership, fact, from) {
        const known = this.get(fact.record.value.id);
        if (known !== undefined && known !== this.self && fact.record.value.epoch < known.signed.value.epoch)
          known.signed = fact.record;
        sound.call(this, fact, from);
      },
  ),
  misconfigured('suspicion never shrinks', 'confirmations by others do not shorten a suspicion', (config) => ({
    suspicionMult: config.suspicionMult * config.suspicionMaxMult,
    suspicionMaxMult: 1,
  })),
  misconfigured('suspicion of a moment', 'a suspicion lasts a moment, whoever confirms it', () => ({
    suspicionMult: 0.1,
    suspicionMaxMult: 1,
  })),
  misconfigured('suspicion too short', 'a suspicion lasts an eighth of what it should', (config) => ({
    suspicionMult: config.suspicionMult / 8,
  })),
  misconfigured('nobody is asked', 'no other member is asked before one is accused', () => ({ indirectProbes: 0 })),
  misconfigured('accusations without end', 'one member may accuse as many as it likes', () => ({ accusationsOpen: 1_000_000 })),
  misconfigured('late timers judge', 'a timer that is late passes judgement', () => ({ lateTickMs: 1_000_000_000 })),
  broken(
    'news pushed twice',
    'each piece of news is passed on twice',
    { prototype: Dissemination.prototype, method: 'push' },
    (sound) =>
      function push(this: Dissemination, key, before, from) {
        sound.call(this, key, before, from);
        sound.call(this, key, before, from);
      },
  ),
  broken(
    'queues of lost links are kept',
    'what waits for a link is kept when the link is gone',
    { prototype: Dissemination.prototype, method: 'drop' },
    () =>
      function drop(): void {
        // It may come back.
      },
  ),
  broken(
    'departed never forgotten',
    'the row of who is gone is never dropped',
    { prototype: Membership.prototype, method: 'reap' },
    () =>
      function reap(): void {
        // Keeps it.
      },
  ),
  broken(
    'accusations not verified',
    'an accusation is believed whoever signed it',
    { prototype: Turn.prototype, method: 'verified' },
    (sound) =>
      function verified(this: Turn, type, author, signed, from) {
        return type === 'accusation' || sound.call(this, type, author, signed, from);
      },
  ),
  broken(
    'hearsay is admitted',
    'a member is routed to before anybody had an answer from it',
    { prototype: Membership.prototype, method: 'merge' },
    (sound) =>
      function merge(this: Membership, fact, from) {
        sound.call(this, { ...fact, verified: true }, from);
      },
  ),
  broken(
    'other meshes heard',
    'what a member says in another mesh is taken in',
    { prototype: Membership.prototype, method: 'merge' },
    (sound) =>
      function merge(this: Membership, fact, from) {
        const { id, mesh } = fact.record.value;
        const known = this.get(id);
        const isForeign = known !== undefined && known !== this.self && mesh !== known.signed.value.mesh;
        if (isForeign) known.signed = fact.record;
        else sound.call(this, fact, from);
      },
  ),
  broken(
    'nobody is held out',
    'a member that fails by turns is back in rotation with each answer',
    { prototype: HoldDown.prototype, method: 'ended' },
    (sound) =>
      function ended(this: HoldDown, id, members, now) {
        sound.call(this, id, members, now);
        return now;
      },
  ),
  broken(
    'failed for nothing',
    'a suspicion that ran out fails a member that was cleared meanwhile',
    { prototype: Membership.prototype, method: 'heardFrom' },
    () =>
      function heardFrom(): void {
        // What speaks for a member is not heard.
      },
  ),
  broken(
    'lost links are not dialled',
    'who lost a link waits for the other side to dial',
    { prototype: Links.prototype, method: 'dialDue' },
    (sound) =>
      function dialDue(this: Links, key) {
        if (this.size > 0 || key.startsWith('seed/')) sound.call(this, key);
      },
  ),
  broken(
    'nothing is probed',
    'members are not probed',
    { prototype: Prober.prototype, method: 'probe' },
    () =>
      function probe(): void {
        // Waits for news.
      },
  ),
  broken(
    'nothing is repaired',
    'what a push did not bring is not asked for',
    { prototype: AntiEntropy.prototype, method: 'rootHeard' },
    () =>
      function rootHeard(): void {
        // Trusts that all is told.
      },
  ),
  {
    name: 'epoch not kept',
    bug: 'each boot is the first',
    with: (run) => run((options, now) => new MeshNode({ ...options, epoch: 1 }, now)),
  },
  broken(
    'raised epoch not kept',
    'a node that learns that its epoch was in use goes beyond it, and does not write that down',
    { prototype: Turn.prototype, method: 'persist' },
    (sound) =>
      function persist(this: Turn, change) {
        if (change.type !== 'epoch') sound.call(this, change);
      },
  ),
  {
    name: 'two words under one claim',
    bug: 'each boot is the first, and says something else',
    with: (run) => {
      let boots = 0;
      return run((options, now) => new MeshNode({ ...options, epoch: 1, tags: { boot: String(boots++) } }, now));
    },
  },
  broken(
    'failed and heard again',
    'a failed member is back with the next answer, under its old claim',
    { prototype: Membership.prototype, method: 'heardFrom' },
    (sound) =>
      function heardFrom(this: Membership, id, epoch) {
        const member = this.get(id);
        if (member?.status === 'failed') member.status = 'alive';
        sound.call(this, id, epoch);
      },
  ),
  (() => {
    let looks = 0;
    return shown('left and failed', 'who left is shown as failed by turns', (view) => ({
      members: () => {
        const status = looks++ % 2 === 0 ? 'failed' : 'left';
        return [...view.members()].map((member) => (member.status === 'left' ? { ...member, status } : member));
      },
    }));
  })(),
  broken(
    'records not verified',
    'a record is believed whoever signed it',
    { prototype: Turn.prototype, method: 'verified' },
    (sound) =>
      function verified(this: Turn, type, author, signed, from) {
        return type === 'member' || sound.call(this, type, author, signed, from);
      },
  ),
  broken(
    'accused believes it',
    'an accused member takes itself for suspect',
    { prototype: Membership.prototype, method: 'mergeAccusation' },
    (sound) =>
      function mergeAccusation(this: Membership, signed, from) {
        if (signed.value.subject === this.self.id) this.self.status = 'suspect';
        sound.call(this, signed, from);
      },
  ),
  (() => {
    /** A process that slept finds its wall clock far ahead; so does one whose clock was set. */
    class Sleeper extends MeshNode {
      #wallMs: number | undefined;
      override step(...[input, now]: Parameters<MeshNode['step']>): ReturnType<MeshNode['step']> {
        const effects = super.step(input, now);
        if (input.type !== 'clock') return effects;
        const isSet = this.#wallMs !== undefined && Math.abs(input.wallMs - now - this.#wallMs) > 10_000;
        this.#wallMs = input.wallMs - now;
        if (!isSet) return effects;
        const links = [...this.view.members()].filter(({ id, linked }) => linked && id !== this.self).map(({ id }) => id);
        return [...effects, ...links.map((to) => ({ type: 'disconnect', to, reason: 'slept' }) as const)];
      }
    }
    return {
      name: 'set clocks are taken for sleep',
      bug: 'a node whose wall clock was set takes itself for one that slept, and gives its links up',
      with: (run) => run((options, now) => new Sleeper(options, now)),
    };
  })(),
  misconfigured('one word is enough', 'one accuser takes a member out of rotation', () => ({ accusersToEvict: 1 })),
  shown('all is routable', 'instances of those who are gone are shown as routable', (view) => ({
    instancesOf: (owner) => view.instancesOf(owner).map((instance) => ({ ...instance, routable: true })),
  })),
  shown('index stands still', 'a view has the index of the one before', () => ({ index: () => 1 })),
  broken(
    'suspicions never end',
    'a suspicion that ran out has no consequence',
    { prototype: Membership.prototype, method: 'suspicionExpired' },
    () =>
      function suspicionExpired(): void {
        // Goes on waiting.
      },
  ),
  broken(
    'suspects serve',
    'whoever others accuse stays in rotation until it is failed',
    { prototype: Witnesses.prototype, method: 'onOurSide' },
    () => () => 0,
  ),
  broken(
    'verdicts put off for ever',
    'a verdict that is put off is never given',
    { prototype: Restraint.prototype, method: 'putsOff' },
    () => () => true,
  ),
  broken(
    'registrations not kept',
    'what is registered is not written down',
    { prototype: Turn.prototype, method: 'persist' },
    (sound) =>
      function persist(this: Turn, change) {
        if (change.type !== 'registration') sound.call(this, change);
      },
  ),
  broken(
    'config not kept',
    'the versions of config entries are not written down',
    { prototype: Turn.prototype, method: 'persist' },
    (sound) =>
      function persist(this: Turn, change) {
        if (change.type !== 'config') sound.call(this, change);
      },
  ),
  (() => {
    const met = new WeakSet<Links>();
    return broken(
      'alone for ever',
      'who lost all of its links dials nobody',
      { prototype: Links.prototype, method: 'dialDue' },
      (sound) =>
        function dialDue(this: Links, key) {
          if (this.size > 0) met.add(this);
          if (this.size > 0 || !met.has(this)) sound.call(this, key);
        },
    );
  })(),
  (() => {
    const first = new WeakMap<Membership, Signed<MemberRecord>>();
    return broken(
      'old words repeated',
      'a member that refutes a second time says what it said at first',
      { prototype: Membership.prototype, method: 'refute' },
      (sound) =>
        function refute(this: Membership) {
          const said = first.get(this);
          if (said === undefined) first.set(this, this.self.signed);
          sound.call(this);
          if (said !== undefined) this.self.signed = said;
        },
    );
  })(),
];
