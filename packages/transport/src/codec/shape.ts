/**
 * Describes a protobuf message as a table of fields, from which it is encoded and decoded. The limits are part of
 * the table and are checked while reading, before anything is allocated for the next element: generated decoders
 * check them afterwards or not at all, and accept wrong wire types and text that is not UTF-8.
 */

import { CodecError } from './codec-error.ts';
import type { ProtoReader } from './proto-reader.ts';
import { ProtoReader as Reader } from './proto-reader.ts';
import type { ProtoWriter } from './proto-writer.ts';
import { ProtoWriter as Writer, wireTypes } from './proto-writer.ts';

/** One field: how a value of type T is written, gathered while reading, and completed. */
export interface Field<T> {
  readonly number: number;
  readonly write: (writer: ProtoWriter, value: T) => void;
  /** Takes one occurrence in. `held` is what the occurrences before it gave, undefined at first. */
  readonly read: (reader: ProtoReader, wireType: number, held: unknown) => unknown;
  readonly complete: (held: unknown) => T;
}

export interface Shape<T> {
  readonly name: string;
  readonly write: (writer: ProtoWriter, value: T) => void;
  readonly read: (reader: ProtoReader) => T;
}

type Fields<T> = { readonly [K in keyof T]-?: Field<T[K]> };

/** A message whose fields are the members of T. Order them by number. */
export function shape<T extends object>(name: string, fields: Fields<T>): Shape<T> {
  const entries = Object.entries(fields) as [keyof T & string, Field<unknown>][];
  const slots = new Map(entries.map(([, field], slot) => [field.number, slot]));
  const at = (error: unknown, key: string): unknown => {
    if (error instanceof CodecError && error.at === '') error.at = `${name}.${key}`;
    return error;
  };
  return {
    name,
    write(writer, value) {
      for (const [key, field] of entries) {
        try {
          field.write(writer, value[key]);
        } catch (error) {
          throw at(error, key);
        }
      }
    },
    read(reader) {
      const held: unknown[] = entries.map(() => undefined);
      while (reader.more) {
        const tag = reader.tag();
        const slot = slots.get(tag >>> 3);
        if (slot === undefined) {
          reader.skip(tag & 7);
          continue;
        }
        const [key, field] = entries[slot] as [string, Field<unknown>];
        try {
          held[slot] = field.read(reader, tag & 7, held[slot]);
        } catch (error) {
          throw at(error, key);
        }
      }
      return complete(entries, held, at);
    },
  };
}

function complete<T>(
  entries: readonly [keyof T & string, Field<unknown>][],
  held: readonly unknown[],
  at: (error: unknown, key: string) => unknown,
): T {
  const value: Record<string, unknown> = {};
  for (const [slot, [key, field]] of entries.entries()) {
    try {
      value[key] = field.complete(held[slot]);
    } catch (error) {
      throw at(error, key);
    }
  }
  return value as T;
}

/** The same bytes, read into another form. `to` may throw `CodecError`. */
export function converted<A, B>(inner: Shape<A>, to: (value: A) => B, from: (value: B) => A): Shape<B> {
  return {
    name: inner.name,
    write: (writer, value) => inner.write(writer, from(value)),
    read: (reader) => to(inner.read(reader)),
  };
}

export function encode<T>(shape: Shape<T>, value: T): Uint8Array {
  const writer = new Writer();
  shape.write(writer, value);
  return writer.finish();
}

/** Throws `CodecError`, and nothing else, on bytes that are not such a message within its limits. */
export function decode<T>(shape: Shape<T>, bytes: Uint8Array): T {
  return shape.read(new Reader(bytes));
}

export function requireWireType(got: number, wanted: number): void {
  if (got !== wanted) throw new CodecError('malformed', `wire type ${got} instead of ${wanted}`);
}

export function requireFirst(held: unknown): void {
  if (held !== undefined) throw new CodecError('repeated', 'a field that may appear once');
}

export function requireCount(count: number, limit: number): void {
  if (count >= limit) throw new CodecError('too-many', `more than ${limit}`);
}

export { wireTypes };
