/** Service files with nothing in them: emptied for good, or only until their writer goes on. */

import { ServiceFiles } from '@skein/agent/parts';
import type { Registration } from '@skein/core';
import { beforeEach, describe, expect, test } from 'vitest';
import { Solo } from '../core/solo.ts';
import { FakeDirectory } from './fake-directory.ts';
import { ManualClock } from './manual-clock.ts';

let directory: FakeDirectory;
let solo: Solo;
let clock: ManualClock;
let warned: string[];

function makeFiles(): ServiceFiles {
  const say = (msg: string): unknown => warned.push(msg);
  return new ServiceFiles({
    directory,
    port: { view: () => solo.view, dispatch: (command) => solo.command(command) },
    clock,
    log: { info: () => undefined, warn: say, error: say },
    refusal: () => undefined,
  });
}

beforeEach(() => {
  directory = new FakeDirectory();
  solo = new Solo();
  clock = new ManualClock();
  warned = [];
});

const web = { name: 'web', port: 80 };

/** A notice of the file system, and the time that editors are given. */
function write(text: string | object): void {
  directory.write('f.yaml', text);
  directory.tell();
  clock.advance(100);
}

const isRegistered = (): boolean => solo.view.registration('i/web') !== undefined;
const registrations = (): readonly Registration[] => [...solo.view.registrations()];

describe.each([
  ['has no bytes', ''],
  ['has white space only', ' \n\n'],
  ['has comments only', '# to do\n'],
  ['has empty documents only', '---\n---\n'],
])('a file that %s', (_what, text) => {
  test('is one in the making for a second, and says so: what it said stays', () => {
    directory.write('f.yaml', web);
    void makeFiles().start();
    solo.take();
    write(text);
    expect(warned).toEqual(['a service file is empty: what it said stays for a second, as it may be in the making']);
    clock.advance(400);
    write(web);
    clock.advance(20_000);
    expect(isRegistered()).toBe(true);
    expect(solo.take().filter((effect) => effect.type === 'persist')).toEqual([]);
  });

  test('and stays so takes what it registered with it, however often it is looked at in between', () => {
    directory.write('f.yaml', web);
    void makeFiles().start();
    for (let n = 0; n < 10; n++) write(text);
    expect(isRegistered()).toBe(true);
    clock.advance(1000);
    expect(isRegistered()).toBe(false);
    write(web);
    expect(isRegistered()).toBe(true);
  });

  test('when the agent starts keeps for a second what it said before', () => {
    directory.write('f.yaml', web);
    const earlier = makeFiles();
    void earlier.start();
    earlier.stop();
    solo = new Solo({ options: { registrations: registrations(), epoch: 2 } });
    directory.write('f.yaml', text);
    void makeFiles().start();
    clock.advance(900);
    expect(isRegistered()).toBe(true);
    clock.advance(100);
    expect(isRegistered()).toBe(false);
    expect(warned).toEqual([]);
  });
});

test('a file that says that there is nothing is obeyed at once', () => {
  directory.write('f.yaml', web);
  void makeFiles().start();
  write({ services: [] });
  expect(isRegistered()).toBe(false);
});
