/**
 * Who was well, and since when: what excuses a wrong verdict, told from the faults of a run alone. Nothing is kept while the
 * run goes; a verdict is rare, and only then is the history looked through.
 */

import type { Fault } from '../fault.ts';
import type { FaultSpan } from '../fault-schedule.ts';
import type { LinkSettings } from '../link.ts';
import { configOf, refutationBoundMs } from '../plan.ts';
import type { Scene, SceneNode } from '../property.ts';

/** A time in which a node was in trouble. */
interface Trouble {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Loss that a stream hides: what is lost is sent again 200 ms later. */
const lossMax = 0.15;
/** A busy process answers a second's probes within the second. */
const slowCpuMaxUs = 5000;

/** Whose trouble counts: of one that is judged all that keeps it from answering, of one that judges only what takes its network. */
export type Role = 'subject' | 'observer';

export class Wellbeing {
  readonly #scene: Scene;
  readonly #boots: { readonly node: number; readonly atMs: number }[] = [];

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  booted(node: number): void {
    // Once the mesh has formed, a boot is one of a node that was gone.
    if (this.#scene.chaosMs !== undefined) this.#boots.push({ node, atMs: this.#scene.nowMs });
  }

  /**
   * Whether a node has an excuse now: it is in trouble, or was so lately that what it says may not have got through. That takes
   * a refutation's time, and no longer than the trouble was beyond it, since retransmissions and dials back off as it lasts.
   */
  isExcused(node: number, role: Role): boolean {
    const { plan, nowMs } = this.#scene;
    const { redialMaxMs } = configOf(plan);
    const graceMs = refutationBoundMs(plan);
    return this.#troublesOf(node, role).some(
      ({ fromMs, toMs }) => nowMs <= toMs + graceMs + Math.min(toMs - fromMs, redialMaxMs),
    );
  }

  /** Whether a node has been in no trouble at all for so long. */
  isWellFor(node: number, ms: number): boolean {
    const sinceMs = this.#scene.nowMs - ms;
    return this.#troublesOf(node, 'subject').every(({ toMs }) => toMs < sinceMs);
  }

  /** Merged, in order of time. */
  #troublesOf(node: number, role: Role): Trouble[] {
    const { nowMs, faults } = this.#scene;
    const found = this.#ownTroubles(node, role);
    const network = faults.filter((span) => !isOwn(span.fault) && isBad(span.fault, this.#scene));
    const times = new Set(network.flatMap(({ atMs, endMs }) => [atMs, endMs ?? nowMs]));
    for (const span of faults) if (isOwn(span.fault)) times.add(span.atMs);
    for (const boot of this.#boots) times.add(boot.atMs);
    const order = [...times].filter((ms) => ms <= nowMs).sort((a, b) => a - b);
    order.forEach((fromMs, i) => {
      const toMs = order[i + 1] ?? nowMs;
      if (!this.#isAtLarge(node, network, fromMs)) found.push({ fromMs, toMs });
    });
    return merged(found);
  }

  #ownTroubles(node: number, role: Role): Trouble[] {
    const { faults, nowMs } = this.#scene;
    const found: Trouble[] = [];
    for (const { fault, atMs, endMs } of faults) {
      if (!('node' in fault) || fault.node !== node || !takesAway(fault, role)) continue;
      found.push({ fromMs: atMs, toMs: isGone(fault) ? this.#nextBootMs(node, atMs) : (endMs ?? nowMs) });
    }
    if (role === 'subject')
      for (const boot of this.#boots) if (boot.node === node) found.push({ fromMs: boot.atMs, toMs: boot.atMs });
    return found;
  }

  #nextBootMs(node: number, afterMs: number): number {
    return this.#boots.find((boot) => boot.node === node && boot.atMs >= afterMs)?.atMs ?? this.#scene.nowMs;
  }

  /** Whether a node has good paths, both ways, to more than half of the others, so that any two such have somebody in common. */
  #isAtLarge(node: number, network: readonly FaultSpan[], atMs: number): boolean {
    const lost = new Set<number>();
    for (const { fault, ...span } of network) {
      if (span.atMs > atMs || (span.endMs ?? Number.POSITIVE_INFINITY) <= atMs) continue;
      for (const other of partedFrom(fault, node)) lost.add(other);
    }
    if (lost.size > 0) {
      const { faults, nowMs } = this.#scene;
      for (const { fault, ...span } of faults) {
        if (!('node' in fault) || !takesAway(fault, 'subject') || span.atMs > atMs) continue;
        const endMs = isGone(fault) ? this.#nextBootMs(fault.node, span.atMs) : (span.endMs ?? nowMs + 1);
        if (endMs > atMs) lost.add(fault.node);
      }
    }
    lost.delete(node);
    const others = this.#scene.nodes.length - 1;
    return 2 * (others - lost.size) > others;
  }
}

/** Whether a node has no link with anybody. */
export function isAlone(node: SceneNode): boolean {
  for (const { id, linked } of node.view().members()) if (linked && id !== node.id) return false;
  return true;
}

/** Whether it happens to one node, and not on paths between them. */
function isOwn(fault: Fault): boolean {
  return 'node' in fault;
}

function isGone(fault: Fault): boolean {
  return fault.type === 'crash' || fault.type === 'power-off' || fault.type === 'leave';
}

/** Whether a fault takes away its node's part in the mesh. To be slow, or stalled, is no excuse for judging others. */
function takesAway(fault: Fault, role: Role): boolean {
  switch (fault.type) {
    case 'block-io':
      return true;
    case 'crash':
    case 'power-off':
    case 'leave':
    case 'pause':
    case 'lie':
      return role === 'subject';
    case 'slow-cpu':
      return role === 'subject' && fault.perMessageUs > slowCpuMaxUs;
    default:
      return false;
  }
}

/** Whether a network fault is more than what a stream hides. */
function isBad(fault: Fault, { plan }: Scene): boolean {
  return fault.type !== 'link' || isBadLink(fault.settings, configOf(plan).probeTimeoutMs, plan.loss);
}

function isBadLink(
  { loss = 0, latency, bandwidth = 0 }: Partial<LinkSettings>,
  probeTimeoutMs: number,
  planLoss: number,
): boolean {
  return Math.max(loss, planLoss) > lossMax || bandwidth > 0 || (latency !== undefined && latency.p99 > probeTimeoutMs * 500);
}

/** With whom a fault leaves a node no good path. */
function partedFrom(fault: Fault, node: number): readonly number[] {
  switch (fault.type) {
    case 'split': {
      const own = fault.groups.find((group) => group.includes(node));
      return own === undefined ? [] : fault.groups.filter((group) => group !== own).flat();
    }
    case 'cut':
    case 'clog':
    case 'flap':
    case 'corrupt':
    case 'link':
      return [...(fault.from.includes(node) ? fault.to : []), ...(fault.to.includes(node) ? fault.from : [])];
    default:
      return [];
  }
}

function merged(troubles: Trouble[]): Trouble[] {
  const sorted = troubles.sort((a, b) => a.fromMs - b.fromMs);
  const runs: { fromMs: number; toMs: number }[] = [];
  for (const { fromMs, toMs } of sorted) {
    const last = runs.at(-1);
    if (last !== undefined && fromMs <= last.toMs) last.toMs = Math.max(last.toMs, toMs);
    else runs.push({ fromMs, toMs });
  }
  return runs;
}
