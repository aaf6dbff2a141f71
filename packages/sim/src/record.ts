/** What of inputs, effects and events goes into the trace. */

import type { Effect, Input, MeshEvent, Message } from '@skein/core';
import { messageBytes } from './message-size.ts';
import { hashText } from './randomness.ts';
import type { Trace, TraceEntry } from './trace.ts';

export function hashInput(trace: Trace, atUs: number, node: number, input: Input): void {
  switch (input.type) {
    case 'message':
      trace.hash(atUs, node, input.message.type, hashText(input.from), keyField(input.message));
      return;
    case 'peer':
      trace.hash(atUs, node, input.state, hashText(input.id), input.state === 'linked' ? input.epoch : 0);
      return;
    case 'dialed':
      trace.hash(atUs, node, input.outcome.ok ? 'dialed' : input.outcome.reason, input.dial, 0);
      return;
    default:
      trace.hash(atUs, node, input.type, 0, 0);
  }
}

export function hashEffect(trace: Trace, atUs: number, node: number, effect: Effect): void {
  switch (effect.type) {
    case 'send':
      trace.hash(atUs, node, effect.lane, hashText(effect.to), messageBytes(effect.message));
      return;
    case 'connect':
      trace.hash(atUs, node, 'connect', effect.dial, hashText(effect.to ?? effect.addresses.join(' ')));
      return;
    case 'persist':
      trace.hash(atUs, node, effect.persist.type, 0, 0);
      return;
    case 'disconnect':
      trace.hash(atUs, node, 'disconnect', hashText(effect.to), 0);
      return;
    default:
      trace.hash(atUs, node, effect.event.type, 0, 0);
  }
}

function keyField(message: Message): number {
  if ('seq' in message) return message.seq;
  return 'exchange' in message ? message.exchange : messageBytes(message);
}

/** The events that are a state change worth a line. */
export function lineOf(event: MeshEvent, atUs: number, node: string): TraceEntry | undefined {
  const change = changeOf(event, node);
  return change === undefined ? undefined : { atUs, node, kind: event.type, from: '', to: '', cause: '', ...change };
}

type Change = Pick<TraceEntry, 'subject'> & Partial<Pick<TraceEntry, 'from' | 'to' | 'cause'>>;

function changeOf(event: MeshEvent, node: string): Change | undefined {
  switch (event.type) {
    case 'member-changed':
      return { subject: event.id, from: event.from ?? '', to: event.to, cause: event.reason };
    case 'reachability-changed':
      return { subject: event.id, to: event.reachable ? 'reachable' : 'unreachable', cause: event.reason };
    case 'member-reaped':
      return { subject: event.id };
    case 'isolated':
      return { subject: node, to: event.isolated ? 'isolated' : 'connected' };
    case 'refuted':
      return { subject: node, to: `incarnation ${event.incarnation}`, cause: `accused by ${event.accuser}` };
    case 'message-refused':
      return { subject: event.from, cause: event.reason };
    case 'seed-failed':
      return { subject: event.address, cause: event.reason };
    case 'config-conflict':
    case 'config-changed':
    case 'config-quarantined':
      return { subject: `${event.kind}/${event.name}` };
    default:
      return undefined;
  }
}
