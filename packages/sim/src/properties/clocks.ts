/** Liveness in spite of wall clocks: they are set, by an administrator or by NTP, and the mesh does not notice. */

import type { Effect, MeshEvent } from '@skein/core';
import { durationText } from '../duration.ts';
import type { Property } from '../property.ts';

/** What says something of members, or ends or begins a link. What waits for its window may go out with any input. */
const aboutMembers: ReadonlySet<MeshEvent['type']> = new Set([
  'member-changed',
  'reachability-changed',
  'member-reaped',
  'refuted',
  'isolated',
]);

function isAct(effect: Effect): boolean {
  if (effect.type === 'connect' || effect.type === 'disconnect') return true;
  if (effect.type === 'send') return effect.message.type === 'ping' || effect.message.type === 'ping-request';
  return effect.type === 'emit' && aboutMembers.has(effect.event.type);
}

function actText(effect: Effect): string {
  if (effect.type === 'emit') return effect.event.type;
  return effect.type === 'send' ? effect.message.type : effect.type;
}

export const wallClockDecidesNothing: Property = {
  name: 'L11 a wall clock that is set changes nothing',
  doc: 'when a node learns that its wall clock was set forward or back, by whatever it was, it judges, dials, probes and drops nobody for that, and no timer of it moves',
  kind: 'always',
  begin: () => {
    /** By node: by how much its clock was set since it last looked. */
    const setMs = new Map<number, number>();
    let isArmed = false;
    return {
      fault: ({ fault }) => {
        if (fault.type === 'step-clock') setMs.set(fault.node, (setMs.get(fault.node) ?? 0) + fault.byMs);
      },
      // Who boots has known no other clock.
      boot: (node) => void setMs.delete(node.index),
      step: (node, { input, effects, movesTimers }) => {
        const byMs = input.type === 'clock' ? setMs.get(node.index) : undefined;
        if (byMs === undefined) return undefined;
        setMs.delete(node.index);
        isArmed = true;
        const when = `when its clock was ${byMs < 0 ? 'back' : 'forward'} by ${durationText(Math.abs(byMs))}`;
        const act = effects.find(isAct);
        if (act !== undefined) return `${node.name}: ${actText(act)}, ${when}`;
        return movesTimers ? `${node.name}: its timers moved ${when}` : undefined;
      },
      armed: () => isArmed,
    };
  },
};

export const clockProperties: readonly Property[] = [wallClockDecidesNothing];
