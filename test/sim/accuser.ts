/** A hostile member: a node as any other, that accuses everybody to everybody, for ever, under whatever claim they make. */

import { MeshNode } from '@skein/core';
import type { Effect, Input, NodeId, NodeOptions, Notary, View } from '@skein/core';
import type { NodeLogic } from '@skein/sim';

/** So often it accuses all of them again. */
const againMs = 250;

export class Accuser implements NodeLogic {
  readonly self: NodeId;
  readonly #node: MeshNode;
  readonly #notary: Notary;
  readonly #mesh: string;
  /** Its own kind, which it spares. */
  readonly #friends: ReadonlySet<NodeId>;
  readonly #startAt: number;
  readonly #links = new Set<NodeId>();
  #sentAt = 0;
  #sequence = 0;

  constructor(options: NodeOptions, now: number, friends: ReadonlySet<NodeId>, afterMs: number) {
    this.#node = new MeshNode(options, now);
    this.self = this.#node.self;
    this.#notary = options.notary;
    this.#mesh = options.mesh;
    this.#friends = friends;
    this.#startAt = now + afterMs;
  }

  start(now: number): readonly Effect[] {
    return this.#node.start(now);
  }

  step(input: Input, now: number): readonly Effect[] {
    if (input.type === 'peer' && input.state === 'linked') this.#links.add(input.id);
    if (input.type === 'peer' && input.state === 'lost') this.#links.delete(input.id);
    const effects = this.#node.step(input, now);
    if (now < this.#startAt || now - this.#sentAt < againMs) return effects;
    this.#sentAt = now;
    return [...effects, ...this.#accuseAll()];
  }

  dispatch(...command: Parameters<MeshNode['dispatch']>): ReturnType<MeshNode['dispatch']> {
    return this.#node.dispatch(...command);
  }

  nextDeadline(): number | undefined {
    return this.#node.nextDeadline();
  }

  get epoch(): number {
    return this.#node.epoch;
  }

  get view(): View {
    return this.#node.view;
  }

  #accuseAll(): Effect[] {
    const accusations = [...this.view.members()]
      .filter(({ id }) => !this.#friends.has(id))
      .map(({ id, record: { epoch, incarnation } }) =>
        this.#notary.sign('accusation', {
          mesh: this.#mesh,
          accuser: this.self,
          subject: id,
          epoch,
          incarnation,
          reason: 'dial-refused',
          sequence: ++this.#sequence,
        }),
      );
    const message = { type: 'gossip', members: [], accusations, deltas: [], heads: [], configs: [] } as const;
    return [...this.#links].map((to) => ({ type: 'send', to, message, lane: 'wire' }));
  }
}
