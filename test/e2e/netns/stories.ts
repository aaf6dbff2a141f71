/**
 * What goes wrong between hosts, told once and played on real agents in network namespaces and on simulated ones, so
 * that the two can be compared figure by figure.
 */

import type { Beliefs } from './beliefs.ts';

/** Hosts, by number, with one agent each. All paths are directed. */
export interface Stage {
  readonly size: number;
  readonly beliefs: Beliefs;
  /** On the clock of the beliefs. */
  nowMs(): number;
  /** Nothing gets from any of `from` to any of `to`. Adds up until `heal`. */
  cut(from: readonly number[], to: readonly number[]): Promise<void>;
  /** The chance in percent that one packet is lost, on all paths. */
  lose(percent: number): Promise<void>;
  /** All packets arrive so much later. */
  delay(ms: number): Promise<void>;
  /** Undoes all of these. */
  heal(): Promise<void>;
  /** SIGSTOP. */
  hang(host: number): void;
  /** SIGCONT. */
  wake(host: number): void;
  pass(ms: number): Promise<void>;
  /** Waits until something is believed, and returns when the last event before that came. Rejects with the history after `withinMs`. */
  until(what: string, holds: () => boolean, withinMs: number): Promise<number>;
}

/** Times in ms since the cause; absent where a story has none. */
export interface Figures {
  /** Until all that should had the sick out of rotation. */
  readonly outMs?: number;
  /** Until all that should had failed it. */
  readonly failedMs?: number;
  /** From the end of the trouble until all agreed that all are well. */
  readonly agreeMs?: number;
  /** What healthy hosts believed of healthy hosts on their side, wrongly: `suspect`, `out`, `failed`. Each belief of one of another counts. */
  readonly suspected: number;
  readonly out: number;
  readonly failed: number;
}

export interface Story {
  readonly name: string;
  readonly play: (stage: Stage) => Promise<Figures>;
}

const deadlineMs = 60_000;

export const stories = {
  split: {
    name: 'partition 3 | rest until failed, then heal',
    async play(stage) {
      // Simulated ids have the order of the hosts, real ones have none, and neighbours in that order watch each other.
      // Of seven, this many are as a rule on different sides.
      const small = [0, 1, 3];
      const large = hosts(stage).filter((host) => !small.includes(host));
      const startMs = stage.nowMs();
      await stage.cut(small, large);
      await stage.cut(large, small);
      const { beliefs } = stage;
      const outMs = await stage.until(
        'each side has the other out of rotation',
        () => beliefs.areOut(small, large) && beliefs.areOut(large, small),
        deadlineMs,
      );
      const failedMs = await stage.until(
        'each side has failed the other',
        () => beliefs.areFailed(small, large) && beliefs.areFailed(large, small),
        deadlineMs,
      );
      const agreeMs = await recovery(stage);
      const wrong = [mistakes(stage, startMs, small, small), mistakes(stage, startMs, large, large)] as const;
      return {
        outMs: outMs - startMs,
        failedMs: failedMs - startMs,
        agreeMs,
        suspected: wrong[0].suspected + wrong[1].suspected,
        out: wrong[0].out + wrong[1].out,
        failed: wrong[0].failed + wrong[1].failed,
      };
    },
  },
  oneWay: {
    name: 'nothing reaches one host, 10 s',
    async play(stage) {
      const [sick, healthy] = [[1], hosts(stage).filter((host) => host !== 1)];
      const startMs = stage.nowMs();
      await stage.cut(healthy, sick);
      const outMs = await outOfRotation(stage, healthy, sick);
      await stage.pass(Math.max(0, startMs + 10_000 - stage.nowMs()));
      const agreeMs = await recovery(stage);
      return { outMs: outMs - startMs, agreeMs, ...mistakes(stage, startMs, healthy, healthy) };
    },
  },
  loss: {
    name: '30 % of packets lost everywhere, 20 s',
    async play(stage) {
      const startMs = stage.nowMs();
      await stage.lose(30);
      await stage.pass(20_000);
      const agreeMs = await recovery(stage);
      return { agreeMs, ...mistakes(stage, startMs, hosts(stage), hosts(stage)) };
    },
  },
  delay: {
    name: '150 ms later everywhere, 6 s',
    async play(stage) {
      const startMs = stage.nowMs();
      await stage.delay(150);
      await stage.pass(6000);
      const agreeMs = await recovery(stage);
      return { agreeMs, ...mistakes(stage, startMs, hosts(stage), hosts(stage)) };
    },
  },
  hang: {
    name: 'one agent hangs, 10 s',
    async play(stage) {
      const [sick, healthy] = [[2], hosts(stage).filter((host) => host !== 2)];
      const startMs = stage.nowMs();
      stage.hang(2);
      const outMs = await outOfRotation(stage, healthy, sick);
      await stage.pass(Math.max(0, startMs + 10_000 - stage.nowMs()));
      stage.wake(2);
      const agreeMs = await recovery(stage);
      return { outMs: outMs - startMs, agreeMs, ...mistakes(stage, startMs, healthy, healthy) };
    },
  },
  silence: {
    name: 'one host falls silent for ever',
    async play(stage) {
      const [gone, healthy] = [[3], hosts(stage).filter((host) => host !== 3)];
      const startMs = stage.nowMs();
      await stage.cut(gone, healthy);
      await stage.cut(healthy, gone);
      const outMs = await outOfRotation(stage, healthy, gone);
      const failedMs = await stage.until('all have failed it', () => stage.beliefs.areFailed(healthy, gone), deadlineMs);
      return { outMs: outMs - startMs, failedMs: failedMs - startMs, ...mistakes(stage, startMs, healthy, healthy) };
    },
  },
} as const satisfies Readonly<Record<string, Story>>;

function hosts(stage: Stage): readonly number[] {
  return Array.from({ length: stage.size }, (_, host) => host);
}

function outOfRotation(stage: Stage, observers: readonly number[], sick: readonly number[]): Promise<number> {
  return stage.until('all have it out of rotation', () => stage.beliefs.areOut(observers, sick), deadlineMs);
}

/** Ends the trouble, and returns how long it took until all agreed. */
async function recovery(stage: Stage): Promise<number> {
  const healedMs = stage.nowMs();
  await stage.heal();
  const agreedMs = await stage.until('all agree that all are well', () => stage.beliefs.agree(hosts(stage)), deadlineMs);
  return Math.max(0, agreedMs - healedMs);
}

function mistakes(
  stage: Stage,
  sinceMs: number,
  observers: readonly number[],
  subjects: readonly number[],
): Pick<Figures, 'suspected' | 'out' | 'failed'> {
  const count = (what: string): number => stage.beliefs.since(sinceMs, what, observers, subjects).length;
  return { suspected: count('suspect'), out: count('out'), failed: count('failed') };
}
