/**
 * What members say to each other. Members are numbers; sizes are those of memberlist's encoding (MessagePack with
 * field names) for names of eight letters and IPv4 addresses, before compression.
 */

export type SwimStatus = 'unknown' | 'alive' | 'suspect' | 'failed' | 'left';

/** What is told about a member. `failed` by the member itself means that it leaves. */
export interface Claim {
  readonly type: 'alive' | 'suspect' | 'failed';
  readonly subject: number;
  readonly incarnation: number;
  /** Who says so. */
  readonly from: number;
  /** The host of the subject; of a claim that is not `alive`, its number. */
  readonly address: number;
  readonly bytes: number;
}

export interface Ping {
  readonly type: 'ping';
  readonly seq: number;
  /** Who is meant: another member on the same host does not answer. */
  readonly target: number;
  /** The host that gets the answer. */
  readonly source: number;
  readonly bytes: number;
}

export interface IndirectPing {
  readonly type: 'indirect-ping';
  readonly seq: number;
  readonly target: number;
  readonly address: number;
  readonly source: number;
  /** Whether the helper is to tell that it got no answer. */
  readonly nack: boolean;
  readonly bytes: number;
}

export interface Ack {
  readonly type: 'ack' | 'nack';
  readonly seq: number;
  readonly bytes: number;
}

export type SwimMessage = Claim | Ping | IndirectPing | Ack;

/** One datagram. */
export interface Packet {
  readonly messages: readonly SwimMessage[];
  readonly bytes: number;
}

/** What one member knows of another, in a full exchange. */
export interface MemberState {
  readonly member: number;
  readonly status: 'alive' | 'suspect' | 'failed' | 'left';
  readonly incarnation: number;
  readonly address: number;
}

/** What is sent over a TCP connection of its own, and answered there. */
export type StreamMessage =
  | { readonly type: 'state'; readonly members: readonly MemberState[]; readonly bytes: number }
  | Ping
  | Ack;

const aliveBytes = 76;
const accusationBytes = 43;
const stateBytes = 82;
const stateHeaderBytes = 40;
/** Checksum, and the headers of a compound message. */
const packetHeaderBytes = 5;
export const compoundHeaderBytes = 2;
export const compoundPartBytes = 2;

export function aliveClaim(subject: number, incarnation: number, address: number): Claim {
  return { type: 'alive', subject, incarnation, from: subject, address, bytes: aliveBytes };
}

export function accusation(type: 'suspect' | 'failed', subject: number, incarnation: number, from: number): Claim {
  return { type, subject, incarnation, from, address: subject, bytes: accusationBytes };
}

export function pingMessage(seq: number, target: number, source: number): Ping {
  return { type: 'ping', seq, target, source, bytes: 89 };
}

export function indirectPing(ping: Ping, address: number, nack: boolean): IndirectPing {
  const { seq, target, source } = ping;
  return { type: 'indirect-ping', seq, target, address, source, nack, bytes: 127 };
}

export function ackMessage(seq: number): Ack {
  return { type: 'ack', seq, bytes: 22 };
}

export function nackMessage(seq: number): Ack {
  return { type: 'nack', seq, bytes: 13 };
}

export function stateMessage(members: readonly MemberState[]): StreamMessage {
  return { type: 'state', members, bytes: stateHeaderBytes + stateBytes * members.length };
}

export function packetOf(messages: readonly SwimMessage[]): Packet {
  let bytes = packetHeaderBytes;
  if (messages.length > 1) bytes += compoundHeaderBytes + compoundPartBytes * messages.length;
  for (const message of messages) bytes += message.bytes;
  return { messages, bytes };
}
