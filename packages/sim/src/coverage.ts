/**
 * How often the rare things happened that the protocol is made for. A campaign in which one of them never did has
 * proved less than it seems.
 */

import type { Effect, Gossip, MeshEvent, Message, View } from '@skein/core';
import type { Step } from './property.ts';

export interface Coverage {
  /** Members suspected, suspicions refuted by their subject, and members failed. */
  suspects: number;
  refutes: number;
  failed: number;
  /** Members that were failed and came back in the same epoch: a partition healed. */
  heals: number;
  /** Members heard of in a later epoch, or whose own epoch was lost and raised. */
  epochBumps: number;
  tombstoneEvictions: number;
  /** Pauses long enough that a timer was late. */
  pausesCrossingTimer: number;
  /** Connections that one side held while the other was without power. */
  halfOpen: number;
  /** Dials that nobody listened to, of members and of seeds. */
  dialRefusals: number;
  /** Messages dropped since the buffer of their link was full. */
  queueOverflows: number;
  /** Connections that ended since bytes were changed on their way. */
  corruptions: number;
  /** Helpers that said in time that they had no answer, or could not try. */
  nacks: number;
  /** Members that helpers reached where the one who asked did not. */
  indirectSaves: number;
  /** Steps in which a node had reason to think itself less well: its probe failed, or it was accused. */
  awarenessRises: number;
  /** Catalog versions that a push did not bring and an exchange did. */
  gapRepairs: number;
  /** Old claims that a member is alive, kept from reviving it by the row of the departed. */
  ghostsBlocked: number;
  /** Nodes that learned from others that their own epoch had been in use before: a disk was lost or rolled back. */
  rollbacks: number;
  /** Config entries that two sides wrote without knowing of each other. */
  conflicts: number;
}

export function noCoverage(): Coverage {
  return {
    suspects: 0,
    refutes: 0,
    failed: 0,
    heals: 0,
    epochBumps: 0,
    tombstoneEvictions: 0,
    pausesCrossingTimer: 0,
    halfOpen: 0,
    dialRefusals: 0,
    queueOverflows: 0,
    corruptions: 0,
    nacks: 0,
    indirectSaves: 0,
    awarenessRises: 0,
    gapRepairs: 0,
    ghostsBlocked: 0,
    rollbacks: 0,
    conflicts: 0,
  };
}

/** Adds what one event shows. */
export function cover(coverage: Coverage, event: MeshEvent): void {
  switch (event.type) {
    case 'member-changed':
      if (event.to === 'suspect') coverage.suspects++;
      else if (event.to === 'failed') coverage.failed++;
      else if (event.from === 'failed' && event.to === 'alive' && event.reason !== 'restarted') coverage.heals++;
      if (event.reason === 'restarted') coverage.epochBumps++;
      return;
    case 'refuted':
      coverage.refutes++;
      return;
    case 'member-reaped':
      coverage.tombstoneEvictions++;
      return;
    case 'config-conflict':
      coverage.conflicts++;
      return;
    default:
  }
}

/** Adds what one step of a node shows; `view` gives the one after it. */
export function coverStep(coverage: Coverage, view: () => View, { input, effects }: Step): void {
  if (input.type === 'message') coverMessage(coverage, view, input.message);
  else if (input.type === 'dialed' && !input.outcome.ok && input.outcome.reason === 'refused') coverage.dialRefusals++;
  if (effects.some(isAlarm)) coverage.awarenessRises++;
  for (const effect of effects) if (effect.type === 'persist' && effect.persist.type === 'epoch') coverage.rollbacks++;
}

function isAlarm(effect: Effect): boolean {
  if (effect.type === 'emit') return effect.event.type === 'refuted';
  return effect.type === 'send' && effect.message.type === 'ping-request';
}

function coverMessage(coverage: Coverage, view: () => View, message: Message): void {
  switch (message.type) {
    case 'ping-report':
      if (message.outcome === 'reached') coverage.indirectSaves++;
      else coverage.nacks++;
      return;
    case 'gossip':
      coverage.ghostsBlocked += ghosts(view, message);
      return;
    case 'sync-facts':
      coverage.ghostsBlocked += ghosts(view, message.facts);
      coverage.gapRepairs += message.facts.deltas.length;
      return;
    default:
  }
}

function ghosts(view: () => View, facts: Gossip): number {
  let count = 0;
  for (const { record } of facts.members) {
    const { id, epoch, incarnation, status } = record.value;
    const known = status === 'alive' ? view().member(id) : undefined;
    if (known === undefined || (known.status !== 'failed' && known.status !== 'left')) continue;
    if (known.record.epoch > epoch || (known.record.epoch === epoch && known.record.incarnation >= incarnation)) count++;
  }
  return count;
}

/** The sum of two. */
export function addCoverage(a: Coverage, b: Coverage): Coverage {
  const sum = { ...a };
  for (const key of Object.keys(sum) as (keyof Coverage)[]) sum[key] += b[key];
  return sum;
}

/** What never happened. */
export function uncovered(coverage: Coverage): readonly (keyof Coverage)[] {
  return (Object.keys(coverage) as (keyof Coverage)[]).filter((key) => coverage[key] === 0);
}
