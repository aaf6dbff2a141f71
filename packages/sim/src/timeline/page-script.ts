/** The part of a timeline's script that answers the reader: scrubbing, zooming, filter, keys, tooltips, lists. */

export const pageScript = String.raw`
const $ = (id) => document.getElementById(id);
const tip = $('tip'), filter = $('filter'), scrub = $('scrub'), clock = $('clock'), logList = $('log'), markList = $('marks');
const filtering = () => filter.value.trim() !== '';
const wordTests = {
  failed: (node) => everTrouble[node].has(5), suspect: (node) => everTrouble[node].has(3) || everTrouble[node].has(4), left: (node) => everTrouble[node].has(7),
  unreachable: (node) => everTrouble[node].has(2) || everTrouble[node].has(4), paused: (node) => lives[node].to.includes('paused'),
  stopped: (node) => lives[node].to.includes('stopped'), fault: (node) => R.faults.some((fault) => fault.nodes.includes(node)),
  refuted: (node) => R.refutations.some((each) => each.node === node),
};
const lanesMax = 400;
function applyFilter() {
  const terms = filter.value.toLowerCase().split(/[\s,]+/).filter((term) => term !== '');
  const matches = (node, term) => wordTests[term] ? wordTests[term](node)
    : term.startsWith('zone:') ? R.nodes[node].zone.toLowerCase() === term.slice(5) : R.nodes[node].name.toLowerCase().includes(term);
  view.nodes = R.nodes.map((_, i) => i).filter((node) => terms.length === 0 || terms.some((term) => matches(node, term)));
  const all = view.nodes.length;
  if (all > lanesMax) view.nodes = [...view.nodes].sort((a, b) => looks[b].at.length - looks[a].at.length).slice(0, lanesMax).sort((a, b) => a - b);
  $('lanes-note').textContent = all > lanesMax ? 'The ' + lanesMax + ' nodes with most changes, of ' + all + '.' : filtering() ? all + ' of ' + N + ' nodes.' : '';
  draw();
}
let isAsked = false;
function draw() {
  if (isAsked) return;
  isAsked = true;
  requestAnimationFrame(() => { isAsked = false; layout(); drawTop(); drawRows(); drawMatrix(); });
}
function moveTo(at, isKept) {
  view.cursor = Math.max(0, Math.min(END, Math.round(at)));
  if (view.cursor < view.from || view.cursor > view.to) {
    const span = view.to - view.from;
    view.from = Math.max(0, Math.min(END - span, view.cursor - span / 2)); view.to = view.from + span;
  }
  if (!isKept) scrub.value = String(view.cursor);
  clock.textContent = secs(view.cursor);
  scrub.setAttribute('aria-valuetext', secs(view.cursor));
  listLog(); draw();
}
function zoom(by, around) {
  const span = Math.max(1000, Math.min(END, (view.to - view.from) * by)), part = (around - view.from) / (view.to - view.from);
  view.from = Math.max(0, Math.min(END - span, around - span * part)); view.to = view.from + span;
  draw();
}
function pan(by) { const span = view.to - view.from; view.from = Math.max(0, Math.min(END - span, view.from + by * span)); view.to = view.from + span; draw(); }
function entry(at, text, below, className) {
  const item = document.createElement('li'), button = document.createElement('button'), time = document.createElement('time'), what = document.createElement('span');
  item.className = className; time.textContent = secs(at); what.textContent = text; time.title = exact(at);
  for (const line of below) { const small = document.createElement('small'); small.textContent = line; what.append(small); }
  button.append(time, what); button.type = 'button'; button.addEventListener('click', () => moveTo(at)); item.append(button);
  return item;
}
function shownLog() {
  if (!filtering()) return log;
  const nodes = new Set(view.nodes);
  return log.filter((each) => each.node === undefined ? !each.nodes || each.nodes.length === 0 || each.nodes.some((node) => nodes.has(node)) : nodes.has(each.node));
}
let logCache = { key: undefined, items: [], at: [] };
function listLog() {
  if (logCache.key !== filter.value) { const items = shownLog(); logCache = { key: filter.value, items, at: items.map((each) => each.at) }; }
  const place = lastAt(logCache.at, view.cursor), from = Math.max(0, place - 8), shown = logCache.items.slice(from, from + 16);
  logList.replaceChildren(...shown.map((each, i) => entry(each.at, logText(each), [], from + i === place ? 'now' : from + i > place ? 'later' : '')));
  if (shown.length === 0) logList.textContent = 'Nothing to tell.';
}
function step(by) {
  const place = lastAt(logCache.at, view.cursor);
  let next = by > 0 ? place + 1 : place;
  while (by < 0 && next >= 0 && logCache.at[next] >= view.cursor) next--;
  if (next >= 0 && next < logCache.at.length) moveTo(logCache.at[next]);
}
function toFailure() {
  if (firstFailed) { moveTo(firstFailed.atUs); return; }
  if (firstSuspect) moveTo(firstSuspect.at);
}
let playing;
function play() {
  if (playing) { cancelAnimationFrame(playing); playing = undefined; $('play').textContent = 'Play'; return; }
  $('play').textContent = 'Stop';
  if (view.cursor >= END) moveTo(view.from);
  let before;
  const frame = (now) => {
    const passed = before === undefined ? 0 : now - before; before = now;
    moveTo(view.cursor + passed * (view.to - view.from) / 20000);
    playing = view.cursor >= END ? undefined : requestAnimationFrame(frame);
    if (!playing) $('play').textContent = 'Play';
  };
  playing = requestAnimationFrame(frame);
}

function say(event, text) {
  tip.hidden = text === '';
  if (tip.hidden) return;
  tip.textContent = text;
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = Math.max(4, Math.min(window.innerWidth - width - 8, event.clientX + 14)) + 'px';
  tip.style.top = (event.clientY + 18 + height > window.innerHeight ? Math.max(4, event.clientY - height - 12) : event.clientY + 18) + 'px';
}
function laneText(node, at) {
  const look = looks[node], counts = look.counts[Math.max(0, lastAt(look.at, at))], lines = [nameOf(node) + (R.nodes[node].zone ? ' (zone ' + R.nodes[node].zone + ')' : '') + ', at ' + exact(at)];
  const life = lives[node], place = lastAt(life.at, at);
  lines.push('process: ' + (place < 0 ? 'not started' : life.to[place] + ' since ' + exact(life.at[place]) + ' (' + life.how[place] + ')'));
  for (const belief of stacking) if (counts[belief] > 0) lines.push(counts[belief] + (belief === 0 ? ' have not heard of it' : ' see it ' + R.beliefs[belief]));
  const last = logCache.items.findLast ? log.findLast((each) => each.kind === 'belief' && each.node === node && each.at <= at) : undefined;
  if (last) lines.push('last change, ' + exact(last.at) + ': ' + logText(last));
  const befell = logCache.items.findLast ? R.incidents.findLast((each) => each.node === node && each.atUs <= at) : undefined;
  if (befell) lines.push('host, ' + exact(befell.atUs) + ': ' + befell.what);
  for (const fault of R.faults) if (fault.fromUs <= at && at < Math.max(fault.toUs, fault.fromUs + 1) && (fault.nodes.length === 0 || fault.nodes.includes(node))) lines.push('fault: ' + fault.what);
  return lines.join('\n');
}
function topText(x, y) {
  const at = atOf(x), faultsTop = axisPx + (phases.length > 0 ? trackPx : 0), faultsEnd = faultsTop + faultRows.count * trackPx, near = (mark) => Math.abs(xOf(mark.atUs) - x) < 7;
  if (y >= axisPx && y < faultsTop) {
    const phase = phases.find((each) => each.from <= at && at <= each.to);
    if (phase) return phase.what + '\n' + exact(phase.from) + ' to ' + exact(phase.to);
  } else if (y >= faultsTop && y < faultsEnd) {
    const row = Math.floor((y - faultsTop) / trackPx);
    const fault = R.faults.filter((_, index) => { const place = faultRows.placed[index]; return place.row === row && xOf(0) + place.from - 3 <= x && x <= xOf(0) + Math.max(place.labelEnd, place.to - 6); }).pop();
    if (fault) return fault.what + '\n' + exact(fault.fromUs) + (fault.toUs > fault.fromUs ? ' to ' + exact(fault.toUs) : '');
  } else if (promises.length > 0 && y >= faultsEnd && y < faultsEnd + trackPx) {
    return promises.filter(near).slice(0, 6).map(markText).join('\n');
  } else if (y >= faultsEnd) {
    const second = Math.floor(at / 1e6), count = R.traffic.messages[second];
    if (count !== undefined) return 'second ' + second + ': ' + count.toLocaleString('en') + ' messages, ' + R.traffic.bytes[second].toLocaleString('en') + ' bytes';
  }
  return exact(at);
}
function markText(mark) {
  const took = mark.atUs - mark.sinceUs;
  return (mark.kind === 'held' ? '✓ ' : mark.kind === 'failed' ? '✗ ' : '') + mark.what + (mark.kind === 'phase' ? '' : (mark.kind === 'held' ? ', after ' : ', not within ') + secs(took)) + '\n at ' + exact(mark.atUs) + mark.found.slice(0, 3).map((line) => '\n ' + line).join('');
}

for (const canvas of [top2, rows2]) {
  canvas.addEventListener('pointerdown', (event) => { if (event.offsetX < view.gutter) return; canvas.setPointerCapture(event.pointerId); moveTo(atOf(event.offsetX)); });
  canvas.addEventListener('pointermove', (event) => {
    if (event.buttons === 1 && event.offsetX >= view.gutter) moveTo(atOf(event.offsetX));
    if (canvas === top2) { say(event, event.offsetX < view.gutter ? '' : topText(event.offsetX, event.offsetY)); return; }
    const node = view.nodes[Math.floor(event.offsetY / view.lane)];
    say(event, node === undefined ? '' : laneText(node, event.offsetX < view.gutter ? view.cursor : atOf(event.offsetX)));
  });
  canvas.addEventListener('pointerleave', () => { tip.hidden = true; });
  canvas.addEventListener('wheel', (event) => {
    if (event.ctrlKey || event.metaKey) { event.preventDefault(); zoom(event.deltaY > 0 ? 1.25 : .8, atOf(event.offsetX)); }
    else if (event.shiftKey) { event.preventDefault(); pan((event.deltaY || event.deltaX) > 0 ? .1 : -.1); }
  }, { passive: false });
}
matrix.addEventListener('pointermove', (event) => { const pair = cellAt(event.offsetX, event.offsetY); say(event, pair ? pairText(pair.observer, pair.subject) : ''); });
matrix.addEventListener('pointerleave', () => { tip.hidden = true; });
matrix.addEventListener('click', (event) => { const pair = cellAt(event.offsetX, event.offsetY); if (pair) { filter.value = filtering() ? '' : nameOf(pair.subject); refilter(); } });
function refilter() { applyFilter(); listLog(); }
filter.addEventListener('input', refilter);
scrub.max = String(END);
scrub.step = String(Math.max(1, Math.floor(END / 20000)));
scrub.addEventListener('input', () => moveTo(Number(scrub.value), true));
$('play').addEventListener('click', play);
$('failure').addEventListener('click', toFailure);
$('in').addEventListener('click', () => zoom(.5, view.cursor));
$('out').addEventListener('click', () => zoom(2, view.cursor));
$('theme').addEventListener('click', () => {
  const root = document.documentElement, isDark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset.theme = isDark ? 'light' : 'dark'; readColours(); draw();
});
$('copy').addEventListener('click', () => { navigator.clipboard?.writeText(R.command).then(() => { $('copy').textContent = 'Copied'; }, () => {}); });
$('keys').addEventListener('click', () => $('help').showModal());
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { readColours(); draw(); });
window.addEventListener('resize', draw);
const keys = {
  ArrowRight: (event) => event.shiftKey ? step(1) : moveTo(view.cursor + (view.to - view.from) / 100), ArrowLeft: (event) => event.shiftKey ? step(-1) : moveTo(view.cursor - (view.to - view.from) / 100),
  n: () => step(1), p: () => step(-1), f: toFailure, Home: () => moveTo(0), End: () => moveTo(END), ' ': play, '?': () => $('help').showModal(),
  '+': () => zoom(.5, view.cursor), '=': () => zoom(.5, view.cursor), '-': () => zoom(2, view.cursor), 0: () => { view.from = 0; view.to = END; draw(); }, '/': () => filter.focus(),
};
document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target === filter) { if (event.key === 'Escape') { filter.value = ''; refilter(); filter.blur(); } return; }
  if (event.target instanceof HTMLButtonElement && (event.key === ' ' || event.key === 'Enter')) return;
  const act = keys[event.key];
  if (act && !$('help').open) { event.preventDefault(); act(event); }
});

$('failure').disabled = !firstFailed && !firstSuspect;
$('failure').textContent = firstFailed ? 'First failure' : 'First doubt';
$('copy').hidden = R.command === '';
markList.replaceChildren(...promises.map((mark) => {
  const item = entry(mark.atUs, (mark.kind === 'held' ? '✓ ' : '✗ ') + mark.what, mark.kind === 'failed' ? mark.found.slice(0, 4) : [], mark.kind === 'failed' ? 'bad' : '');
  return item;
}));
if (R.truncatedUs !== null) $('cut').textContent = 'The run was too long to keep whole: something is missing from ' + secs(R.truncatedUs) + ' on.';
readColours();
applyFilter();
const asked = Number(new URLSearchParams(location.hash.slice(1)).get('at'));
if (asked > 0) moveTo(asked * 1e6); else if (firstFailed) toFailure(); else moveTo(END);
`;
