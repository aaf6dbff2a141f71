/** The part of a timeline's script that draws time from left to right: faults, promises, traffic, and a lane for each node. */

export const lanesScript = String.raw`
const lanesBox = document.getElementById('lanes'), top2 = document.getElementById('top'), rows2 = document.getElementById('rows');
const axisPx = 22, trackPx = 17, trafficPx = 36;
let colours = {};
function readColours() {
  const css = getComputedStyle(document.documentElement), of = (name) => css.getPropertyValue('--' + name).trim();
  colours = { beliefs: R.beliefs.map((_, i) => of('b' + i)) };
  for (const name of ['page', 'panel', 'ink', 'soft', 'line', 'row', 'cursor', 'fault', 'fault-edge', 'good', 'bad', 'stopped', 'paused']) colours[name] = of(name);
  hatches.clear();
}
const hatches = new Map();
function hatch(colour, isUpright) {
  const key = colour + isUpright;
  if (hatches.has(key)) return hatches.get(key);
  const size = isUpright ? 4 : 6, tile = document.createElement('canvas');
  tile.width = tile.height = size;
  const pen = tile.getContext('2d');
  pen.strokeStyle = colour; pen.lineWidth = 1.3; pen.beginPath();
  if (isUpright) { pen.moveTo(1, 0); pen.lineTo(1, size); }
  else { pen.moveTo(-1, size + 1); pen.lineTo(size + 1, -1); pen.moveTo(-1, 1); pen.lineTo(1, -1); pen.moveTo(size - 1, size + 1); pen.lineTo(size + 1, size - 1); }
  pen.stroke();
  const made = pen.createPattern(tile, 'repeat');
  hatches.set(key, made);
  return made;
}
function penOf(canvas, width, height) {
  const scale = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * scale); canvas.height = Math.round(height * scale);
  canvas.style.width = width + 'px'; canvas.style.height = height + 'px';
  const pen = canvas.getContext('2d');
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  return pen;
}
const font = (px) => px + 'px system-ui, sans-serif';
function fit(pen, text, width) {
  if (pen.measureText(text).width <= width) return text;
  let length = text.length;
  while (length > 1 && pen.measureText(text.slice(0, length) + '…').width > width) length--;
  return length > 1 ? text.slice(0, length) + '…' : '';
}

// Faults in as few rows as leave room for every label at this width and zoom, up to forty. More share the last one, in which a
// label ends where the next begins. In pixels from the start of the run, so that panning moves nothing to another row.
const faultRowsMax = 40, faultOrder = R.faults.map((_, index) => index).sort((a, b) => R.faults[a].fromUs - R.faults[b].fromUs);
let faultRows = { key: '', count: 0, placed: [] };
function placeFaults(pen) {
  const lanePx = view.width - view.gutter - 8, perUs = lanePx / (view.to - view.from), key = lanePx + ' ' + perUs;
  if (faultRows.key === key) return;
  const rows = [], placed = [];
  pen.font = font(11);
  for (const index of faultOrder) {
    const fault = R.faults[index], x0 = fault.fromUs * perUs, x1 = fault.toUs * perUs;
    const labelPx = Math.min(pen.measureText(fault.what).width + 1, Math.max(160, lanePx * .6), lanePx - 12);
    // One at the very end has its label before it.
    const textX = Math.max(0, Math.min(x0 + 6, END * perUs - labelPx));
    const place = { row: 0, from: Math.min(x0, textX - 6), textX, to: Math.max(x1, textX + labelPx, x0 + 2) + 6 };
    place.labelEnd = place.to - 6;
    place.row = rows.findIndex((row) => row.every((other) => other.to <= place.from || place.to <= other.from));
    if (place.row < 0 && rows.length < faultRowsMax) place.row = rows.push([]) - 1;
    if (place.row < 0) {
      place.row = faultRowsMax - 1;
      place.from = x0; place.textX = x0 + 6;
      for (const other of rows[place.row]) {
        const [left, next] = other.textX <= place.textX ? [other, place] : [place, other];
        left.labelEnd = Math.min(left.labelEnd, next.from - 2);
      }
    }
    rows[place.row].push(place);
    placed[index] = place;
  }
  faultRows = { key, count: rows.length, placed };
}
const phases = R.marks.filter((mark) => mark.kind === 'phase').map((mark, i, all) => ({ what: mark.what, from: mark.atUs, to: all[i + 1]?.atUs ?? END }));
const promises = R.marks.filter((mark) => mark.kind !== 'phase');
if (phases.length > 0) phases.unshift({ what: 'form', from: 0, to: phases[0].from });
const topHeightOf = () => axisPx + (phases.length > 0 ? trackPx : 0) + faultRows.count * trackPx + (promises.length > 0 ? trackPx : 0) + (R.traffic.messages.length > 0 ? trafficPx : 0);

const view = { from: 0, to: END, cursor: 0, nodes: R.nodes.map((_, i) => i), width: 800, gutter: 90, lane: 16, top: 0 };
const xOf = (at) => view.gutter + (at - view.from) / (view.to - view.from) * (view.width - view.gutter - 8);
const atOf = (x) => Math.max(0, Math.min(END, Math.round(view.from + (x - view.gutter) / (view.width - view.gutter - 8) * (view.to - view.from))));

function layout() {
  view.width = Math.max(320, lanesBox.clientWidth);
  const pen = rows2.getContext('2d');
  pen.font = font(12);
  const widest = view.nodes.reduce((most, node) => Math.max(most, pen.measureText(nameOf(node)).width), 62);
  view.gutter = Math.ceil(Math.min(150, widest + 14));
  placeFaults(pen);
  view.top = topHeightOf();
  // Above the nodes for as long as those have room below it.
  top2.style.position = view.top < window.innerHeight / 2 ? '' : 'static';
  const room = window.innerHeight - 250 - view.top;
  view.lane = Math.max(8, Math.min(26, Math.floor(room / Math.max(1, view.nodes.length))));
}

function drawTop() {
  const pen = penOf(top2, view.width, view.top), right = view.width - 8;
  pen.textBaseline = 'middle'; pen.font = font(11);
  const span = view.to - view.from;
  const steps = [1, 2, 5].flatMap((n) => [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9].map((ten) => n * ten)).sort((a, b) => a - b);
  const step = steps.find((us) => us / span * (right - view.gutter) >= 64) ?? span;
  pen.fillStyle = colours.soft; pen.strokeStyle = colours.line; pen.textAlign = 'center';
  for (let at = Math.ceil(view.from / step) * step; at <= view.to; at += step) {
    const x = xOf(at);
    pen.beginPath(); pen.moveTo(x, axisPx - 5); pen.lineTo(x, view.top); pen.stroke();
    const text = step >= 1e6 ? at / 1e6 + ' s' : (at / 1e3).toFixed(step < 1e3 ? 3 : 0) + ' ms';
    if (x < right - 12) pen.fillText(text, x, 8);
  }
  let y = axisPx;
  pen.textAlign = 'left';
  if (phases.length > 0) { drawPhases(pen, y, right); y += trackPx; }
  label(pen, 'faults', y + trackPx / 2, faultRows.count > 0);
  pen.save(); pen.beginPath(); pen.rect(view.gutter, 0, right - view.gutter + 8, view.top); pen.clip();
  const shift = xOf(0);
  R.faults.forEach((fault, index) => {
    const x0 = Math.max(xOf(fault.fromUs), view.gutter - 4), x1 = xOf(fault.toUs), rowY = y + faultRows.placed[index].row * trackPx;
    if (x1 < view.gutter || x0 > right) return;
    pen.fillStyle = colours.fault; pen.fillRect(x0, rowY + 1, Math.max(2, x1 - x0), trackPx - 3);
    pen.fillStyle = colours['fault-edge']; pen.fillRect(x0, rowY + 1, 2, trackPx - 3);
    if (fault.toUs > fault.fromUs) pen.fillRect(x1 - 1, rowY + 1, 1, trackPx - 3);
  });
  // After all bars, so that none covers a label.
  pen.fillStyle = colours.ink;
  R.faults.forEach((fault, index) => {
    const { row, textX, labelEnd } = faultRows.placed[index], x = Math.max(shift + textX, view.gutter + 2);
    if (shift + labelEnd > x && x < right) pen.fillText(fit(pen, fault.what, shift + labelEnd - x + 1), x, y + (row + .5) * trackPx);
  });
  pen.restore();
  y += faultRows.count * trackPx;
  if (promises.length > 0) { drawMarks(pen, y); y += trackPx; }
  if (R.traffic.messages.length > 0) drawTraffic(pen, y, right);
  drawCursor(pen, view.top);
}
function label(pen, text, y, isShown) {
  if (!isShown) return;
  pen.fillStyle = colours.soft; pen.font = font(11); pen.textAlign = 'left'; pen.fillText(text, 4, y);
}
function drawPhases(pen, y, right) {
  label(pen, 'phases', y + trackPx / 2, true);
  phases.forEach((phase, i) => {
    const x0 = Math.max(view.gutter, xOf(phase.from)), x1 = Math.min(right, xOf(phase.to));
    if (x1 <= x0) return;
    pen.fillStyle = i % 2 === 0 ? colours.row : colours.line; pen.fillRect(x0, y + 1, x1 - x0, trackPx - 4);
    pen.fillStyle = colours.soft; pen.fillText(fit(pen, phase.what, x1 - x0 - 6), x0 + 4, y + trackPx / 2);
  });
}
function drawMarks(pen, y) {
  label(pen, 'promises', y + trackPx / 2, true);
  const middle = y + trackPx / 2;
  for (const mark of promises) {
    const x = xOf(mark.atUs);
    if (x < view.gutter - 6 || x > view.width) continue;
    const since = Math.max(view.gutter, xOf(mark.sinceUs));
    pen.strokeStyle = pen.fillStyle = mark.kind === 'failed' ? colours.bad : colours.good;
    pen.lineWidth = mark.kind === 'failed' ? 3 : 1;
    if (since < x) { pen.beginPath(); pen.moveTo(since, middle); pen.lineTo(x, middle); pen.stroke(); }
    pen.lineWidth = 2; pen.beginPath();
    if (mark.kind === 'failed') { pen.moveTo(x - 5, middle - 5); pen.lineTo(x + 5, middle + 5); pen.moveTo(x + 5, middle - 5); pen.lineTo(x - 5, middle + 5); pen.stroke(); }
    else { pen.moveTo(x - 4, middle); pen.lineTo(x - 1, middle + 4); pen.lineTo(x + 5, middle - 5); pen.stroke(); }
    pen.lineWidth = 1;
  }
}
function drawTraffic(pen, y, right) {
  const { messages } = R.traffic, most = Math.max(1, ...messages);
  label(pen, 'messages/s', y + 10, true);
  label(pen, 'max ' + most.toLocaleString('en'), y + 24, true);
  pen.fillStyle = colours.soft; pen.globalAlpha = .55;
  const base = y + trafficPx - 3;
  messages.forEach((count, second) => {
    const x0 = Math.max(view.gutter, xOf(second * 1e6)), x1 = Math.min(right, xOf((second + 1) * 1e6));
    if (x1 <= view.gutter || x0 >= right) return;
    const tall = count / most * (trafficPx - 6);
    pen.fillRect(x0, base - tall, Math.max(1, x1 - x0 - (x1 - x0 > 5 ? 1 : 0)), tall);
  });
  pen.globalAlpha = 1;
}
function drawCursor(pen, height) {
  const x = xOf(view.cursor);
  if (x < view.gutter - 1) return;
  pen.fillStyle = colours.cursor; pen.fillRect(x - .75, 0, 1.5, height);
}

function drawRows() {
  const height = Math.max(40, view.nodes.length * view.lane + 4);
  const pen = penOf(rows2, view.width, height), right = view.width - 8;
  pen.textBaseline = 'middle';
  if (view.nodes.length === 0) { pen.fillStyle = colours.soft; pen.font = font(13); pen.fillText('No node matches the filter.', 8, 20); return; }
  const bar = view.lane >= 14 ? view.lane - 5 : view.lane - 2;
  view.nodes.forEach((node, place) => {
    const y = place * view.lane, barY = y + (view.lane - bar) / 2;
    for (const fault of R.faults) drawFaultBehind(pen, fault, node, y, right);
    drawLane(pen, node, barY, bar, right);
    if (view.lane >= 10 || place % Math.ceil(11 / view.lane) === 0) {
      pen.fillStyle = colours.ink; pen.font = font(view.lane >= 14 ? 12 : 10);
      pen.fillText(fit(pen, nameOf(node), view.gutter - 8), 4, y + view.lane / 2);
    }
  });
  drawCursor(pen, height);
}
function drawFaultBehind(pen, fault, node, y, right) {
  const isForAll = fault.nodes.length === 0 || fault.nodes.length === N;
  if (!isForAll && !fault.nodes.includes(node)) return;
  const x0 = Math.max(view.gutter, xOf(fault.fromUs)), x1 = Math.min(right, xOf(fault.toUs));
  if (x1 < view.gutter || x0 > right) return;
  pen.fillStyle = colours.fault; pen.fillRect(x0, y, Math.max(1, x1 - x0), view.lane);
  pen.fillStyle = colours['fault-edge'];
  pen.fillRect(x0 - 1, y, 1.5, view.lane);
  if (fault.toUs > fault.fromUs && xOf(fault.toUs) <= right) pen.fillRect(x1, y, 1.5, view.lane);
  if (!isForAll) { pen.fillRect(x0, y, Math.max(1, x1 - x0), 1); pen.fillRect(x0, y + view.lane - 1.5, Math.max(1, x1 - x0), 1.5); }
}
function drawLane(pen, node, y, height, right) {
  pen.fillStyle = colours.row; pen.fillRect(view.gutter, y, right - view.gutter, height);
  const look = looks[node];
  // A run of looks too short for a pixel of their own becomes one pixel that shows the worst of them.
  let shortest, shortX = 0;
  const flush = () => { if (shortest) stack(pen, shortest, shortX, shortX + 1, y, height); shortest = undefined; };
  for (let i = Math.max(0, lastAt(look.at, view.from)); i < look.at.length && look.at[i] <= view.to; i++) {
    let x0 = Math.max(view.gutter, xOf(look.at[i]));
    const x1 = Math.min(right, i + 1 < look.at.length ? xOf(look.at[i + 1]) : right);
    if (shortest && x0 - shortX >= 1) flush();
    if (shortest || x1 - x0 < 1) {
      if (!shortest) shortX = x0;
      if (!shortest || worse(look.counts[i], shortest)) shortest = look.counts[i];
      if (x1 - shortX <= 1) continue;
      x0 = shortX + 1;
      flush();
    }
    stack(pen, look.counts[i], x0, x1, y, height);
  }
  flush();
  const life = lives[node];
  for (let i = -1; i < life.at.length; i++) {
    const to = i < 0 ? 'stopped' : life.to[i];
    if (to === 'running') continue;
    const x0 = Math.max(view.gutter, i < 0 ? view.gutter : xOf(life.at[i])), x1 = Math.min(right, i + 1 < life.at.length ? xOf(life.at[i + 1]) : right);
    if (x1 <= x0) continue;
    pen.fillStyle = hatch(to === 'paused' ? colours.paused : colours.stopped, to === 'paused');
    pen.fillRect(x0, y, Math.max(2, x1 - x0), height);
  }
}
function worse(a, b) {
  const worst = (counts) => counts.reduce((most, count, belief) => count > 0 ? Math.max(most, badness[belief] * 1e5 + count) : most, 0);
  return worst(a) > worst(b);
}
// From the top: the worst beliefs first. A single doubter among many still shows.
const stacking = [5, 4, 3, 2, 6, 7, 0, 1];
function stack(pen, counts, x0, x1, y, height) {
  let total = 0;
  for (const count of counts) total += count;
  if (total === 0) return;
  let used = 0;
  for (const belief of stacking) {
    if (counts[belief] === 0) continue;
    const isLast = belief === 1;
    let tall = isLast ? height - used : Math.max(Math.min(2.5, height / 3), counts[belief] / total * height);
    tall = Math.min(tall, height - used - (counts[1] > 0 && !isLast ? 1 : 0));
    if (tall <= 0) continue;
    pen.fillStyle = colours.beliefs[belief];
    pen.fillRect(x0, y + used, x1 - x0, tall);
    used += tall;
  }
  if (used < height && counts[1] === 0) { pen.fillRect(x0, y + used, x1 - x0, height - used); }
}
`;
