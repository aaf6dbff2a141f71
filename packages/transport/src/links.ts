/**
 * One link per peer. Both sides may dial at once, and either may have lost a connection that the other still has, so
 * somebody must decide which connection is the link: the peer with the smaller id does. Its own dial wins over a
 * crossing one; a connection that was opened after its link was made replaces that link, since the peer would not have
 * dialled if the link worked for it. The other side takes what the smaller id decided.
 *
 * (A rule that could sit in libp2p's connection gater is in the hello instead: there it has a name, `duplicate`, that the
 * peer sees, a dial that hangs refuses nobody, and the epoch is known.)
 */

import type { NodeId } from '@skein/core';
import type { RefusalNotice } from './admission.ts';
import type { Session } from './session.ts';

/** A dial of ours whose peer is known and whose hello is under way. */
export interface Handshake {
  readonly startedAtMs: number;
  readonly session: Session;
}

/** Short enough for a refusal: both sides log it. */
function staleEpoch(theirs: number, linked: number): string {
  return (
    `boot ${theirs} of this identity is older than boot ${linked}, which is linked. If both run, two agents use one ` +
    'identity (a copied data directory?): give one of them a new, empty data directory'
  );
}

export class Links {
  readonly #self: NodeId;
  readonly #links = new Map<NodeId, Session>();
  readonly #handshakes = new Map<NodeId, Handshake>();

  constructor(self: NodeId) {
    this.#self = self;
  }

  get size(): number {
    return this.#links.size;
  }

  get(peer: NodeId): Session | undefined {
    return this.#links.get(peer);
  }

  all(): Iterable<Session> {
    return this.#links.values();
  }

  handshake(peer: NodeId): Handshake | undefined {
    return this.#handshakes.get(peer);
  }

  startHandshake(handshake: Handshake): void {
    this.#handshakes.set(handshake.session.peer, handshake);
  }

  endHandshake(handshake: Handshake): void {
    const { peer } = handshake.session;
    if (this.#handshakes.get(peer) === handshake) this.#handshakes.delete(peer);
  }

  /** Whether a link is good enough for a dial that started at `startedAtMs`. */
  satisfies(peer: NodeId, fresh: boolean, startedAtMs: number): boolean {
    const link = this.#links.get(peer);
    return link !== undefined && (!fresh || link.admittedAtMs >= startedAtMs);
  }

  /** Decides on an inbound connection whose hello and proof hold. Undefined: it becomes the link. */
  objection(session: Session, epoch: number): RefusalNotice | undefined {
    const { peer } = session;
    const link = this.#links.get(peer);
    if (link !== undefined) {
      if (epoch < link.epoch) return { reason: 'stale-epoch', detail: staleEpoch(epoch, link.epoch) };
      if (epoch > link.epoch) return undefined;
    }
    if (this.#self > peer) return undefined;
    if (link !== undefined && link.admittedAtMs >= session.openedAtMs) {
      return { reason: 'duplicate', detail: 'there is a link already' };
    }
    if (this.#handshakes.has(peer)) return { reason: 'duplicate', detail: 'a dial from this side is under way' };
    return undefined;
  }

  /** Makes a session the link of its peer. Returns the one that it replaces. */
  install(session: Session): Session | undefined {
    const old = this.#links.get(session.peer);
    this.#links.set(session.peer, session);
    return old;
  }

  /** Forgets a session that ended. Returns whether it was the link: a replaced one was not. */
  remove(session: Session): boolean {
    if (this.#links.get(session.peer) !== session) return false;
    return this.#links.delete(session.peer);
  }
}
