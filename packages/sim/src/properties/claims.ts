/** Safety of claims about members: who may say what, and that what is known never goes back. */

import { topics } from '@skein/core';
import type { MemberView, NodeId } from '@skein/core';
import { elsewhere } from '../adversary.ts';
import { canonicalJson } from '../canonical.ts';
import type { Property, SceneNode } from '../property.ts';
import { Liars } from './liars.ts';
import { LostClaims } from './lost-claims.ts';

/** Orders two claims about one member by (epoch, incarnation). */
function compareClaims(a: MemberView, b: MemberView): number {
  return a.record.epoch - b.record.epoch || a.record.incarnation - b.record.incarnation;
}

function claimText({ id, status, record }: MemberView): string {
  return `${id} ${status} at (${record.epoch}, ${record.incarnation})`;
}

const ownClaimsGrow: Property = {
  name: 'S1 own claims only grow',
  doc: 'epoch and incarnation of a node never decrease, across restarts too, unless its disk was lost, rolled back, or refused the epoch',
  kind: 'always',
  begin: (scene) => {
    const last = new Map<NodeId, MemberView>();
    const lost = new LostClaims(scene);
    return {
      fault: (span) => lost.note(span),
      member: (node, _before, after) => {
        if (after?.id !== node.id) return undefined;
        const before = last.get(node.id);
        last.set(node.id, after);
        const isNew = lost.begins(node, before, after);
        if (before === undefined || isNew || compareClaims(after, before) >= 0) return undefined;
        return `${claimText(before)} became ${claimText(after)}`;
      },
    };
  },
};

const claimsGrow: Property = {
  name: 'S2 claims never go back',
  doc: "an observer's claim about a member never decreases while it has a row for it",
  kind: 'always',
  begin: () => ({
    member: (_node, before, after) =>
      before !== undefined && after !== undefined && compareClaims(after, before) < 0
        ? `${claimText(before)} became ${claimText(after)}`
        : undefined,
  }),
};

const noRevival: Property = {
  name: 'S3 the departed come back only with a newer claim',
  doc: 'failed or left at (epoch, incarnation) becomes alive only under a strictly greater pair',
  kind: 'always',
  begin: () => ({
    member: (_node, before, after) => {
      if (before === undefined || after === undefined || (before.status !== 'failed' && before.status !== 'left'))
        return undefined;
      const isBack = after.status !== 'failed' && after.status !== 'left';
      return isBack && compareClaims(after, before) <= 0 ? `${claimText(before)} became ${claimText(after)}` : undefined;
    },
  }),
};

/** Records that their subjects were seen to hold, by claim. More than one where a disk was lost and an epoch used twice. */
class OwnRecords {
  readonly #records = new Map<string, MemberView['record'][]>();

  of(view: MemberView): MemberView['record'][] {
    const key = `${view.id}@${view.record.epoch}.${view.record.incarnation}`;
    let records = this.#records.get(key);
    if (records === undefined) this.#records.set(key, (records = []));
    return records;
  }

  has(view: MemberView): boolean {
    const records = this.of(view);
    return records.includes(view.record) || records.some((record) => canonicalJson(record) === canonicalJson(view.record));
  }
}

const ownWords: Property = {
  name: 'S4 members speak for themselves',
  doc: 'every record shown of a member was made by that member, in this mesh',
  kind: 'always',
  begin: (scene) => {
    const own = new OwnRecords();
    const liars = new Liars(scene);
    return {
      // A liar signs with its own key what its own view never showed.
      fault: (span) => liars.note(span),
      boot: (node) => liars.booted(node),
      member: (node, before, after) => {
        if (after === undefined || before?.record === after.record) return undefined;
        if (node.id === after.id) {
          own.of(after).push(after.record);
          return undefined;
        }
        return own.has(after) || liars.has(after.id) || liars.madeUp(after.id)
          ? undefined
          : `${claimText(after)}, which it never said`;
      },
    };
  },
};

const ownMesh: Property = {
  name: 'S13 nothing crosses meshes',
  doc: 'no record, config entry or instance of another mesh is taken in, though whoever signed it is a member of both',
  kind: 'always',
  begin: () => ({
    member: (node, before, after) =>
      after === undefined || after.record === before?.record || after.record.mesh === node.view().mesh
        ? undefined
        : `${claimText(after)} was said in mesh ${after.record.mesh}`,
    view: (_node, view, changed) => {
      const isThere =
        changed.includes(topics.configEntry('route', elsewhere)) && view.configEntry('route', elsewhere) !== undefined;
      return isThere ? `config entry route/${elsewhere} was written in another mesh` : undefined;
    },
  }),
};

const oneContent: Property = {
  name: 'S5 one claim has one content',
  doc: 'a member never says two things under one (epoch, incarnation), unless its disk was lost, rolled back, or refused the epoch',
  kind: 'always',
  begin: (scene) => {
    const words = new Map<NodeId, OwnRecords>();
    const lost = new LostClaims(scene);
    return {
      fault: (span) => lost.note(span),
      member: (node, before, after) => {
        if (after === undefined || node.id !== after.id || before?.record === after.record) return undefined;
        const isNew = lost.begins(node, before, after);
        const own = (isNew ? undefined : words.get(node.id)) ?? new OwnRecords();
        words.set(node.id, own);
        const isSecond = own.of(after).length > 0 && !own.has(after);
        own.of(after).push(after.record);
        return isSecond ? `${claimText(after)} has two contents` : undefined;
      },
    };
  },
};

const selfIsWell: Property = {
  name: 'S6 nobody believes itself suspect or failed',
  doc: 'a running node refutes what is said about it instead of believing it',
  kind: 'always',
  begin: () => ({
    member: (node, _before, after) =>
      after?.id === node.id && (after.status === 'suspect' || after.status === 'failed')
        ? `holds itself ${after.status}`
        : undefined,
  }),
};

const legalSteps: Property = {
  name: 'S7 statuses change by the rules',
  doc: 'under one claim: never from failed to suspect, and never away from left',
  kind: 'always',
  begin: () => ({
    member: (_node, before, after) => {
      if (before === undefined || after === undefined || compareClaims(before, after) !== 0) return undefined;
      const isWrong =
        before.status === 'left' ? after.status !== 'left' : before.status === 'failed' && after.status === 'suspect';
      return isWrong ? `${claimText(before)} became ${after.status}` : undefined;
    },
  }),
};

const noGhosts: Property = {
  name: 'S14 who left stays away',
  doc: 'once an observer knew by its own word that a member left, nothing of that epoch is ever routable there again',
  kind: 'always',
  begin: () => {
    const leftEpochs = new Map<string, number>();
    const key = (node: SceneNode, id: NodeId): string => `${node.id}/${node.boot}/${id}`;
    return {
      member: (node, _before, after) => {
        if (after === undefined || after.id === node.id) return undefined;
        const rowKey = key(node, after.id);
        if (after.record.status === 'left') leftEpochs.set(rowKey, Math.max(leftEpochs.get(rowKey) ?? 0, after.record.epoch));
        const isGhost = after.reachable && after.record.epoch <= (leftEpochs.get(rowKey) ?? -1);
        return isGhost ? `${claimText(after)} is routable, and had left` : undefined;
      },
    };
  },
};

export const claimProperties: readonly Property[] = [
  ownClaimsGrow,
  claimsGrow,
  noRevival,
  ownWords,
  ownMesh,
  oneContent,
  selfIsWell,
  legalSteps,
  noGhosts,
];
