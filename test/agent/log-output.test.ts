import { type Descriptor, LogOutput } from '@skein/agent/parts';
import { expect, test, vi } from 'vitest';

type Done = Parameters<Descriptor['write']>[1];

/** A descriptor whose answers the test gives. */
function fake(): Descriptor & { readonly calls: { text: string; done: Done }[]; syncResult: number | string; synced: string } {
  const descriptor = {
    calls: [] as { text: string; done: Done }[],
    syncResult: Infinity as number | string,
    synced: '',
    write(bytes: Uint8Array, done: Done): void {
      descriptor.calls.push({ text: Buffer.from(bytes).toString(), done });
    },
    writeSync(bytes: Uint8Array): number {
      if (typeof descriptor.syncResult === 'string') throw failure(descriptor.syncResult);
      const written = Math.min(bytes.length, descriptor.syncResult);
      descriptor.synced += Buffer.from(bytes).subarray(0, written).toString();
      return written;
    },
  };
  return descriptor;
}

function failure(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code });
}

test('lines written while a write is under way go out together, in order, after it', () => {
  const descriptor = fake();
  const output = new LogOutput(descriptor);
  for (const line of ['a\n', 'b\n', 'c\n']) output.write(line);
  expect(descriptor.calls.map(({ text }) => text)).toEqual(['a\n']);
  descriptor.calls[0]?.done(null, 2);
  expect(descriptor.calls.map(({ text }) => text)).toEqual(['a\n', 'b\nc\n']);
});

test('what was written in part is written to its end', () => {
  const descriptor = fake();
  const output = new LogOutput(descriptor);
  output.write('abcdef\n');
  descriptor.calls[0]?.done(null, 3);
  expect(descriptor.calls[1]?.text).toBe('def\n');
});

test('a full disk loses the lines that did not fit, counts them, and takes later ones', () => {
  const descriptor = fake();
  const output = new LogOutput(descriptor);
  output.write('a\n');
  output.write('b\n');
  descriptor.calls[0]?.done(failure('ENOSPC'), 0);
  descriptor.calls[1]?.done(failure('ENOSPC'), 0);
  expect(output.dropped).toBe(2);
  output.write('c\n');
  expect(descriptor.calls[2]?.text).toBe('c\n');
});

test('a reader that went away ends writing, quietly', () => {
  const descriptor = fake();
  const output = new LogOutput(descriptor);
  output.write('a\n');
  output.write('b\n');
  descriptor.calls[0]?.done(failure('EPIPE'), 0);
  output.write('c\n');
  expect(descriptor.calls).toHaveLength(1);
  expect(output.dropped).toBe(3);
});

test('a reader that is slow is asked again, and loses nothing', () => {
  vi.useFakeTimers();
  try {
    const descriptor = fake();
    const output = new LogOutput(descriptor);
    output.write('a\n');
    descriptor.calls[0]?.done(failure('EAGAIN'), 0);
    output.write('b\n');
    expect(descriptor.calls).toHaveLength(1);
    vi.advanceTimersByTime(50);
    expect(descriptor.calls[1]?.text).toBe('a\n');
    descriptor.calls[1]?.done(null, 2);
    expect(descriptor.calls[2]?.text).toBe('b\n');
    expect(output.dropped).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

test('a reader that takes nothing costs a bounded amount of memory', () => {
  const output = new LogOutput(fake());
  const line = `${'x'.repeat(1023)}\n`;
  for (let n = 0; n < 5000; n++) output.write(line);
  expect(output.dropped).toBe(5000 - 1 - 4096);
});

test('flush writes what waits, in pieces if need be', () => {
  const descriptor = fake();
  const output = new LogOutput(descriptor);
  descriptor.syncResult = 3;
  output.write('abcd\n');
  output.write('efgh\n');
  output.flush();
  expect(descriptor.synced).toBe('abcd\nefgh\n');
});

test.each(['ENOSPC', 'EPIPE', 'EAGAIN'])('flush against %s ends', (code) => {
  const descriptor = fake();
  const output = new LogOutput(descriptor);
  descriptor.syncResult = code;
  output.write('a\n');
  output.flush();
  expect(descriptor.synced).toBe('');
});
