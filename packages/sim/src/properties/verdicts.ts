/** Safety of verdicts about members, and of what follows from them for traffic. */

import { topics } from '@skein/core';
import type { MemberView, MeshEvent, NodeId, View } from '@skein/core';
import { factsIn } from '../facts.ts';
import { configOf, confirmedSuspicionBoundMs } from '../plan.ts';
import type { Property, SceneNode } from '../property.ts';
import { Liars } from './liars.ts';
import { confirmationsMax } from './suspicions.ts';
import { isAlone, Wellbeing } from './wellbeing.ts';

/** Whether an event of a node is a conclusion of its own about another: what a timer may bring about, and nothing that it was told. */
function isVerdict(node: SceneNode, event: MeshEvent): boolean {
  if (event.type === 'reachability-changed') return !event.reachable && event.id !== node.id;
  if (event.type !== 'member-changed') return false;
  return event.to === 'failed' || (event.to === 'suspect' && event.reason.startsWith('accused by us'));
}

const lateTimers: Property = {
  name: 'S9 a late timer gives no verdict',
  doc: 'a timer or a dial that is over late, after a pause, a stall or want of CPU, concludes nothing before what waits in the sockets was read',
  kind: 'always',
  begin: (scene) => {
    const { lateTickMs } = configOf(scene.plan);
    return {
      step: (node, { input, effects, lateMs }) => {
        if (lateMs <= lateTickMs) return undefined;
        for (const effect of effects) {
          if (effect.type !== 'emit' || !isVerdict(node, effect.event)) continue;
          const { event } = effect;
          const what = event.type === 'member-changed' ? `${event.id} became ${event.to}: ${event.reason}` : event.type;
          return `${what}, by a ${input.type} that was ${lateMs} ms late`;
        }
        return undefined;
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
        for (const instance of view.servicesNamed(topic.slice('service/'.length)).flatMap(({ instances }) => instances)) {
          if (instance.routable && !isFit(view.member(instance.owner)))
            return `${instance.instance.id} on ${instance.owner} is routable`;
        }
      }
      return undefined;
    },
  }),
};

const verifiedAnswered: Property = {
  name: 'S11 who is verified gave an answer',
  doc: 'a member is shown as verified only once somebody had a hello, an answer or its own word from that boot of it',
  kind: 'always',
  begin: (scene) => {
    const answered = new Set<string>();
    const key = (id: NodeId, epoch: number): string => `${id}@${epoch}`;
    /** Whom a member vouches for is believed: a minter vouches for whom it makes up, a zombie for all that it ever heard of. */
    let isVouchedFor = false;
    return {
      fault: ({ fault }) => {
        isVouchedFor ||= fault.type === 'lie' && (fault.lie === 'zombie' || fault.lie === 'minter');
      },
      step: (_node, { input }) => {
        if (input.type === 'peer' && input.state === 'linked') answered.add(key(input.id, input.epoch));
        if (input.type !== 'message') return undefined;
        const { from, message } = input;
        if (message.type === 'ack') answered.add(key(from, message.epoch));
        const { members = [] } = factsIn(input) ?? {};
        for (const { record } of members) if (record.value.id === from) answered.add(key(from, record.value.epoch));
        return undefined;
      },
      member: (node, before, after) => {
        if (after?.verified !== true || after.id === node.id) return undefined;
        if (before?.verified === true && before.record.epoch === after.record.epoch) return undefined;
        if (answered.has(key(after.id, after.record.epoch))) return undefined;
        if (isVouchedFor && !scene.nodes.some(({ id }) => id === after.id)) return undefined;
        return `${node.name} holds ${after.id} at epoch ${after.record.epoch} for verified, and nobody ever had an answer from it`;
      },
    };
  },
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

const theWellStay: Property = {
  name: 'L7 nobody that is well is removed',
  doc: 'a node that runs and answers most of the others is never failed by one that hears most of them: not by the slow, the stalled, the confused, one liar or one bad path',
  kind: 'always',
  begin: (scene) => {
    const wellbeing = new Wellbeing(scene);
    return {
      boot: (node) => wellbeing.booted(node.index),
      event: (node, event) => {
        if (event.type !== 'member-changed' || event.to !== 'failed') return undefined;
        const subject = scene.nodes.find(({ id }) => id === event.id);
        if (subject?.isRunning !== true || wellbeing.isExcused(subject.index, 'subject')) return undefined;
        // Who lost its disk and has only the address of one that is gone finds nobody; L5 is about the others.
        if (wellbeing.isExcused(node.index, 'observer') || isAlone(subject)) return undefined;
        return `${event.id} is well and was failed: ${event.reason}`;
      },
    };
  },
};

/** Who accuses besides the observer: what it doubts itself it may not have said. */
function othersOf(node: SceneNode, accusers: readonly NodeId[]): number {
  return accusers.length - Number(accusers.includes(node.id));
}

const confirmedEndsSoon: Property = {
  name: 'L2 a confirmed suspicion is short',
  doc: 'a member that enough others accuse is failed within the shortest suspicion, by observers that are well themselves',
  kind: 'always',
  begin: (scene) => {
    const { plan } = scene;
    const { lateTickMs, probeIntervalMs, probeTimeoutMs, indirectTimeoutMs } = configOf(plan);
    // Who heard from nobody for most of a probe's time, as happens on the smaller side of a split, waits until it heard somebody again.
    const unheardMs = 2 * probeTimeoutMs + indirectTimeoutMs;
    const boundMs = confirmedSuspicionBoundMs(plan) + lateTickMs + probeIntervalMs + unheardMs;
    const wellbeing = new Wellbeing(scene);
    const confirmedAtMs = new Map<string, number>();
    return {
      boot: (node) => wellbeing.booted(node.index),
      member: (node, _before, after) => {
        if (after === undefined) return undefined;
        const key = `${node.id}/${node.boot}/${after.id}`;
        const isConfirmed = after.status === 'suspect' && othersOf(node, after.accusers) > confirmationsMax;
        if (isConfirmed && !confirmedAtMs.has(key)) confirmedAtMs.set(key, scene.nowMs);
        const sinceMs = confirmedAtMs.get(key);
        if (isConfirmed || sinceMs === undefined) return undefined;
        confirmedAtMs.delete(key);
        const tookMs = scene.nowMs - sinceMs;
        if (after.status !== 'failed' || tookMs <= boundMs || wellbeing.isExcused(node.index, 'subject')) return undefined;
        return `${after.id} was failed ${tookMs} ms after enough others accused it, ${boundMs} ms is the most`;
      },
    };
  },
};

const outFirst: Property = {
  name: 'S11 out of rotation before it is failed',
  doc: 'a member that its observer accuses, or as many others as it takes to evict, is out of rotation there before it is failed, where the network of the observer works: traffic does not wait for verdicts',
  kind: 'always',
  begin: (scene) => {
    const { accusersToEvict } = configOf(scene.plan);
    // Who was parted from its accusers trusts its own links until the suspicion runs out.
    const wellbeing = new Wellbeing(scene);
    const liars = new Liars(scene);
    /** Who is in rotation, by its observer's process and its id. */
    const inRotation = new Set<string>();
    const note = (key: string, isIn: boolean): void => {
      if (isIn) inRotation.add(key);
      else inRotation.delete(key);
    };
    /** Whether what is said of a member takes it out of rotation. One word of another alone does not, until it is failed by it. */
    const isEnough = (node: SceneNode, { accusers }: MemberView): boolean => {
      // Who is failed now is not among the living any more; in a mesh of two, one word was all there could be.
      const heeded = accusers.filter((id) => !liars.madeUp(id));
      return heeded.includes(node.id) || heeded.length >= Math.min(accusersToEvict, Math.max(1, node.view().aliveCount));
    };
    return {
      boot: (node) => {
        wellbeing.booted(node.index);
        liars.booted(node);
      },
      fault: (span) => liars.note(span),
      event: (node, event) => {
        if (event.type !== 'reachability-changed' && event.type !== 'member-changed') return undefined;
        const key = `${node.id}/${node.boot}/${event.id}`;
        const member = node.view().member(event.id);
        if (event.type === 'reachability-changed') note(key, event.reachable);
        else if (event.from === undefined) note(key, member?.reachable === true);
        else if (event.to === 'failed' && inRotation.has(key) && member !== undefined && isEnough(node, member))
          return wellbeing.isExcused(node.index, 'observer')
            ? undefined
            : `${event.id} was in rotation until it was failed: ${event.reason}`;
        return undefined;
      },
    };
  },
};

export const verdictProperties: readonly Property[] = [
  lateTimers,
  outFirst,
  routableAreFit,
  verifiedAnswered,
  indexesGrow,
  theWellStay,
  confirmedEndsSoon,
];
