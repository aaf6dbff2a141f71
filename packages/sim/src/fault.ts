/**
 * What can go wrong, as plain data. Nodes are named by their index in the world, so that a plan says the same to the
 * executor, the shrinker and a person who reads it.
 */

import type { LinkSettings } from './link.ts';
import type { Trigger } from './trigger.ts';

/**
 * What the disk holds after the end of a process that had no time to write. `written`: what it had handed to the operating
 * system, as after SIGKILL; what only waited in its memory is lost, which may be a second of what is not urgent. `synced`:
 * what an fsync had made durable, as after a power loss. `rollback`: an older backup. `nothing`: a new disk.
 */
export type Keep = 'written' | 'synced' | 'rollback' | 'nothing';

/** What is kept where nothing else is said: what really happens to a process that is killed, and to a machine without power. */
export const usualKeep = { crash: 'written', 'power-off': 'synced' } as const satisfies Record<string, Keep>;

/**
 * How a member lies. `accuser`: accuses whom it knows, again and again. `stalker`: accuses one member again after each of its
 * refutations, itself and in the name of strangers. `inflater`: claims huge incarnations, its own and others'.
 * `zombie`: repeats old alive records of the departed. `forger`: signs what others own,
 * accuses in their names, and brings what was said in another mesh. `equivocator`: tells each peer another version of its own
 * catalog. `flooder`: sends far more than there is to say. `inventor`: speaks of members that nobody ever met, with keys of their
 * own. `minter`: has such members accuse one member, two others after each of its refutations. `silent-relay`: never helps to probe.
 */
export type Lie =
  | 'accuser'
  | 'stalker'
  | 'inflater'
  | 'zombie'
  | 'forger'
  | 'equivocator'
  | 'flooder'
  | 'inventor'
  | 'minter'
  | 'silent-relay';

/** Happens at once and is not undone by itself. */
export type Incident =
  /** The process is killed; the kernel closes its connections. */
  | { readonly type: 'crash'; readonly node: number; readonly keep: Keep }
  /** The machine loses power or network for good: nobody is told. */
  | { readonly type: 'power-off'; readonly node: number; readonly keep: Keep }
  /** Starts what does not run. `seeds: false`: from what it persisted alone. `replace`: a new identity on the same addresses. */
  | { readonly type: 'restart'; readonly node: number; readonly seeds: boolean; readonly replace: boolean }
  | { readonly type: 'leave'; readonly node: number }
  /** The wall clock is set by so much. */
  | { readonly type: 'step-clock'; readonly node: number; readonly byMs: number };

/** Lasts until it is undone. */
export type Condition =
  /** SIGSTOP. */
  | { readonly type: 'pause'; readonly node: number }
  /** Lifeguard's anomaly: nothing is sent or received, timers run; afterwards everything goes through. */
  | { readonly type: 'block-io'; readonly node: number }
  /** Every message costs so much CPU, one after the other. */
  | { readonly type: 'slow-cpu'; readonly node: number; readonly perMessageUs: number }
  /** Its monotonic clock runs fast (or slow, when negative) by parts per million. */
  | { readonly type: 'drift'; readonly node: number; readonly ppm: number }
  /** Writes to its disk fail. */
  | { readonly type: 'full-disk'; readonly node: number }
  | { readonly type: 'lie'; readonly node: number; readonly lie: Lie }
  /** Silence between groups, both ways. A node in no group keeps its paths. */
  | { readonly type: 'split'; readonly groups: readonly (readonly number[])[] }
  /** Silence from some to others, one way. */
  | { readonly type: 'cut'; readonly from: readonly number[]; readonly to: readonly number[] }
  /** What some send others is held, one way, and arrives in order when it ends: a full queue, a route that converges. */
  | { readonly type: 'clog'; readonly from: readonly number[]; readonly to: readonly number[] }
  /** As `cut`, on and off. */
  | {
      readonly type: 'flap';
      readonly from: readonly number[];
      readonly to: readonly number[];
      readonly onMs: number;
      readonly offMs: number;
    }
  /**
   * Bytes of a packet are changed on the way, one way, and its checksum fits: with this chance, from 0 to 1, for each. A stream
   * of which one byte is wrong ends, as Noise ends one whose MAC does not fit, and a datagram is refused by whoever decodes it.
   */
  | { readonly type: 'corrupt'; readonly from: readonly number[]; readonly to: readonly number[]; readonly share: number }
  /** Other settings on the directed paths between two sets of nodes. */
  | {
      readonly type: 'link';
      readonly from: readonly number[];
      readonly to: readonly number[];
      readonly settings: Partial<LinkSettings>;
    };

export type Fault = Incident | Condition;

/** Whether a fault lasts until it is undone. */
export function isCondition(fault: Fault): fault is Condition {
  return !['crash', 'power-off', 'restart', 'leave', 'step-clock'].includes(fault.type);
}

/** A fault and its time, in ms since the chaos began, or since what it waits for, if it does: one that waits in vain never happens. A condition ends after `forMs`; when that is absent, with the chaos, or never where nobody of the core is concerned. */
export interface TimedFault {
  readonly atMs: number;
  readonly forMs?: number;
  readonly after?: Trigger;
  readonly fault: Fault;
}

/** What faults act on: a simulated host, whatever protocol it speaks. */
export interface Machine {
  readonly index: number;
  readonly process: 'running' | 'paused' | 'stopped';
  crash(options?: { readonly keep?: Keep }): void;
  powerOff(options?: { readonly keep?: Keep }): void;
  restart(options?: { readonly seeds?: readonly string[]; readonly replace?: boolean }): void;
  leave(): void;
  pause(): void;
  resume(): void;
  /** Lifeguard's anomaly, on and off. */
  blockIo(blocked: boolean): void;
  /** 0: as fast as ever. */
  slowCpu(perMessageUs: number): void;
  /** Parts per million; 0: as the world. */
  drift(ppm: number): void;
  stepClock(byMs: number): void;
  fullDisk(isFull: boolean): void;
}
