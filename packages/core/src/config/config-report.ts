/**
 * When a node tells the mesh which config it applies: it is in the head of its catalog, which it signs anyway, so that each
 * change of that tells it for nothing. By itself it is told late, and once for all that changed meanwhile: an entry goes to all
 * nodes at once, and then each of them has something to say to all others. The more nodes, the longer they take to say it, so
 * that one node hears no more of it in a second than in a small mesh.
 */

import type { Turn } from '../turn.ts';

export interface ConfigReportListener {
  /** Which config this node applies, and which the head of its catalog says. */
  readonly applied: () => string;
  readonly told: () => string;
  /** How many nodes there are. */
  readonly nodeCount: () => number;
  /** Makes a head that says it. */
  readonly tell: () => void;
}

/** The least time from a change to telling. */
const quietMs = 1000;
/** Over so much time for each node, and over this at least, nodes spread what they tell: 50 heads a second in the whole mesh. */
const spreadPerNodeMs = 20;
const spreadMinMs = 1000;

/** What the last one to tell needs to be heard everywhere: half a second at each of some hops, and a round of repairs. */
const hearMs = 3000;

/** Within this time, as a rule, all nodes of a mesh of so many have heard from each what it applies, after that changed. */
export function configReportMs(nodes: number): number {
  return quietMs + spreadMs(nodes) + hearMs;
}

function spreadMs(nodes: number): number {
  return Math.max(spreadMinMs, spreadPerNodeMs * nodes);
}

export class ConfigReport {
  readonly #turn: Turn;
  readonly #listener: ConfigReportListener;

  constructor(turn: Turn, listener: ConfigReportListener) {
    this.#turn = turn;
    this.#listener = listener;
  }

  /** An entry changed. */
  changed(): void {
    const { deadlines, now, rng } = this.#turn;
    const { applied, told, nodeCount } = this.#listener;
    if (deadlines.has('config-report') || applied() === told()) return;
    deadlines.set('config-report', now + quietMs + rng.below(spreadMs(nodeCount())));
  }

  /** The deadline `config-report`. Somebody may have changed it back, or another change of the catalog may have told it. */
  due(): void {
    if (this.#listener.applied() !== this.#listener.told()) this.#listener.tell();
  }
}
