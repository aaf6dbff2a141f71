/**
 * One question and its answer over a TCP connection of their own: a round trip to connect, then each way once. Loss is
 * delay, 200 ms and doubling, a second for the connection; a path that is cut is delay without end.
 */

import type { StreamMessage } from './message.ts';
import type { StreamExchange } from './self.ts';

/** What an exchange needs from around it. */
export interface StreamWires {
  readonly nowUs: number;
  schedule(atUs: number, run: () => void): void;
  /** When so many bytes that are sent now arrive; undefined when they are lost. */
  arrivalUs(to: 'there' | 'back', bytes: number): number | undefined;
  /** Whether a process listens at the other side. */
  isListening(): boolean;
  /** Lets a thread of the asking member go on, now or when its threads may. */
  resume(run: () => void): void;
  answer(request: StreamMessage, reply: (answer: StreamMessage) => void): void;
}

const connectRtoUs = 1_000_000;
const rtoUs = 200_000;
const connectBytes = 60;

/** Asks, and calls `ask.done` once, at the deadline at the latest. */
export function exchange(wires: StreamWires, ask: StreamExchange): void {
  let isSettled = false;
  const settle = (answer: StreamMessage | undefined): void => {
    if (isSettled) return;
    isSettled = true;
    wires.resume(() => ask.done(answer));
  };
  const transfer = (to: 'there' | 'back', bytes: number, retryUs: number, arrive: () => void): void => {
    if (isSettled || wires.nowUs >= ask.deadlineUs) return;
    const atUs = wires.arrivalUs(to, bytes);
    if (atUs !== undefined) wires.schedule(atUs, arrive);
    else wires.schedule(wires.nowUs + retryUs, () => transfer(to, bytes, retryUs * 2, arrive));
  };
  const talk = (): void =>
    transfer('there', ask.request.bytes, rtoUs, () =>
      wires.answer(ask.request, (answer) => transfer('back', answer.bytes, rtoUs, () => settle(answer))),
    );
  wires.schedule(ask.deadlineUs, () => settle(undefined));
  transfer('there', connectBytes, connectRtoUs, () => {
    const isListening = wires.isListening();
    transfer('back', connectBytes, connectRtoUs, () => {
      if (isListening) wires.resume(talk);
      else settle(undefined);
    });
  });
}
