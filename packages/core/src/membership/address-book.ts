/**
 * Who this node could dial after a restart: the members it knows, and those of earlier boots that it did not hear of
 * yet. Written down when the members change, so that a mesh whose hosts all restart finds itself again without seeds.
 *
 * Step by step: restart.txt in test/datadriven.
 */

import type { KnownPeer } from '../effect.ts';
import type { NodeId } from '../identity.ts';
import { sample } from '../rng.ts';
import type { Turn } from '../turn.ts';
import { hasLeft, type Member } from './member.ts';

/** Of more members than this a random choice is written: any one of them that is still there knows all others. */
const peersMax = 512;
/** Written this long after the last change, and no sooner after than one millisecond per member, since a write goes through all of them. */
const writeDelayMs = 200;

export class AddressBook {
  readonly #turn: Turn;
  readonly #members: () => Iterable<Member>;
  /** Peers of earlier boots that were not heard of yet. */
  readonly #remembered = new Map<NodeId, KnownPeer>();
  /** How many peers the list on disk has. */
  #written = 0;

  constructor(turn: Turn, members: () => Iterable<Member>) {
    this.#turn = turn;
    this.#members = members;
  }

  start(peers: readonly KnownPeer[]): void {
    for (const peer of peers) if (peer.id !== this.#turn.self) this.#remembered.set(peer.id, peer);
    this.#written = this.#remembered.size;
    this.#armForget();
  }

  /**
   * Another member was heard of, changed or forgotten. `count`: how many are known. The first one is written at once:
   * a node that stops a moment later could not find the mesh again without it, and finds everybody with it.
   */
  touch(id: NodeId, count: number): void {
    this.#remembered.delete(id);
    this.#turn.deadlines.setEarlier('peers', this.#turn.now + (this.#written === 0 ? 0 : Math.max(writeDelayMs, count)));
  }

  /** The deadline `peers`. */
  write(): void {
    const members: Member[] = [];
    for (const member of this.#members()) if (member.id !== this.#turn.self && !hasLeft(member)) members.push(member);
    const chosen = members.length > peersMax ? sample(members, peersMax, this.#turn.rng) : members;
    const peers = chosen.map(({ id, signed }): KnownPeer => {
      const { name, addresses } = signed.value;
      return { id, name, addresses };
    });
    for (const peer of this.#remembered.values()) peers.push(peer);
    this.#written = peers.length;
    this.#turn.persist({ type: 'peers', peers });
  }

  /**
   * The deadline `remembered`: a peer of an earlier boot of whom nobody in the mesh has heard for as long as one is
   * remembered is gone. Returns whom nobody has to dial any more.
   */
  forget(isAlone: boolean): readonly NodeId[] {
    this.#armForget();
    if (isAlone) return [];
    const gone = [...this.#remembered.keys()];
    this.#remembered.clear();
    this.#turn.deadlines.setEarlier('peers', this.#turn.now + writeDelayMs);
    return gone;
  }

  #armForget(): void {
    this.#turn.again('remembered', this.#turn.config.failedTombstoneMs);
  }
}
