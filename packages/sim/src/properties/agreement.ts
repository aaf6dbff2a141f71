/** Liveness: what has to come true once the faults are over, and what must not happen when nothing does. */

import type { NodeId } from '@skein/core';
import { bounds, configOf, suspicionBoundMs } from '../plan.ts';
import type { Property, SceneNode } from '../property.ts';
import { Liars } from './liars.ts';
import { isAlone, Wellbeing } from './wellbeing.ts';

const agreement: Property = {
  name: 'L1 everybody agrees',
  doc: 'the core holds the same members, catalogs and config entries, and those members are the ones that run; partitions heal without help (L4, L5)',
  kind: 'eventually',
  boundMs: bounds.agreement,
  begin: (scene) => ({
    state: () => {
      // Cheap first: while numbers differ, nothing is equal.
      const found = scene.differences();
      return found.length === 0 ? undefined : found.slice(0, 5).join('; ');
    },
  }),
};

const theGoneAreFailed: Property = {
  name: 'L2 who stopped is failed everywhere',
  doc: 'a member that does not run or does not answer is failed, left or forgotten at every node of the core, within the bound of the calm, and at the calm already where it has been gone for longer',
  kind: 'eventually',
  boundMs: bounds.gone,
  begin: (scene) => {
    const boundMs = bounds.gone(scene.plan);
    const wellbeing = new Wellbeing(scene);
    /** By node: since when it does not run. */
    const goneMs = new Map<number, number>();
    let isArmed = false;
    const keeper = (observers: readonly SceneNode[], gone: readonly SceneNode[]): string | undefined => {
      for (const observer of observers) {
        for (const subject of gone) {
          isArmed = true;
          const status = observer.view().member(subject.id)?.status;
          if (status !== undefined && status !== 'failed' && status !== 'left')
            return `${observer.name} holds ${subject.name}, which is ${subject.process}, ${status}`;
        }
      }
      return undefined;
    };
    return {
      boot: (node) => {
        wellbeing.booted(node.index);
        goneMs.delete(node.index);
      },
      fault: ({ fault, atMs }) => {
        if ((fault.type === 'crash' || fault.type === 'power-off') && !goneMs.has(fault.node)) goneMs.set(fault.node, atMs);
      },
      calm: () => {
        const gone = scene.nodes.filter(
          (node) => node.process === 'stopped' && scene.nowMs - (goneMs.get(node.index) ?? scene.nowMs) > boundMs,
        );
        if (gone.length === 0) return undefined;
        // Who hears from nobody, since most are in trouble, waits for somebody that it hears before it judges.
        const well = scene.nodes.filter((node) => node.isRunning && wellbeing.isWellFor(node.index, boundMs));
        if (2 * well.length <= scene.nodes.length) return undefined;
        return keeper(
          well.filter((node) => scene.core.includes(node)),
          gone,
        );
      },
      state: () =>
        keeper(
          scene.core.filter((node) => node.isRunning),
          scene.nodes.filter((node) => node.process !== 'running'),
        ),
      armed: () => isArmed,
    };
  },
};

const theReachableAreRoutable: Property = {
  name: 'L3 who was wrongly suspected is back',
  doc: 'every running node of the core is in rotation at every other',
  kind: 'eventually',
  boundMs: bounds.rotation,
  begin: (scene) => ({
    state: () => {
      for (const observer of scene.core) {
        for (const subject of scene.core) {
          if (!observer.isRunning || !subject.isRunning) continue;
          const member = observer.view().member(subject.id);
          if (member?.reachable !== true)
            return `${observer.name} does not route to ${subject.name}: ${member?.status ?? 'unknown'}`;
        }
      }
      return undefined;
    },
  }),
};

const linked: Property = {
  name: 'L5 everybody has a link again',
  doc: 'a node whose network works is connected to somebody, whatever happened to its connections',
  kind: 'eventually',
  boundMs: bounds.link,
  begin: (scene) => ({
    state: () => {
      const running = scene.core.filter((node) => node.isRunning);
      if (running.length < 2) return undefined;
      const alone = running.find(isAlone);
      return alone === undefined ? undefined : `${alone.name} has no link`;
    },
  }),
};

const restIsQuiet: Property = {
  name: 'L8 nobody goes where nothing happens',
  // A suspicion may still come up: a stream that stalled goes on only when TCP tries again, which may be half a minute later.
  doc: 'once everybody agrees and the network is sound, no member of the core is failed or taken for one that left',
  kind: 'always',
  begin: (scene) => {
    const core = new Set<NodeId>();
    return {
      event: (node, event) => {
        if (scene.phase !== 'rest' || event.type !== 'member-changed') return undefined;
        if (event.to !== 'failed' && event.to !== 'left') return undefined;
        if (core.size === 0) for (const { id } of scene.core) core.add(id);
        if (!core.has(node.id) || !core.has(event.id)) return undefined;
        return `${event.id} became ${event.to}: ${event.reason}`;
      },
    };
  },
};

/** Times in a minute that somebody who failed again and again may come back into a rotation: at once, and then held for 10 s, 20 s and 40 s. */
const returnsMax = 4;
const minuteMs = 60_000;

const failingDoesNotFlap: Property = {
  name: 'L8 what fails again and again stays away',
  doc: 'a member that goes out of rotation by turns, while most of the others are well, comes back four times a minute at most',
  kind: 'always',
  begin: (scene) => {
    const { probeTimeoutMs, indirectTimeoutMs, refuteIntervalMs } = configOf(scene.plan);
    // Who is out for less may be accused wrongly, and refutes.
    const outageMs = { seen: probeTimeoutMs + indirectTimeoutMs, told: 2 * refuteIntervalMs };
    interface Outages {
      sinceMs: number;
      leastMs: number;
      returnsMs: number[];
    }
    const all = new Map<string, Outages>();
    const wellbeing = new Wellbeing(scene);
    /** Whether more than half of those who are neither the observer nor the member are well, and were so of late. */
    const areMostWell = (node: SceneNode, member: NodeId): boolean => {
      const others = scene.nodes.filter((other) => other !== node && other.id !== member);
      const well = others.filter(({ index, isRunning }) => isRunning && !wellbeing.isExcused(index, 'subject'));
      return 2 * well.length > others.length;
    };
    /** By process: when it last had reason to think that it was itself at fault. What was out by then does not count. */
    const excusedMs = new Map<string, number>();
    /** Whether so many are out, or the node finds itself cut off, that the fault is rather its own. */
    const isExcused = (node: SceneNode): boolean => {
      const view = node.view();
      let out = 0;
      for (const { reachable, status } of view.members()) if (!reachable && (status === 'alive' || status === 'suspect')) out++;
      return view.isolated || 4 * out > view.aliveCount;
    };
    return {
      boot: (node) => wellbeing.booted(node.index),
      event: (node, event) => {
        if (event.type === 'member-changed' && event.reason === 'restarted') all.delete(`${node.id}/${node.boot}/${event.id}`);
        if (event.type !== 'reachability-changed') return undefined;
        const observer = `${node.id}/${node.boot}`;
        const key = `${observer}/${event.id}`;
        let outages = all.get(key);
        if (outages === undefined) all.set(key, (outages = { sinceMs: 0, leastMs: 0, returnsMs: [] }));
        if (isExcused(node)) excusedMs.set(observer, scene.nowMs);
        if (!event.reachable) {
          const isSeen = node.view().member(event.id)?.accusers.includes(node.id) === true;
          outages.sinceMs = scene.nowMs;
          outages.leastMs = isSeen ? outageMs.seen : outageMs.told;
          return undefined;
        }
        const isLong = scene.nowMs - outages.sinceMs > outages.leastMs;
        const isOwnFault = outages.sinceMs <= (excusedMs.get(observer) ?? -1);
        if (isLong && !isOwnFault && areMostWell(node, event.id)) outages.returnsMs.push(scene.nowMs);
        const recent = outages.returnsMs.filter((ms) => scene.nowMs - ms < minuteMs);
        outages.returnsMs = recent;
        return recent.length > returnsMax ? `${event.id} came back ${recent.length} times within a minute` : undefined;
      },
    };
  },
};

const writesArrive: Property = {
  name: 'L10 what an owner has, everybody shows',
  doc: 'every instance registered on a node of the core is in the view of every other, whatever else there was to tell; for one that lied with its own key, which it has to outbid, or that had no link, L1 holds instead',
  kind: 'eventually',
  boundMs: bounds.writes,
  begin: (scene) => {
    const liars = new Liars(scene);
    /** Since when those have a link who had none when the calm was well under way. */
    const linkedMs = new Map<SceneNode, number>();
    const isNew = (node: SceneNode): boolean =>
      isAlone(node) || scene.nowMs - (linkedMs.get(node) ?? -Infinity) < bounds.writes(scene.plan);
    return {
      fault: (span) => liars.note(span),
      boot: (node) => liars.booted(node),
      event: (node, event) => {
        if (scene.phase !== 'converge' || event.type !== 'link-changed' || !event.linked) return undefined;
        const others = [...node.view().members()].filter(({ id, linked }) => linked && id !== node.id && id !== event.id);
        if (others.length === 0) linkedMs.set(node, scene.nowMs);
        return undefined;
      },
      state: () => {
        const running = scene.core.filter((node) => node.isRunning && !isNew(node));
        for (const owner of running) {
          if (liars.has(owner.id)) continue;
          const own = instancesText(owner, owner.id);
          const other = running.find((node) => instancesText(node, owner.id) !== own);
          if (other !== undefined) return `${other.name} does not show what ${owner.name} has`;
        }
        return undefined;
      },
    };
  },
};

function instancesText(node: SceneNode, owner: NodeId): string {
  return node
    .view()
    .instancesOf(owner)
    .map(({ instance, status }) => `${instance.id}:${instance.port}:${status}`)
    .join();
}

const theGoneAreForgotten: Property = {
  name: 'L9 the departed are forgotten',
  doc: 'once a tombstone, one suspicion and two rounds of anti-entropy are over, who does not run any more has no row anywhere in the core, and gets none',
  kind: 'always',
  begin: (scene) => {
    const { plan } = scene;
    const { failedTombstoneMs, leftTombstoneMs, syncIntervalMs } = configOf(plan);
    const boundMs = Math.max(failedTombstoneMs, leftTombstoneMs) + suspicionBoundMs(plan) + 2 * syncIntervalMs;
    /** Since when anybody has it failed or left, and nobody had it back. */
    const goneMs = new Map<NodeId, number>();
    const liars = new Liars(scene);
    const isOver = (id: NodeId): boolean => {
      const sinceMs = goneMs.get(id);
      if (sinceMs === undefined || scene.nowMs - sinceMs <= boundMs || liars.speakOf(id)) return false;
      return !scene.nodes.some((node) => node.id === id && node.process !== 'stopped');
    };
    return {
      boot: (node) => {
        liars.booted(node);
        goneMs.delete(node.id);
      },
      fault: (span) => {
        liars.note(span);
        // Who was made up goes once nobody speaks of it any more.
        if (span.fault.type === 'lie') for (const id of goneMs.keys()) if (liars.madeUp(id)) goneMs.set(id, scene.nowMs);
      },
      event: (_node, event) => {
        if (event.type !== 'member-changed') return undefined;
        if (event.to === 'failed' || event.to === 'left') {
          if (!goneMs.has(event.id)) goneMs.set(event.id, scene.nowMs);
        } else if (event.to === 'alive' && event.from !== undefined) goneMs.delete(event.id);
        return undefined;
      },
      member: (node, before, after) =>
        before === undefined && after !== undefined && isOver(after.id)
          ? `${node.name} took ${after.id} in again, which is gone for good`
          : undefined,
      end: () => {
        for (const id of goneMs.keys()) {
          const keeper = isOver(id)
            ? scene.core.find((node) => node.isRunning && node.view().member(id) !== undefined)
            : undefined;
          if (keeper !== undefined) return `${keeper.name} still has a row for ${id}`;
        }
        return undefined;
      },
    };
  },
};

export const agreementProperties: readonly Property[] = [
  agreement,
  theGoneAreFailed,
  theReachableAreRoutable,
  linked,
  writesArrive,
  restIsQuiet,
  failingDoesNotFlap,
  theGoneAreForgotten,
];
