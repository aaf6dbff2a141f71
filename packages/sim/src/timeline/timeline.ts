/**
 * A recording as a page: one HTML file that needs nothing else, not even a network, to be opened, mailed or kept beside
 * a failed build. Status bands of every node as the others see it, faults, promises, traffic, and who believes what of
 * whom at any time.
 */

import { beliefs } from '../recording.ts';
import type { Recording } from '../recording.ts';
import { embedded, escaped } from './escape.ts';
import { lanesScript } from './lanes-script.ts';
import { matrixScript } from './matrix-script.ts';
import { modelScript } from './model-script.ts';
import { pageScript } from './page-script.ts';
import { style } from './style.ts';

const keysHelp = [
  ['← →', 'move in time'],
  ['Shift ← →, p n', 'to the entry of the log before, after'],
  ['f', 'to the first failure, or the first doubt'],
  ['+ − 0', 'zoom in, out, all (Ctrl and wheel on the lanes too; Shift and wheel moves)'],
  ['Space', 'play'],
  ['/ Esc', 'filter, and clear it'],
  ['Home End', 'to the begin, to the end'],
] as const;

const legend = beliefs.map((belief, index) => {
  const said = belief === 'unknown' ? 'not heard of' : belief;
  return `<li><i style="background:var(--b${index})"></i>${said}</li>`;
});

/** The page as text. Names and causes from the run are escaped; the page asks for nothing outside itself. */
export function timelineHtml(recording: Recording): string {
  const failed = recording.marks.filter((mark) => mark.kind === 'failed').length;
  const held = recording.marks.filter((mark) => mark.kind === 'held').length;
  const verdict =
    failed > 0
      ? `<span class="verdict bad">✗ ${failed} of ${failed + held} failed</span>`
      : held > 0
        ? `<span class="verdict good">✓ all ${held} held</span>`
        : '';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${escaped(recording.title)}, seed ${escaped(recording.seed)}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>${escaped(recording.title)}</h1>
${verdict}
<span>seed <code>${escaped(recording.seed)}</code></span>
<span>${recording.nodes.length} nodes</span>
<span>${(recording.durationUs / 1e6).toFixed(1)} s of virtual time</span>
${recording.command === '' ? '' : `<span>again: <code>${escaped(recording.command)}</code></span>`}
<button id="copy" type="button">Copy</button>
<p>${escaped(recording.summary)}</p>
<p class="bad" id="cut"></p>
</header>
<div class="bar">
<button id="play" type="button">Play</button>
<input id="scrub" type="range" min="0" value="0" aria-label="time">
<output id="clock" for="scrub"></output>
<button id="failure" type="button" title="f">First failure</button>
<button id="in" type="button" aria-label="zoom in" title="+">+</button>
<button id="out" type="button" aria-label="zoom out" title="-">−</button>
<input id="filter" type="search" placeholder="host-3, zone:a, failed, fault …" title="Names, zone:NAME, or: failed suspect unreachable left paused stopped refuted fault" aria-label="filter nodes">
<button id="theme" type="button">Light/dark</button>
<button id="keys" type="button" title="?">Keys</button>
</div>
<main${recording.nodes.length > 32 ? ' class="large"' : ''}>
<section>
<h2>Each node, as the others see it</h2>
<div id="lanes" tabindex="0" role="img" aria-label="Status of every node over time; the log tells the same in words"><canvas id="top"></canvas><canvas id="rows"></canvas></div>
<p class="note" id="lanes-note"></p>
<ul class="legend">${legend.join('')}<li><i class="stopped"></i>process stopped</li><li><i class="paused"></i>process paused</li><li><i class="fault"></i>fault</li></ul>
<p class="note">The height of a colour is the share of running nodes that believe it; a single doubter still shows.</p>
</section>
<aside>
<section>
<h2>Who believes what of whom, at this time</h2>
<canvas id="matrix" role="img" aria-label="What each node believes of each other"></canvas>
<p class="note" id="matrix-note"></p>
</section>
<section>
<h2>Around this time</h2>
<ol class="list" id="log"></ol>
</section>
<section>
<h2>Promises</h2>
<ol class="list scroll" id="marks"></ol>
</section>
</aside>
</main>
<dialog id="help"><h2>Keys</h2><table>${keysHelp.map(([key, what]) => `<tr><td><kbd>${key}</kbd></td><td>${what}</td></tr>`).join('')}</table>
<form method="dialog"><button>Close</button></form></dialog>
<div id="tip" role="tooltip" hidden></div>
<script type="application/json" id="recording">${embedded({ ...recording, beliefs })}</script>
<script>(() => { 'use strict';${modelScript}${lanesScript}${matrixScript}${pageScript}})();</script>
</body>
</html>
`;
}
