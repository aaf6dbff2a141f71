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

test.each([
  [20, 1200],
  [20, 400],
  [300, 800],
])('no label of %i faults lies over another on a page %i px wide, and all are there where rows are enough', (count, widthPx) => {
  const faults = Array.from({ length: count }, (_, at) => {
    const fromUs = (at * 7_919_000) % 10_900_000;
    return { what: `trouble ${at} of some length`, nodes: [0], fromUs, toUs: fromUs + (at % 3) * 1_000_000 };
  });
  const page = pageOf(timelineHtml({ ...recording, faults }));
  const { document, window, texts } = browser(page.scripts[0]?.text ?? '', page.ids, widthPx);
  runInNewContext(page.scripts[1]?.text ?? '', { document, ...window });
  const labels = [...new Set(texts.filter((line) => line.includes('"trouble ')))].map(
    (line) => JSON.parse(line) as readonly [text: string, x: number, y: number],
  );
  for (const [text, x, y] of labels)
    for (const [other, otherX, otherY] of labels) {
      if (other === text || otherY !== y) continue;
      const isBeside = otherX >= x + letterPx * text.length || x >= otherX + letterPx * other.length;
      expect(isBeside, `${text} and ${other}`).toBe(true);
    }
  if (count === 20) expect(labels).toHaveLength(20);
});

/** How wide a letter is, to the pen that draws nothing. */
const letterPx = 6;

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
  widthPx: number = 800,
): { document: object; window: object; elements: Record<string, FakeElement>; texts: readonly string[] } {
  const texts: string[] = [];
  const pen: object = new Proxy(
    {},
    {
      get: (_, name) => {
        if (name === 'measureText') return (text: string) => ({ width: letterPx * text.length });
        return name === 'fillText' ? (...args: readonly unknown[]) => void texts.push(JSON.stringify(args)) : () => pen;
      },
      set: () => true,
    },
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
      clientWidth: widthPx,
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
  return { document, window, elements, texts };
}
