/** Liveness: what has to come true once the faults are over, and what must not happen when nothing does. */

import type { NodeId } from '@skein/core';
import { configOf, detectBoundMs, spreadBoundMs } from '../plan.ts';
import type { Property, SceneNode } from '../property.ts';

const agreement: Property = {
  name: 'L1 everybody agrees',
  doc: 'the core holds the same members, catalogs and config entries, and those members are the ones that run; partitions heal without help (L4, L5)',
  kind: 'eventually',
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
  doc: 'a member that does not run or does not answer is failed, left or forgotten at every node of the core',
  kind: 'eventually',
  begin: (scene) => ({
    state: () => {
      const gone = scene.nodes.filter((node) => node.process !== 'running');
      for (const observer of scene.core) {
        if (!observer.isRunning) continue;
        for (const subject of gone) {
          const status = observer.view().member(subject.id)?.status;
          if (status !== undefined && status !== 'failed' && status !== 'left')
            return `${observer.name} holds ${subject.name}, which is ${subject.process}, ${status}`;
        }
      }
      return undefined;
    },
  }),
};

const theReachableAreRoutable: Property = {
  name: 'L3 who was wrongly suspected is back',
  doc: 'every running node of the core is in rotation at every other',
  kind: 'eventually',
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
  begin: (scene) => ({
    state: () => {
      const running = scene.core.filter((node) => node.isRunning);
      if (running.length < 2) return undefined;
      const alone = running.find((node) => ![...node.view().members()].some(({ id, linked: is }) => is && id !== node.id));
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

const writesArrive: Property = {
  name: 'L10 what an owner has, everybody shows',
  doc: 'every instance registered on a node of the core is in the view of every other, whatever else there was to tell',
  kind: 'eventually',
  begin: (scene) => ({
    state: () => {
      const running = scene.core.filter((node) => node.isRunning);
      for (const owner of running) {
        const own = instancesText(owner, owner.id);
        const other = running.find((node) => instancesText(node, owner.id) !== own);
        if (other !== undefined) return `${other.name} does not show what ${owner.name} has`;
      }
      return undefined;
    },
  }),
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
  doc: 'a member that is gone for longer than its tombstone lasts has no row anywhere, and does not come back',
  kind: 'always',
  begin: (scene) => {
    const { plan } = scene;
    const { failedTombstoneMs, leftTombstoneMs } = configOf(plan);
    const boundMs = Math.max(failedTombstoneMs, leftTombstoneMs) + detectBoundMs(plan) + 2 * spreadBoundMs(plan);
    const goneSince = new Map<number, number>();
    return {
      boot: (node) => void goneSince.delete(node.index),
      event: (node, event) => {
        if (event.type === 'left') goneSince.set(node.index, scene.nowMs);
        return undefined;
      },
      fault: ({ fault }) => {
        if (fault.type === 'crash' || fault.type === 'power-off') goneSince.set(fault.node, scene.nowMs);
      },
      end: () => {
        for (const [index, sinceMs] of goneSince) {
          const gone = scene.nodes[index];
          if (gone === undefined || scene.nowMs - sinceMs <= boundMs) continue;
          const keeper = scene.core.find((node) => node.isRunning && node.view().member(gone.id) !== undefined);
          if (keeper !== undefined) return `${keeper.name} still has a row for ${gone.name}`;
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
  theGoneAreForgotten,
];
