/** What a fault may wait for instead of a time: that something was said for the first time, or the n-th, by whomever. */

import type { MeshEvent } from '@skein/core';
import { durationText } from './duration.ts';

/**
 * Of a member, as some node sees it: `suspect`, `failed`, `left`, and `back` to alive from any of these three; `unreachable`, out
 * of rotation.
 * Of a node itself: it `refuted`, found itself `isolated`, or `link-lost`. `conflict`: of two writers of one config entry.
 */
export const triggerEvents = [
  'suspect',
  'failed',
  'left',
  'back',
  'unreachable',
  'refuted',
  'isolated',
  'link-lost',
  'conflict',
] as const;

export type TriggerEvent = (typeof triggerEvents)[number];

/** Counted from the start of chaos on, over all nodes: each says so for itself. */
export interface Trigger {
  readonly event: TriggerEvent;
  /** 1: the first of its kind. */
  readonly nth: number;
}

/** What an event is to those who wait, if it is anything. */
export function triggerEventOf(event: MeshEvent): TriggerEvent | undefined {
  switch (event.type) {
    case 'member-changed':
      if (event.to === 'alive') return event.from === undefined ? undefined : 'back';
      return event.to === 'suspect' || event.to === 'failed' || event.to === 'left' ? event.to : undefined;
    case 'reachability-changed':
      return event.reachable ? undefined : 'unreachable';
    case 'refuted':
      return 'refuted';
    case 'isolated':
      return event.isolated ? 'isolated' : undefined;
    case 'link-changed':
      return event.linked ? undefined : 'link-lost';
    case 'config-conflict':
      return 'conflict';
    default:
      return undefined;
  }
}

/** `suspect`, or `failed no. 2`. */
export function triggerText({ event, nth }: Trigger): string {
  return nth === 1 ? event : `${event} no. ${nth}`;
}

/** `at 5s`, or `5s after suspect`, `at once after failed no. 2`. */
export function whenText({ atMs, after }: { readonly atMs: number; readonly after?: Trigger | undefined }): string {
  if (after === undefined) return `at ${durationText(atMs)}`;
  return `${atMs === 0 ? 'at once' : durationText(atMs)} after ${triggerText(after)}`;
}
