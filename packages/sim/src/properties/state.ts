/** What a node keeps is bounded, by what there is and by what the settings say. */

import { limits } from '@skein/core';
import type { MemberView, MeshEvent, NodeId } from '@skein/core';
import { configOf } from '../plan.ts';
import type { Property, Scene, SceneNode } from '../property.ts';
import { Liars } from './liars.ts';
import { enoughAccusers } from './suspicions.ts';

/** All who ever ran. */
class Known {
  readonly #ids = new Set<NodeId>();
  readonly #scene: Scene;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  has(id: NodeId): boolean {
    if (this.#ids.has(id)) return true;
    for (const node of this.#scene.nodes) this.#ids.add(node.id);
    return this.#ids.has(id);
  }

  booted({ id }: SceneNode): void {
    this.#ids.add(id);
  }
}

/** Whom one accuser may have in doubt at a time, for all who believe it: a few, or one in twenty of those it is linked with. */
function openMax(scene: Scene): number {
  return Math.max(configOf(scene.plan).accusationsOpen, Math.floor((scene.nodes.length - 1) / 20));
}

/** Larger meshes have many suspects at once, and each of them has many who look: these are counted once, at the end. */
const countedMax = 64;

/** Bytes that one connection may hold: twice what makes it congested, for probes, or the one message that is larger. */
const linkBytesMax = Math.max(2 * 1_048_576, limits.syncMessageBytes);

/** What one process has of links. */
interface Own {
  /** Whom it is linked with, as it says itself, and since when. */
  readonly links: Map<NodeId, number>;
  /** Config entries that it ever had news of. */
  readonly entries: Set<string>;
}

/** Links of nodes, each with a member, and what waits for them: for each that there is, and for no other. */
class Links {
  readonly #scene: Scene;
  /** By process. */
  readonly #own = new Map<string, Own>();

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  note(node: SceneNode, event: MeshEvent): void {
    if (event.type === 'config-changed' || event.type === 'config-quarantined')
      this.#of(node).entries.add(`${event.kind}/${event.name}`);
    if (event.type !== 'link-changed') return;
    const { links } = this.#of(node);
    if (event.linked) links.set(event.id, this.#scene.nowMs);
    else links.delete(event.id);
  }

  /** What is wrong with those of a node now. */
  flaw(node: SceneNode): string | undefined {
    const { links } = this.#of(node);
    for (const { to, subjects } of node.linkQueues()) {
      if (!links.has(to)) return `${node.name} keeps for ${to} what it did not send, and has no link with it`;
      // Few wait as a rule, and to count all that there is costs.
      const most = subjects <= 1 ? 1 : Math.min(limits.linkQueue, this.#subjectsOf(node));
      if (subjects > most) return `${node.name} keeps news of ${subjects} subjects for ${to}, ${most} is the most`;
    }
    const bytes = this.#scene.mostBufferedBytes(node);
    return bytes > linkBytesMax ? `a link of ${node.name} held ${bytes} bytes, ${linkBytesMax} is the most` : undefined;
  }

  /** A link begins before its other end said who it is: that takes one round of anti-entropy, where news goes astray. */
  strange(node: SceneNode, ids: Iterable<NodeId> = this.#of(node).links.keys()): string | undefined {
    const { syncIntervalMs } = configOf(this.#scene.plan);
    const { links } = this.#of(node);
    for (const id of ids) {
      const sinceMs = links.get(id) ?? this.#scene.nowMs;
      if (this.#scene.nowMs - sinceMs > syncIntervalMs && node.view().member(id) === undefined)
        return `${node.name} has a link with ${id}, which it does not know`;
    }
    return undefined;
  }

  /** Of how much a node may have news: each member that it knows, the catalog of each, and each config entry. */
  #subjectsOf(node: SceneNode): number {
    const { entries } = this.#of(node);
    for (const { kind, name } of node.view().configEntries()) entries.add(`${kind}/${name}`);
    let members = 0;
    for (const _ of node.view().members()) members++;
    return 2 * members + entries.size;
  }

  #of({ id, boot }: SceneNode): Own {
    const key = `${id}/${boot}`;
    let own = this.#own.get(key);
    if (own === undefined) this.#own.set(key, (own = { links: new Map(), entries: new Set() }));
    return own;
  }
}

export const boundedState: Property = {
  name: 'S10 what is kept is bounded',
  doc: 'nobody knows members that never were, more accusers of one than are enough, more unconfirmed accusations of one accuser than it may make, more of the departed than the limit says, news of more subjects for a link than there are, more bytes than its buffer takes, anything for a link that is gone, or a link with one that it does not know; the limits of the departed and of a queue, 1024 and 4096, no drawn plan reaches (tests of the core do), and a simulated buffer drops what is too much itself',
  kind: 'always',
  begin: (scene) => {
    const known = new Known(scene);
    const liars = new Liars(scene);
    const links = new Links(scene);
    const most = openMax(scene);
    /** Those who were accused by enough, by observer and claim: what was said of them was right, and counts no more. */
    const confirmed = new Set<string>();
    const claimOf = (node: SceneNode, { id, record }: MemberView): string =>
      `${node.id}/${node.boot}/${id}@${record.epoch}.${record.incarnation}`;
    const isConfirmed = (node: SceneNode, member: MemberView): boolean => {
      const claim = claimOf(node, member);
      // Of one that leaves, one word is enough.
      const isNow = member.record.status !== 'alive' || member.accusers.length >= enoughAccusers(node.view().aliveCount);
      if (isNow) confirmed.add(claim);
      return confirmed.has(claim);
    };
    const tooManyOpen = (node: SceneNode, accuser: NodeId): string | undefined => {
      let open = 0;
      for (const member of node.view().members()) {
        if (member.status !== 'suspect' || !member.accusers.includes(accuser)) continue;
        if (isConfirmed(node, member)) continue;
        open++;
      }
      return open > most ? `${node.name} believes ${accuser} of ${open} members, ${most} is the most` : undefined;
    };
    return {
      boot: (node) => {
        known.booted(node);
        liars.booted(node);
      },
      fault: (span) => liars.note(span),
      event: (node, event) => {
        links.note(node, event);
        // News comes with changes, and a look at each step would cost more than the step.
        return event.type === 'view-changed' || event.type === 'link-changed' ? links.flaw(node) : undefined;
      },
      member: (node, before, after) => {
        if (after === undefined) return before === undefined ? undefined : links.strange(node, [before.id]);
        if (before === undefined && !known.has(after.id) && !liars.madeUp(after.id))
          return `${node.name} knows ${after.id}, which never was`;
        const { accusers } = after;
        if (accusers === before?.accusers || accusers.length === 0) return undefined;
        // Its own doubt may come on top of those who said so.
        if (accusers.length > limits.accusationsPerSubject + 1)
          return `${node.name} keeps ${accusers.length} accusers of ${after.id}`;
        // What came with the row itself came when fewer members were known, of whom fewer accusers are enough.
        if (before === undefined) confirmed.add(claimOf(node, after));
        if (scene.nodes.length > countedMax) return undefined;
        for (const accuser of accusers) {
          if (accuser === node.id || before?.accusers.includes(accuser) === true) continue;
          const found = tooManyOpen(node, accuser);
          if (found !== undefined) return found;
        }
        return undefined;
      },
      end: () => {
        for (const node of scene.nodes) {
          if (!node.isRunning) continue;
          const found = links.flaw(node) ?? (scene.phase === 'rest' ? links.strange(node) : undefined);
          if (found !== undefined) return found;
          let [gone, present] = [0, 0];
          for (const { status } of node.view().members()) {
            if (status === 'failed' || status === 'left') gone++;
            else present++;
          }
          const goneMax = Math.max(1024, 2 * present);
          if (gone > goneMax) return `${node.name} remembers ${gone} of the departed, ${goneMax} is the most`;
        }
        return undefined;
      },
    };
  },
};

export const stateProperties: readonly Property[] = [boundedState];
