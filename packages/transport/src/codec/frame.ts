/**
 * A frame: one message, told apart by its field number, so that a newer version can add messages that this one
 * passes over. Encoding and decoding of everything that is sent on a stream.
 */

import type { Lane, Message } from '@skein/core';
import type { CodecReason } from './codec-error.ts';
import { CodecError } from './codec-error.ts';
import type { Greeting } from './greetings.ts';
import { greetings } from './greetings.ts';
import { messages } from './messages.ts';
import { ProtoReader } from './proto-reader.ts';
import type { Shape } from './shape.ts';
import { ProtoWriter, wireTypes } from './proto-writer.ts';

export type Decoded<T> =
  | { readonly kind: 'message'; readonly message: T }
  /** A message of a newer version: ignored and counted. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'refused'; readonly reason: CodecReason; readonly detail: string };

interface Entry<T> {
  readonly number: number;
  readonly shape: Shape<T>;
}

const byLane: Readonly<Record<Lane, ReadonlyMap<number, Entry<Message>>>> = {
  wire: table(Object.values(messages).filter((entry) => entry.lane === 'wire')),
  sync: table(Object.values(messages).filter((entry) => entry.lane === 'sync')),
};
const greetingTable = table(Object.values(greetings));
const allNumbers = new Set([...byLane.wire.keys(), ...byLane.sync.keys(), ...greetingTable.keys()]);

function table<T>(entries: readonly Entry<T>[]): ReadonlyMap<number, Entry<T>> {
  return new Map(entries.map((entry) => [entry.number, entry]));
}

/** Throws `CodecError` when the message holds a number that cannot be encoded. */
export function encodeMessage(message: Message): Uint8Array {
  return write(messages[message.type], message);
}

export function encodeGreeting(greeting: Greeting): Uint8Array {
  return write(greetings[greeting.type] as Entry<Greeting>, greeting);
}

/** Never throws. */
export function decodeMessage(lane: Lane, bytes: Uint8Array): Decoded<Message> {
  return read(byLane[lane], bytes);
}

/** Decodes what is allowed before admission. Never throws. */
export function decodeGreeting(bytes: Uint8Array): Decoded<Greeting> {
  return read(greetingTable, bytes);
}

function write<T>(entry: Entry<T>, message: T): Uint8Array {
  const writer = new ProtoWriter();
  writer.tag(entry.number, wireTypes.bytes);
  writer.nested(() => entry.shape.write(writer, message));
  return writer.finish();
}

function read<T>(table: ReadonlyMap<number, Entry<T>>, bytes: Uint8Array): Decoded<T> {
  try {
    return readOne(table, new ProtoReader(bytes));
  } catch (error) {
    if (!(error instanceof CodecError)) throw error;
    return { kind: 'refused', reason: error.reason, detail: error.at === '' ? error.message : `${error.at}: ${error.message}` };
  }
}

function readOne<T>(table: ReadonlyMap<number, Entry<T>>, reader: ProtoReader): Decoded<T> {
  let message: T | undefined;
  if (!reader.more) throw new CodecError('missing', 'an empty frame');
  while (reader.more) {
    const tag = reader.tag();
    const entry = table.get(tag >>> 3);
    if (entry === undefined) {
      if (allNumbers.has(tag >>> 3)) throw new CodecError('misplaced', `message ${tag >>> 3} does not belong here`);
      reader.skip(tag & 7);
      continue;
    }
    if (message !== undefined) throw new CodecError('repeated', 'two messages in one frame');
    if ((tag & 7) !== wireTypes.bytes) throw new CodecError('malformed', `wire type ${tag & 7}`);
    message = reader.nested(() => entry.shape.read(reader));
  }
  return message === undefined ? { kind: 'unknown' } : { kind: 'message', message };
}
