/**
 * Bugs, put into the core on purpose: each is a mistake that an implementation of this kind has made somewhere. The swarm
 * has to find every one, or it would not find the next real one either.
 */

import { MeshNode, recordKey } from '@skein/core';
import type { MeshConfig, NodeOptions } from '@skein/core';
import { Membership, Replica, Restraint } from '@skein/core/parts';
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
];
