/** What every `MeshPort` keeps, whoever implements it: the agent's driver, the simulator's node. */

import { topics } from '@skein/core';
import type { CancelSignal, MeshPort, View } from '@skein/core';
import { describe, expect, test } from 'vitest';
import { instance } from '../core/fixture.ts';

/** A started port of a node that is alone, and the way to stop it. */
export interface MeshPortSetUp {
  readonly port: MeshPort;
  readonly stop: () => void;
}

/** A signal that counts who listens. */
class CountingSignal implements CancelSignal {
  aborted = false;
  readonly listeners = new Set<() => void>();

  addEventListener(_type: 'abort', listener: () => void): void {
    this.listeners.add(listener);
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.listeners.delete(listener);
  }

  abort(): void {
    this.aborted = true;
    for (const listener of this.listeners) listener();
  }
}

const isSettled = async (promise: Promise<unknown>): Promise<boolean> =>
  Promise.race([promise.then(() => true), new Promise<boolean>((resolve) => void setImmediate(() => resolve(false)))]);

const never = (): CountingSignal => new CountingSignal();
const web = topics.service('web');

function register(port: MeshPort, id: string, service = 'web'): void {
  expect(port.dispatch({ type: 'register', instance: instance(id, { service }), checks: [], replaceChecks: false })).toEqual({
    ok: true,
  });
}

const idsIn = (view: View): string[] => (view.service('web')?.instances ?? []).map((each) => each.instance.id);

/** Runs the suite on one implementation. */
export function meshPortContract(name: string, setUp: () => MeshPortSetUp): void {
  describe(`${name} as a MeshPort`, () => {
    test('knows itself, as a member that is alive', () => {
      const { port } = setUp();
      expect(port.view().member(port.self)).toMatchObject({ status: 'alive', reachable: true });
    });

    describe('a write', () => {
      test('is in the view as soon as it was answered', () => {
        const { port } = setUp();
        register(port, 'a');
        expect(idsIn(port.view())).toEqual(['a']);
        expect(port.dispatch({ type: 'deregister', id: instance('a').id })).toEqual({ ok: true });
        expect(idsIn(port.view())).toEqual([]);
      });

      test('that is refused is answered with a code, a message and no exception, and changes nothing', () => {
        const { port } = setUp();
        register(port, 'a');
        const before = port.view();
        expect(port.dispatch({ type: 'deregister', id: instance('nobody').id })).toEqual({
          ok: false,
          code: 'unknown-instance',
          message: expect.stringContaining('nobody'),
        });
        expect(
          port.dispatch({ type: 'register', instance: instance('b', { port: -1 }), checks: [], replaceChecks: false }),
        ).toMatchObject({
          ok: false,
          code: 'invalid-registration',
        });
        expect(port.view()).toBe(before);
      });

      test('does not change a view that was given before', () => {
        const { port } = setUp();
        register(port, 'a');
        const before = port.view();
        const index = before.index(web);
        register(port, 'b');
        expect(idsIn(before)).toEqual(['a']);
        expect(before.index(web)).toBe(index);
        expect(port.view().index(web)).toBeGreaterThan(index);
      });
    });

    describe('waiting for a change', () => {
      test('ends at once when the topic moved since the index', async () => {
        const { port } = setUp();
        const before = port.view().index(web);
        register(port, 'a');
        expect(idsIn(await port.changed(web, before, never()))).toEqual(['a']);
        expect(await isSettled(port.changed(web, 0, never()))).toBe(true);
      });

      test('ends with a view in which the topic moved, when it moves', async () => {
        const { port } = setUp();
        register(port, 'a');
        const index = port.view().index(web);
        const wait = port.changed(web, index, never());
        expect(await isSettled(wait)).toBe(false);
        register(port, 'b');
        const view = await wait;
        expect(view.index(web)).toBeGreaterThan(index);
        expect(idsIn(view)).toEqual(['a', 'b']);
      });

      test('goes on while other topics move', async () => {
        const { port } = setUp();
        register(port, 'a');
        const wait = port.changed(web, port.view().index(web), never());
        register(port, 'x', 'other');
        expect(port.dispatch({ type: 'apply-config', kind: 'route', name: 'r', value: {} })).toEqual({ ok: true });
        expect(await isSettled(wait)).toBe(false);
      });

      test('on any topic ends with whichever moves, and with no other', async () => {
        const { port } = setUp();
        const acts = [
          () => register(port, 'a'),
          () => void port.dispatch({ type: 'apply-config', kind: 'route', name: 'r', value: {} }),
          () => void port.dispatch({ type: 'set-tags', tags: { role: 'db' } }),
          () => void port.dispatch({ type: 'deregister', id: instance('a').id }),
        ];
        for (const act of acts) {
          const index = port.view().index(topics.any);
          expect(index).toBe(port.view().lastIndex);
          const wait = port.changed(topics.any, index, never());
          expect(await isSettled(wait)).toBe(false);
          act();
          expect((await wait).index(topics.any)).toBeGreaterThan(index);
        }
      });

      test('on a topic that never existed ends when it begins to', async () => {
        const { port } = setUp();
        const topic = topics.service('to-come');
        const wait = port.changed(topic, port.view().index(topic), never());
        expect(await isSettled(wait)).toBe(false);
        register(port, 'x', 'to-come');
        expect((await wait).service('to-come')?.instances).toHaveLength(1);
      });

      test('for an index that is greater than all here goes on', async () => {
        const { port } = setUp();
        const signal = never();
        const wait = port.changed(web, Number.MAX_SAFE_INTEGER, signal);
        register(port, 'a');
        expect(await isSettled(wait)).toBe(false);
        signal.abort();
        expect(idsIn(await wait)).toEqual(['a']);
      });

      test('ends when its signal aborts, also when that was before, with the view that is current then', async () => {
        const { port } = setUp();
        const signal = never();
        const index = port.view().index(web);
        const wait = port.changed(web, index, signal);
        signal.abort();
        expect((await wait).index(web)).toBe(index);
        expect(await isSettled(port.changed(web, index, signal))).toBe(true);
      });

      test('leaves nobody listening at the signal, however it ended', async () => {
        const { port } = setUp();
        const signal = never();
        const waits = Array.from({ length: 100 }, () => port.changed(web, port.view().index(web), signal));
        expect(signal.listeners.size).toBe(100);
        register(port, 'a');
        await Promise.all(waits);
        await port.changed(web, 0, signal);
        expect(signal.listeners.size).toBe(0);
      });

      test('of one reader does not end that of another on the same topic', async () => {
        const { port } = setUp();
        const [one, other] = [never(), never()];
        const index = port.view().index(web);
        const first = port.changed(web, index, one);
        const second = port.changed(web, index, other);
        one.abort();
        await first;
        expect(await isSettled(second)).toBe(false);
        register(port, 'a');
        expect(idsIn(await second)).toEqual(['a']);
      });

      test('may be followed at once by a write and by waiting again', async () => {
        const { port } = setUp();
        const seen: string[][] = [];
        const follow = async (rounds: number, index: number): Promise<void> => {
          const view = await port.changed(web, index, never());
          seen.push(idsIn(view));
          if (rounds === 0) return;
          register(port, `more-${rounds}`);
          await follow(rounds - 1, view.index(web));
        };
        const done = follow(2, port.view().index(web));
        register(port, 'first');
        await done;
        expect(seen).toEqual([['first'], ['first', 'more-2'], ['first', 'more-1', 'more-2']]);
      });
    });

    describe('once it stopped', () => {
      test('who waits is answered, the last view stays, and writes are refused as leaving', async () => {
        const { port, stop } = setUp();
        register(port, 'a');
        const wait = port.changed(web, port.view().index(web), never());
        stop();
        expect(idsIn(await wait)).toEqual(['a']);
        expect(idsIn(port.view())).toEqual(['a']);
        expect(port.dispatch({ type: 'deregister', id: instance('a').id })).toMatchObject({ ok: false, code: 'leaving' });
        expect(idsIn(port.view())).toEqual(['a']);
      });

      test('nobody waits any more', async () => {
        const { port, stop } = setUp();
        stop();
        expect(await isSettled(port.changed(web, port.view().index(web), never()))).toBe(true);
      });
    });
  });
}
