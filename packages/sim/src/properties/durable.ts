/** What outlives a process: the registrations and config entries of a node, which its disk gives back to its next boot. */

import { registrationKey, versionId } from '@skein/core';
import type { ConfigEntry, MeshEvent, NodeId, View } from '@skein/core';
import { canonicalJson } from '../canonical.ts';
import { durationText } from '../duration.ts';
import type { FaultSpan } from '../fault-schedule.ts';
import type { Property, Scene, SceneNode } from '../property.ts';

/** Within what a disk that works has a change: what may wait for others waits a second, and one round of fsync ends before. */
const writtenMs = 2000;
/** A disk that refused is tried again within this. */
const retryMaxMs = 30_000;

/** Something that a node has under one key, or `undefined` once it removed it. */
interface Kept {
  readonly text: string | undefined;
  readonly sinceMs: number;
  /** From when on its disk has it. */
  dueMs: number;
}

/** What one process of a node has. */
interface Belongings {
  readonly id: NodeId;
  readonly boot: number;
  readonly kept: Map<string, Kept>;
  /** When it ended. Undefined: it runs. */
  endedMs: number | undefined;
}

const configKinds = [undefined, 'kv', 'external'];

const configText = ({ version }: ConfigEntry): string => versionId(version);

/** All that a node has, as a reader sees it. */
function textsOf(view: View): Map<string, string> {
  const texts = new Map<string, string>();
  for (const registration of view.registrations()) texts.set(registrationKey(registration), canonicalJson(registration));
  for (const kind of configKinds)
    for (const entry of view.configEntries(kind)) texts.set(`${entry.kind}/${entry.name}`, configText(entry));
  return texts;
}

/** The key under which a node has something else now. */
function changedKey(event: MeshEvent): string | undefined {
  switch (event.type) {
    case 'registration-changed':
      return registrationKey(event.registration);
    case 'registration-removed':
      return event.key;
    case 'check-changed':
      return `c/${event.id}`;
    case 'config-changed':
    case 'config-quarantined':
      return `${event.kind}/${event.name}`;
    default:
      return undefined;
  }
}

/** What a node has under a key that changed. */
function changedText(view: View, event: MeshEvent, key: string): string | undefined {
  if (event.type === 'registration-removed') return undefined;
  if (event.type === 'config-changed' || event.type === 'config-quarantined') {
    const entry = view.configEntry(event.kind, event.name);
    return entry === undefined ? undefined : configText(entry);
  }
  for (const registration of view.registrations()) if (registrationKey(registration) === key) return canonicalJson(registration);
  return undefined;
}

/** What each node had, and whether its disk has it too. */
class Disks {
  readonly #scene: Scene;
  readonly #belongings = new Map<number, Belongings>();
  /** By node whose disk refused: until when it may not have been tried again. */
  readonly #refusingMs = new Map<number, number>();

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  note({ fault, endMs }: FaultSpan): void {
    const { nowMs } = this.#scene;
    if (fault.type === 'full-disk') return this.#filled(fault.node, endMs === undefined);
    if (fault.type !== 'crash' && fault.type !== 'power-off') return;
    const belongings = this.#belongings.get(fault.node);
    if (fault.keep === 'rollback' || fault.keep === 'nothing') this.#belongings.delete(fault.node);
    else if (belongings !== undefined) belongings.endedMs ??= nowMs;
  }

  /** A node said something. Returns what is not as its last process left it, where this is the first word of a boot. */
  heard(node: SceneNode, event: MeshEvent): string | undefined {
    const { nowMs } = this.#scene;
    const belongings = this.#belongings.get(node.index);
    if (belongings?.boot !== node.boot || belongings.id !== node.id) return this.#booted(node, belongings);
    if (event.type === 'left') belongings.endedMs ??= nowMs;
    const key = changedKey(event);
    if (key === undefined) return undefined;
    const dueMs = Math.max(nowMs, this.#refusingMs.get(node.index) ?? nowMs) + writtenMs;
    belongings.kept.set(key, { text: changedText(node.view(), event, key), sinceMs: nowMs, dueMs });
    return undefined;
  }

  #booted(node: SceneNode, before: Belongings | undefined): string | undefined {
    const { id, boot, index } = node;
    const texts = textsOf(node.view());
    const kept = new Map<string, Kept>();
    // What a boot read, its disk has.
    for (const [key, text] of texts) kept.set(key, { text, sinceMs: this.#scene.nowMs, dueMs: this.#scene.nowMs });
    this.#belongings.set(index, { id, boot, kept, endedMs: undefined });
    if (before?.id !== id || before.endedMs === undefined) return undefined;
    for (const [key, { text, sinceMs, dueMs }] of before.kept) {
      if (dueMs > before.endedMs || texts.get(key) === text) continue;
      const forText = durationText(before.endedMs - sinceMs);
      if (text === undefined) return `${node.name} booted with ${key}, which it had removed ${forText} before its process ended`;
      const what = texts.has(key) ? 'with another' : 'without';
      return `${node.name} booted ${what} ${key}, which it had for ${forText} when its process ended`;
    }
    return undefined;
  }

  #filled(index: number, isFull: boolean): void {
    const { nowMs } = this.#scene;
    const refusingMs = isFull ? Number.POSITIVE_INFINITY : nowMs + retryMaxMs;
    this.#refusingMs.set(index, refusingMs);
    for (const kept of this.#belongings.get(index)?.kept.values() ?? [])
      if (kept.dueMs > nowMs) kept.dueMs = refusingMs + writtenMs;
  }
}

const durable: Property = {
  name: 'S16 what was written outlives the process',
  doc: 'a registration or config entry that a node had unchanged for 2 s is there after its next boot, and one that it had removed for as long is not, unless its disk was lost, rolled back or full meanwhile',
  kind: 'always',
  begin: (scene) => {
    const disks = new Disks(scene);
    return {
      fault: (span) => disks.note(span),
      event: (node, event) => disks.heard(node, event),
    };
  },
};

export const durableProperties: readonly Property[] = [durable];
