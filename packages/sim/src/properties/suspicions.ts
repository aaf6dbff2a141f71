/** Safety of suspicions: how long one lasts at least, and who may begin it. */

import type { Input, MemberView, NodeId } from '@skein/core';
import { factsIn } from '../facts.ts';
import { configOf } from '../plan.ts';
import type { FaultPlan } from '../plan.ts';
import type { Property, Scene, SceneNode } from '../property.ts';
import { Liars } from './liars.ts';
import { Wellbeing } from './wellbeing.ts';

/** Accusers beyond the first that bring a suspicion down to its shortest, in a mesh of five and more. */
export const confirmationsMax = 3;

/** How many accusers are enough for the shortest suspicion in a mesh of so many members. */
export function enoughAccusers(members: number): number {
  return 1 + Math.max(0, Math.min(confirmationsMax, members - 2));
}

/** The formula of Lifeguard, written down once more: what a node uses is not asked. */
function leastSuspicionMs(plan: FaultPlan, members: number, accusers: number): number {
  const { suspicionMult, suspicionMaxMult, probeIntervalMs } = configOf(plan);
  const minMs = suspicionMult * Math.max(1, Math.log10(Math.max(1, members))) * probeIntervalMs;
  const enough = enoughAccusers(members);
  if (accusers >= enough) return minMs;
  const share = Math.log(Math.max(1, accusers)) / Math.log(enough);
  return Math.max(minMs, suspicionMaxMult * minMs - (suspicionMaxMult - 1) * minMs * share);
}

interface Suspicion {
  readonly sinceMs: number;
  /** The fewest members that its observer counted meanwhile, and the most accusers. */
  members: number;
  accusers: number;
}

/** A whole millisecond at either end, and the rounding of the formula. */
const roundingMs = 3;
/** Rows of larger meshes are not all looked at, so that accusers may have come and gone unseen. */
const allSeenMax = 64;

/** How fast the clock of a node ran at most, in parts per million. */
function driftOf(scene: Scene, node: SceneNode): number {
  let ppm = 0;
  for (const { fault } of scene.faults) {
    if (fault.type === 'drift' && fault.node === node.index) ppm += Math.abs(fault.ppm);
  }
  return ppm;
}

/** Those of whom a message says that they are gone. */
function toldGoneIn(input: Input): readonly NodeId[] {
  const { members = [] } = factsIn(input) ?? {};
  return members.filter(({ absentMs }) => absentMs > 0).map(({ record }) => record.value.id);
}

export const verdictsTakeTheirTime: Property = {
  name: 'S8 no verdict without a suspicion',
  doc: 'a member is failed only while somebody accuses it, and after it was suspect for as long as so many accusers and members make a suspicion',
  kind: 'always',
  begin: (scene) => {
    const suspicions = new Map<string, Suspicion>();
    const keyOf = (node: SceneNode, id: NodeId): string => `${node.id}/${node.boot}/${id}`;
    /** Whom a node heard of as gone: if it gets no answer either, it waits for nobody to confirm that. */
    const toldGone = new Set<string>();
    const note = (node: SceneNode, member: MemberView | undefined): void => {
      const suspicion = member === undefined ? undefined : suspicions.get(keyOf(node, member.id));
      if (member === undefined || suspicion === undefined) return;
      suspicion.members = Math.min(suspicion.members, node.view().aliveCount);
      suspicion.accusers = Math.max(suspicion.accusers, member.accusers.length);
    };
    return {
      step: (node, { input }) => {
        for (const id of toldGoneIn(input)) toldGone.add(keyOf(node, id));
        return undefined;
      },
      member: (node, _before, after) => {
        note(node, after);
        return undefined;
      },
      event: (node, event) => {
        if (event.type !== 'member-changed') return undefined;
        const key = keyOf(node, event.id);
        if (event.to === 'suspect') {
          suspicions.set(key, { sinceMs: scene.nowMs, members: node.view().aliveCount, accusers: 1 });
          return undefined;
        }
        const member = node.view().member(event.id);
        note(node, member);
        const suspicion = suspicions.get(key);
        suspicions.delete(key);
        if (event.to !== 'failed') return undefined;
        if (event.from !== 'suspect') return `${event.id} went from ${event.from ?? 'unknown'} to failed`;
        // A row that is gone already was of one whose tombstone had run out before, elsewhere.
        if (member?.accusers.length === 0) return `${event.id} is failed and nobody accuses it`;
        if (suspicion === undefined) return `${event.id} was failed and never suspect`;
        const isTold = toldGone.has(key) && member?.accusers.includes(node.id) === true;
        const accusers = isTold || scene.nodes.length > allSeenMax ? confirmationsMax + 1 : suspicion.accusers;
        const leastMs = leastSuspicionMs(scene.plan, suspicion.members, accusers);
        const tookMs = (scene.nowMs - suspicion.sinceMs) * (1 + driftOf(scene, node) / 1_000_000) + roundingMs;
        if (tookMs >= leastMs) return undefined;
        return `${event.id} was failed after ${scene.nowMs - suspicion.sinceMs} ms, ${suspicion.accusers} of ${suspicion.members} accuse it: ${Math.round(leastMs)} ms is the least`;
      },
    };
  },
};

const othersAreAsked: Property = {
  name: 'S8 others are asked first',
  doc: 'in a full mesh, nobody who is well accuses a member since a dial of its own timed out, unless it asked others before, there was nobody to ask when the dial began, their connection broke, others accuse it too, or it heard that the member is gone',
  kind: 'always',
  begin: (scene) => {
    const { fullMeshLeave, fullMeshReturn } = configOf(scene.plan);
    /** Processes that took the mesh for a large one, as they may where somebody makes members up. */
    const onRings = new Set<string>();
    // While its own paths fail by turns, an answer may come between a question and its end.
    const wellbeing = new Wellbeing(scene);
    /** By process: the members it met, and whether there is a reason to go by a dial alone. */
    const grounds = new Map<string, Map<NodeId, boolean>>();
    const groundsOf = ({ id, boot }: SceneNode): Map<NodeId, boolean> => {
      const key = `${id}/${boot}`;
      let found = grounds.get(key);
      if (found === undefined) grounds.set(key, (found = new Map<NodeId, boolean>()));
      return found;
    };
    const hasHelpers = (node: SceneNode, subject: NodeId): boolean => {
      for (const { id, linked, status } of node.view().members())
        if (linked && status === 'alive' && id !== subject && id !== node.id) return true;
      return false;
    };
    return {
      boot: (node) => wellbeing.booted(node.index),
      step: (node, { input, effects }) => {
        const own = groundsOf(node);
        if (input.type === 'peer' && (input.state === 'linked' || input.state === 'lost'))
          own.set(input.id, input.state === 'lost');
        else if (input.type === 'message' && input.message.type === 'ack') own.set(input.from, false);
        else for (const id of toldGoneIn(input)) own.set(id, true);
        for (const effect of effects) {
          if (effect.type === 'send' && effect.message.type === 'ping-request') own.set(effect.message.subject, true);
          // Who is alone with it when the dial begins that decides has nobody to ask, whoever comes before it ends.
          if (effect.type === 'connect' && effect.fresh && effect.to !== undefined && !hasHelpers(node, effect.to))
            own.set(effect.to, true);
          if (effect.type !== 'emit' || effect.event.type !== 'member-changed') continue;
          const { id, to, reason } = effect.event;
          if (to !== 'suspect' || reason !== 'accused by us: dial-timeout' || own.get(id) !== false) continue;
          if (scene.nodes.length >= fullMeshLeave || onRings.has(`${node.id}/${node.boot}`)) continue;
          if (wellbeing.isExcused(node.index, 'subject')) continue;
          if (hasHelpers(node, id)) return `${id} was ${reason}, and nobody else was asked`;
        }
        for (const effect of effects) if (effect.type === 'disconnect') own.set(effect.to, true);
        return undefined;
      },
      member: (node, before, after) => {
        if (after !== undefined && after.accusers.length > 0) groundsOf(node).set(after.id, true);
        if (scene.nodes.length >= fullMeshLeave || (before !== undefined && after !== undefined)) return undefined;
        const known = [...node.view().members()].length;
        if (known >= fullMeshLeave) onRings.add(`${node.id}/${node.boot}`);
        else if (known < fullMeshReturn) onRings.delete(`${node.id}/${node.boot}`);
        return undefined;
      },
    };
  },
};

const accusersSaidSo: Property = {
  name: 'S4 members accuse for themselves',
  doc: 'everybody that is shown to accuse a member did accuse that claim of it, and was a member itself',
  kind: 'always',
  begin: (scene) => {
    const said = new Set<string>();
    const liars = new Liars(scene);
    const sayingOf = (accuser: NodeId, { id, record }: MemberView): string =>
      `${accuser}>${id}@${record.epoch}.${record.incarnation}`;
    return {
      // What a liar signs, itself or for whom it made up, its own view does not show.
      fault: (span) => liars.note(span),
      boot: (node) => liars.booted(node),
      member: (node, before, after) => {
        if (after === undefined || after.accusers === before?.accusers || scene.nodes.length > allSeenMax) return undefined;
        if (after.accusers.includes(node.id)) said.add(sayingOf(node.id, after));
        const liar = after.accusers.find(
          (id) => id !== node.id && !liars.has(id) && !liars.madeUp(id) && !said.has(sayingOf(id, after)),
        );
        return liar === undefined
          ? undefined
          : `${node.name} holds that ${liar} accuses ${after.id} at (${after.record.epoch}, ${after.record.incarnation}), which it never did`;
      },
    };
  },
};

export const suspicionProperties: readonly Property[] = [verdictsTakeTheirTime, othersAreAsked, accusersSaidSo];
