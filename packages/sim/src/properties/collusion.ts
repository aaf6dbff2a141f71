/** What a few liars cannot do, whatever they say together. */

import type { MemberView, NodeId } from '@skein/core';
import { configOf } from '../plan.ts';
import type { Property, SceneNode } from '../property.ts';
import { Liars } from './liars.ts';
import { isAlone, Wellbeing } from './wellbeing.ts';

export const liarsRemoveNobody: Property = {
  name: 'L12 too few liars remove nobody',
  doc: 'a member that only liars accuse, and fewer of them than it takes to evict, stays in rotation at everybody who is honest, and in the mesh for as long as it answers',
  kind: 'always',
  begin: (scene) => {
    const { accusersToEvict } = configOf(scene.plan);
    const liars = new Liars(scene);
    const wellbeing = new Wellbeing(scene);
    let isArmed = false;
    const isLiar = (id: NodeId): boolean => liars.has(id) || liars.madeUp(id);
    /** Whether it is lies, and too few, that are said of a member of whom its observer has no doubt itself. */
    const isOnlyLiedAbout = (node: SceneNode, { id, accusers }: MemberView): boolean => {
      if (accusers.length === 0 || !accusers.every(isLiar) || isLiar(node.id) || isLiar(id) || id === node.id) return false;
      // Where hardly anybody is left, one word is all there can be.
      return accusers.length < Math.min(accusersToEvict, Math.max(1, node.view().aliveCount - 1));
    };
    return {
      fault: (span) => liars.note(span),
      boot: (node) => {
        liars.booted(node);
        wellbeing.booted(node.index);
      },
      member: (node, before, after) => {
        if (!isArmed && after !== undefined && after.accusers !== before?.accusers) isArmed = isOnlyLiedAbout(node, after);
        return undefined;
      },
      event: (node, event) => {
        const isOut = event.type === 'reachability-changed' && !event.reachable;
        const isRemoved = event.type === 'member-changed' && event.to === 'failed';
        if (!isOut && !isRemoved) return undefined;
        const member = node.view().member(event.id);
        if (member === undefined || !isOnlyLiedAbout(node, member)) return undefined;
        const { accusers, record, verified, status } = member;
        const whom = `${event.id}, whom only ${accusers.join(', ')} ${accusers.length === 1 ? 'accuses' : 'accuse'}`;
        if (isOut) {
          // Who leaves, and who never answered anybody, is in no rotation anyhow.
          if (record.status !== 'alive' || !verified || status !== 'suspect') return undefined;
          return `${whom}, went out of rotation: ${event.reason}`;
        }
        const subject = scene.nodes.find(({ id }) => id === event.id);
        if (subject?.isRunning !== true || isAlone(subject) || wellbeing.isExcused(subject.index, 'subject')) return undefined;
        return wellbeing.isExcused(node.index, 'observer') ? undefined : `${whom}, was failed: ${event.reason}`;
      },
      armed: () => isArmed,
    };
  },
};

export const collusionProperties: readonly Property[] = [liarsRemoveNobody];
