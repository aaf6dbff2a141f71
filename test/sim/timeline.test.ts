import { runInNewContext } from 'node:vm';
import { Recorder, World, timelineHtml } from '@skein/sim';
import type { Recording } from '@skein/sim';
import { expect, test } from 'vitest';
import { pageOf } from './page-fixture.ts';

const hostile = `</script><script>alert(1)</script><img src=x onerror='alert("2")'>&amp;\u2028`;

function hostileRun(): Recording {
  const recorder = new Recorder();
  const world = new World({ seed: 3, network: 'lan', witness: recorder });
  const first = world.addNode({ name: hostile, zone: hostile });
  world.addNode({ seeds: first.addresses });
  const third = world.addNode({ seeds: first.addresses });
  world.runFor(2000);
  third.stepClock(-5000);
  third.crash();
  world.runFor(9000);
  return recorder.recording({
    title: hostile,
    summary: hostile,
    command: hostile,
    faults: [{ what: hostile, nodes: [2], fromUs: 2_000_000, toUs: 2_000_000 }],
    marks: [{ kind: 'failed', what: hostile, atUs: 4_000_000, sinceUs: 2_000_000, found: [hostile] }],
  });
}

const recording = hostileRun();
const html = timelineHtml(recording);

test('a timeline is well-formed, with one script of data and one of code', () => {
  const page = pageOf(html);
  expect(page.faults).toEqual([]);
  expect(page.scripts).toHaveLength(2);
  expect(new Set(page.ids).size).toBe(page.ids.length);
});

test('a timeline asks for nothing outside itself, and forbids it', () => {
  const page = pageOf(html);
  expect(page.references).toEqual([]);
  const code = [page.scripts[1]?.text, ...page.styles].join('\n');
  for (const word of ['http:', 'https:', 'import(', 'fetch(', 'XMLHttpRequest', 'WebSocket', 'url(', '@import', 'innerHTML'])
    expect(code, word).not.toContain(word);
  expect(html).toContain(`content="default-src 'none';`);
});

test('hostile names stay text: they make no element, and come out of the data as they went in', () => {
  const page = pageOf(html);
  expect(page.elements).not.toContain('img');
  expect(html).not.toContain('<script>alert');
  expect(JSON.parse(page.scripts[0]?.text ?? '')).toMatchObject({
    title: hostile,
    nodes: [{ name: hostile, zone: hostile }, {}, {}],
  });
});

test('the page says which seed it shows, how it went, and how to see it again', () => {
  const text = timelineHtml({ ...recording, title: 'split-and-heal', command: 'skein sim split-and-heal --seed 3' });
  expect(text).toContain('<title>split-and-heal, seed 00000003</title>');
  expect(text).toContain('1 of 1 failed');
  expect(text).toContain('<code>skein sim split-and-heal --seed 3</code>');
});

test('the script of a timeline runs, opens at the first failure, and tells of it with its time and what was found', () => {
  const page = pageOf(html);
  const { document, window, elements } = browser(page.scripts[0]?.text ?? '', page.ids);
  runInNewContext(page.scripts[1]?.text ?? '', { document, ...window });
  expect(elements['clock']?.textContent).toBe('4.000 s');
  expect(elements['failure']?.textContent).toBe('First failure');
  const log = textOf(elements['log']);
  expect(log).toContain(`4.000 s✗ ${hostile}`);
  expect(log).toContain('host-2: crash');
  expect(log).toContain('host-2: step-clock, -5000 ms');
  expect(log).toMatch(/host-2 is suspect, out of rotation for .* \(/s);
  expect(textOf(elements['marks'])).toContain(hostile);
});

interface FakeElement {
  textContent: string;
  readonly children: FakeElement[];
  readonly [name: string]: unknown;
}

function textOf(element: FakeElement | undefined): string {
  return element === undefined ? '' : element.textContent + element.children.map(textOf).join('');
}

/** As much of a browser as the script touches: elements that keep their text, and a pen that draws nothing. */
function browser(
  data: string,
  ids: readonly string[],
): { document: object; window: object; elements: Record<string, FakeElement> } {
  const pen: object = new Proxy(
    {},
    { get: (_, name) => (name === 'measureText' ? () => ({ width: 10 }) : () => pen), set: () => true },
  );
  const element = (text = ''): FakeElement => {
    const children: FakeElement[] = [];
    const made = {
      textContent: text,
      children,
      value: '',
      hidden: false,
      disabled: false,
      className: '',
      style: {},
      dataset: {},
      clientWidth: 800,
    };
    const replaceChildren = (...items: FakeElement[]): void => void children.splice(0, children.length, ...items);
    return Object.assign(made, {
      append: (...items: FakeElement[]) => void children.push(...items),
      replaceChildren,
      getContext: () => pen,
      addEventListener: () => {},
      setAttribute: () => {},
      parentElement: { clientWidth: 400 },
    });
  };
  const elements = Object.fromEntries(ids.map((id) => [id, element(id === 'recording' ? data : '')]));
  const document = {
    documentElement: element(),
    getElementById: (id: string) => elements[id],
    createElement: () => element(),
    addEventListener: () => {},
  };
  const frames: (() => void)[] = [];
  const window = {
    window: { innerHeight: 800, innerWidth: 1200, devicePixelRatio: 1, addEventListener: () => {} },
    location: { hash: '' },
    URLSearchParams,
    matchMedia: () => ({ matches: false, addEventListener: () => {} }),
    getComputedStyle: () => ({ getPropertyValue: () => '#123456' }),
    // Drawing happens at once, so that what fails in it fails the test.
    requestAnimationFrame: (draw: () => void) => {
      frames.push(draw);
      draw();
    },
  };
  return { document, window, elements };
}
