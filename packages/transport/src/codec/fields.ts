/** The kinds of fields that messages are made of, each with its limit. A field that is left out has its default. */

import { CodecError } from './codec-error.ts';
import type { ProtoReader } from './proto-reader.ts';
import type { Field, Shape } from './shape.ts';
import { requireCount, requireFirst, requireWireType, wireTypes } from './shape.ts';

/** An integer from 0 to `max`. */
export function uint(number: number, max: number = Number.MAX_SAFE_INTEGER): Field<number> {
  return {
    number,
    write(writer, value) {
      if (value === 0) return;
      writer.tag(number, wireTypes.varint);
      writer.uint(value);
    },
    read(reader, wireType, held) {
      requireFirst(held);
      requireWireType(wireType, wireTypes.varint);
      const value = reader.uint();
      if (value > max) throw new CodecError('bad-number', `${value} is above ${max}`);
      return value;
    },
    complete: (held) => (held ?? 0) as number,
  };
}

export function bool(number: number): Field<boolean> {
  const field = uint(number, 1);
  return {
    number,
    write: (writer, value) => field.write(writer, value ? 1 : 0),
    read: field.read,
    complete: (held) => held === 1,
  };
}

/** Text of at most `limit` UTF-16 units. */
export function text(number: number, limit: number): Field<string> {
  return {
    number,
    write(writer, value) {
      if (value === '') return;
      writer.tag(number, wireTypes.bytes);
      writer.text(value);
    },
    read(reader, wireType, held) {
      requireFirst(held);
      requireWireType(wireType, wireTypes.bytes);
      return reader.text(limit);
    },
    complete: (held) => (held ?? '') as string,
  };
}

/** Text that must not be empty: names and ids. `T` is its brand. */
export function id<T extends string = string>(number: number, limit: number): Field<T> {
  const field = text(number, limit);
  return {
    number,
    write: field.write,
    read: field.read,
    complete(held) {
      if (held === undefined || held === '') throw new CodecError('missing', 'must not be empty');
      return held as T;
    },
  };
}

export function bytes(number: number, limit: number): Field<Uint8Array> {
  return {
    number,
    write(writer, value) {
      if (value.length === 0) return;
      writer.tag(number, wireTypes.bytes);
      writer.bytes(value);
    },
    read(reader, wireType, held) {
      requireFirst(held);
      requireWireType(wireType, wireTypes.bytes);
      return reader.bytes(limit);
    },
    complete: (held) => (held as Uint8Array | undefined) ?? new Uint8Array(0),
  };
}

/** One of `values`, numbered from 1 in the order given. 0, protobuf's default, is refused. */
export function oneOf<T extends string>(number: number, values: readonly T[]): Field<T> {
  const field = uint(number);
  return {
    number,
    write: (writer, value) => field.write(writer, values.indexOf(value) + 1),
    read(reader, wireType, held) {
      const value = values[(field.read(reader, wireType, held) as number) - 1];
      if (value === undefined) throw new CodecError('unknown-value', `none of ${values.join(', ')}`);
      return value;
    },
    complete(held) {
      if (held === undefined) throw new CodecError('missing', `must be one of ${values.join(', ')}`);
      return held as T;
    },
  };
}

/** A message that must be there. */
export function nested<T>(number: number, shape: Shape<T>): Field<T> {
  const field = optional(number, shape);
  return {
    number,
    write: field.write,
    read: field.read,
    complete(held) {
      if (held === undefined) throw new CodecError('missing', `${shape.name} must be there`);
      return held as T;
    },
  };
}

/** A message that may be left out. */
export function optional<T>(number: number, shape: Shape<T>): Field<T | undefined> {
  return {
    number,
    write(writer, value) {
      if (value === undefined) return;
      writer.tag(number, wireTypes.bytes);
      writer.nested(() => shape.write(writer, value));
    },
    read(reader, wireType, held) {
      requireFirst(held);
      requireWireType(wireType, wireTypes.bytes);
      return reader.nested(() => shape.read(reader));
    },
    complete: (held) => held as T | undefined,
  };
}

/** Text that may be left out, and is then undefined. */
export function optionalId<T extends string>(number: number, limit: number): Field<T | undefined> {
  const field = text(number, limit);
  return {
    number,
    write: (writer, value) => field.write(writer, value ?? ''),
    read: field.read,
    complete: (held) => (held === '' ? undefined : (held as T | undefined)),
  };
}

/** Length-delimited elements, at most `limit`: what all lists read alike. */
export function repeated<T>(
  number: number,
  limit: number,
  readOne: (reader: ProtoReader) => T,
): Omit<Field<readonly T[]>, 'write'> {
  return {
    number,
    read(reader, wireType, held) {
      requireWireType(wireType, wireTypes.bytes);
      const items = (held ?? []) as T[];
      requireCount(items.length, limit);
      items.push(readOne(reader));
      return items;
    },
    complete: (held) => (held ?? []) as readonly T[],
  };
}

/** At most `limit` messages. */
export function list<T>(number: number, shape: Shape<T>, limit: number): Field<readonly T[]> {
  return {
    ...repeated(number, limit, (reader) => reader.nested(() => shape.read(reader))),
    write(writer, items) {
      for (const item of items) {
        writer.tag(number, wireTypes.bytes);
        writer.nested(() => shape.write(writer, item));
      }
    },
  };
}

/** At most `limit` texts of at most `length` units. */
export function texts(number: number, length: number, limit: number): Field<readonly string[]> {
  return {
    ...repeated(number, limit, (reader) => reader.text(length)),
    write(writer, items) {
      for (const item of items) {
        writer.tag(number, wireTypes.bytes);
        writer.text(item);
      }
    },
  };
}

/** At most `limit` integers from 0 to `max`, packed. */
export function uints(number: number, limit: number, max: number = Number.MAX_SAFE_INTEGER): Field<readonly number[]> {
  const readOne = (reader: ProtoReader, items: number[]): void => {
    requireCount(items.length, limit);
    const value = reader.uint();
    if (value > max) throw new CodecError('bad-number', `${value} is above ${max}`);
    items.push(value);
  };
  return {
    number,
    write(writer, items) {
      if (items.length === 0) return;
      writer.tag(number, wireTypes.bytes);
      writer.nested(() => {
        for (const item of items) writer.uint(item);
      });
    },
    read(reader, wireType, held) {
      const items = (held ?? []) as number[];
      if (wireType === wireTypes.varint) {
        readOne(reader, items);
        return items;
      }
      requireWireType(wireType, wireTypes.bytes);
      return reader.nested(() => {
        while (reader.more) readOne(reader, items);
        return items;
      });
    },
    complete: (held) => (held ?? []) as readonly number[],
  };
}

interface Entry<V> {
  readonly key: string;
  readonly value: V;
}

/** A map with text keys, at most `limit` entries. Entries are written in key order; a key that comes twice is refused. */
export function map<V>(number: number, entry: Shape<Entry<V>>, limit: number): Field<Readonly<Record<string, V>>> {
  return {
    number,
    write(writer, value) {
      for (const key of Object.keys(value).sort()) {
        writer.tag(number, wireTypes.bytes);
        writer.nested(() => entry.write(writer, { key, value: value[key] as V }));
      }
    },
    read(reader, wireType, held) {
      requireWireType(wireType, wireTypes.bytes);
      const entries = (held ?? new Map<string, V>()) as Map<string, V>;
      requireCount(entries.size, limit);
      const { key, value } = reader.nested(() => entry.read(reader));
      if (entries.has(key)) throw new CodecError('repeated', 'a key that comes twice');
      entries.set(key, value);
      return entries;
    },
    // fromEntries defines properties instead of assigning them: a key such as `__proto__` stays an ordinary key.
    complete: (held) => Object.fromEntries((held ?? new Map()) as Map<string, V>),
  };
}
