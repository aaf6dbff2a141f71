/** Safety of verdicts about members, and of what follows from them for traffic. */

import { topics } from '@skein/core';
import type { MemberView, NodeId, View } from '@skein/core';
import type { Fault } from '../fault.ts';
import { nodesOf } from '../fault-schedule.ts';
import { configOf, confirmedSuspicionBoundMs, reconnectBoundMs, suspicionBoundMs } from '../plan.ts';
import type { Property, Scene, SceneNode } from '../property.ts';

const lateTimers: Property = {
  name: 'S9 a late timer gives no verdict',
  doc: 'after a stall, nothing is concluded before what waits in the sockets was read',
  kind: 'always',
  begin: (scene) => {
    let resuming: SceneNode | undefined;
    const { lateTickMs, probeIntervalMs } = configOf(scene.plan);
    // A node has something to do in each of its intervals, which are twelve times as long at worst: after that, it is late.
    const surelyLateMs = lateTickMs + 12 * probeIntervalMs;
    return {
      resuming: (node, pausedMs) => {
        if (pausedMs > surelyLateMs) resuming = node;
      },
      resumed: () => {
        resuming = undefined;
      },
      event: (node, event) => {
        if (node !== resuming || event.type !== 'member-changed') return undefined;
        const isVerdict = event.to === 'failed' || (event.to === 'suspect' && event.reason.includes('by us: probe'));
        return isVerdict ? `${event.id} became ${event.to} the moment this node woke up (${event.reason})` : undefined;
      },
    };
  },
};

/** Whether traffic may go to a member. */
function isFit(member: MemberView | undefined): boolean {
  return (
    member !== undefined && member.reachable && member.verified && (member.status === 'alive' || member.status === 'suspect')
  );
}

function unfit(view: View, id: NodeId): string | undefined {
  const member = view.member(id);
  if (isFit(member)) return undefined;
  const bad = view.instancesOf(id).find((instance) => instance.routable);
  return bad === undefined ? undefined : `${bad.instance.id} on ${id}, which is ${member?.status ?? 'unknown'}, is routable`;
}

const routableAreFit: Property = {
  name: 'S11 traffic goes only where somebody is known to be',
  doc: 'an instance is routable only if its node is verified, reachable, and alive or suspect',
  kind: 'always',
  begin: () => ({
    member: (node, _before, after) => (after === undefined ? undefined : unfit(node.view(), after.id)),
    view: (_node, view, changed) => {
      for (const topic of changed) {
        if (!topic.startsWith('service/')) continue;
        for (const instance of view.service(topic.slice('service/'.length))?.instances ?? []) {
          if (instance.routable && !isFit(view.member(instance.owner)))
            return `${instance.instance.id} on ${instance.owner} is routable`;
        }
      }
      return undefined;
    },
  }),
};

const indexesGrow: Property = {
  name: 'S15 views only move forward',
  doc: 'the index of a view grows with every change, so that whoever waits for one wakes up',
  kind: 'always',
  begin: () => {
    const last = new Map<NodeId, number>();
    return {
      view: (node, view, changed) => {
        const before = last.get(node.id) ?? 0;
        const index = view.index(changed[0] ?? topics.members);
        last.set(node.id, Math.max(before, index));
        return index > before ? undefined : `index ${index} follows ${before}`;
      },
      // A wall clock that was set back, or a disk that was lost, is where an index may start over.
      boot: (node) => void last.delete(node.id),
    };
  },
};

/** Whether a fault on a node may make others fail it. Clocks and disks may not. */
function isBadForItself(fault: Fault): boolean {
  switch (fault.type) {
    case 'step-clock':
    case 'drift':
    case 'full-disk':
      return false;
    default:
      return true;
  }
}

/** Whether a fault on a node may make *it* fail others: only what takes its network away. To be slow is no excuse. */
function isBadForOthers(fault: Fault): boolean {
  return fault.type === 'block-io' || !('node' in fault);
}

/** Until when each node has an excuse. */
class Excuses {
  readonly #untilMs: number[] = [];
  readonly #counts: (fault: Fault) => boolean;
  readonly #graceMs: number;

  constructor(counts: (fault: Fault) => boolean, graceMs: number) {
    this.#counts = counts;
    this.#graceMs = graceMs;
  }

  note(fault: Fault, endMs: number | undefined): void {
    if (!this.#counts(fault)) return;
    // What stopped is excused until it comes back; `boot` says when.
    const lasts = endMs === undefined || fault.type === 'crash' || fault.type === 'power-off' || fault.type === 'leave';
    for (const node of nodesOf(fault)) this.#untilMs[node] = lasts ? Number.POSITIVE_INFINITY : (endMs ?? 0) + this.#graceMs;
  }

  booted(node: number, nowMs: number): void {
    this.#untilMs[node] = nowMs + this.#graceMs;
  }

  covers(node: number, nowMs: number): boolean {
    return nowMs <= (this.#untilMs[node] ?? -1);
  }
}

/** Loss that a stream hides well enough. */
const lossMax = 0.05;

function indexOf(scene: Scene, id: NodeId): number {
  return scene.nodes.findIndex((node) => node.id === id);
}

const theWellStay: Property = {
  name: 'L7 nobody that is well is removed',
  doc: 'a node that runs, answers and was connected for a while is never failed: not by the slow, the stalled, the confused or one liar',
  kind: 'always',
  begin: (scene) => {
    const { plan } = scene;
    // A refutation gets through once links are back (L5), and then has to spread.
    const graceMs = reconnectBoundMs(plan) + 2 * suspicionBoundMs(plan);
    const subjects = new Excuses(isBadForItself, graceMs);
    const observers = new Excuses(isBadForOthers, graceMs);
    return {
      fault: ({ fault, endMs }) => {
        subjects.note(fault, endMs);
        observers.note(fault, endMs);
      },
      boot: (node) => subjects.booted(node.index, scene.nowMs),
      event: (node, event) => {
        if (event.type !== 'member-changed' || event.to !== 'failed' || plan.loss > lossMax) return undefined;
        const subject = indexOf(scene, event.id);
        if (scene.nodes[subject]?.isRunning !== true || subjects.covers(subject, scene.nowMs)) return undefined;
        if (observers.covers(node.index, scene.nowMs)) return undefined;
        return `${event.id} is well and was failed: ${event.reason}`;
      },
    };
  },
};

/** Accusers beyond the first that bring a suspicion down to its shortest, in a mesh of five and more. */
const confirmationsMax = 3;

const confirmedEndsSoon: Property = {
  name: 'L2 a confirmed suspicion is short',
  doc: 'a member that enough others accuse is failed within the shortest suspicion, by observers that are well themselves',
  kind: 'always',
  begin: (scene) => {
    const { plan } = scene;
    const { lateTickMs, probeIntervalMs } = configOf(plan);
    const boundMs = confirmedSuspicionBoundMs(plan) + lateTickMs + probeIntervalMs;
    const sick = new Excuses(() => true, suspicionBoundMs(plan));
    const confirmedAtMs = new Map<string, number>();
    return {
      fault: ({ fault, endMs }) => sick.note(fault, endMs),
      boot: (node) => sick.booted(node.index, scene.nowMs),
      member: (node, _before, after) => {
        if (after === undefined) return undefined;
        const key = `${node.id}/${node.boot}/${after.id}`;
        const isConfirmed = after.status === 'suspect' && after.accusers.length > confirmationsMax;
        if (isConfirmed && !confirmedAtMs.has(key)) confirmedAtMs.set(key, scene.nowMs);
        const sinceMs = confirmedAtMs.get(key);
        if (isConfirmed || sinceMs === undefined) return undefined;
        confirmedAtMs.delete(key);
        const tookMs = scene.nowMs - sinceMs;
        if (after.status !== 'failed' || tookMs <= boundMs || sick.covers(node.index, scene.nowMs)) return undefined;
        return `${after.id} was failed ${tookMs} ms after enough others accused it, ${boundMs} ms is the most`;
      },
    };
  },
};

export const verdictProperties: readonly Property[] = [lateTimers, routableAreFit, indexesGrow, theWellStay, confirmedEndsSoon];
