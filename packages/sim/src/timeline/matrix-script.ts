/** The part of a timeline's script that draws who believes what of whom at one time: observers down, subjects across. */

export const matrixScript = String.raw`
const matrix = document.getElementById('matrix'), matrixNote = document.getElementById('matrix-note');
const cellsMax = 160;
const glyphs = ['', '', '!', '?', '?', '✗', '…', '–'];
let grid = { cell: 10, left: 0, top: 0, nodes: [], observers: [] };
function drawMatrix() {
  const nodes = view.nodes.slice(0, cellsMax);
  const observers = (filtering() ? R.nodes.map((_, i) => i).filter((node) => node < SEEN) : nodes.filter((node) => node < SEEN)).slice(0, cellsMax);
  const room = Math.max(240, matrix.parentElement.clientWidth - 22), longest = Math.max(nodes.length, observers.length, 1);
  let cell = Math.max(2, Math.min(30, Math.floor(room / (longest + 1))));
  const isNamed = cell >= 11;
  const pen0 = matrix.getContext('2d');
  pen0.font = font(11);
  const left = isNamed ? Math.ceil(Math.min(86, Math.max(...observers.concat(nodes).map((node) => pen0.measureText(nameOf(node)).width), 20) + 8)) : 16;
  cell = Math.max(2, Math.min(30, Math.floor((room - left) / longest)));
  const height = left + observers.length * cell + 2, width = left + nodes.length * cell + 2;
  const pen = penOf(matrix, width, height);
  grid = { cell, left, top: left, nodes, observers };
  pen.textBaseline = 'middle';
  pen.fillStyle = colours.soft; pen.font = font(11);
  if (isNamed) {
    observers.forEach((node, row) => pen.fillText(fit(pen, nameOf(node), left - 6), 2, left + row * cell + cell / 2));
    nodes.forEach((node, column) => { pen.save(); pen.translate(left + column * cell + cell / 2, left - 4); pen.rotate(-Math.PI / 2); pen.fillText(fit(pen, nameOf(node), left - 6), 0, 0); pen.restore(); });
  } else {
    pen.fillText('subjects →', left, 8);
    pen.save(); pen.translate(8, left); pen.rotate(Math.PI / 2); pen.fillText('observers →', 0, 0); pen.restore();
  }
  const gap = cell >= 6 ? 1 : 0;
  observers.forEach((observer, row) => {
    const process = processAt(observer, view.cursor), y = left + row * cell;
    nodes.forEach((subject, column) => drawCell(pen, observer, subject, process, left + column * cell, y, cell - gap));
  });
  matrixNote.textContent = (view.nodes.length > cellsMax ? 'The first ' + cellsMax + ' of ' + view.nodes.length + ' nodes; filter to see others. ' : '')
    + (SEEN < N ? 'What the first ' + SEEN + ' of ' + N + ' nodes believe was recorded. ' : '') + 'A row is what one node believes of all; the diagonal is its own process.';
}
function drawCell(pen, observer, subject, process, x, y, size) {
  if (observer === subject) {
    pen.fillStyle = process === 'running' ? colours.soft : colours.row; pen.fillRect(x, y, size, size);
    if (process !== 'running') { pen.fillStyle = hatch(process === 'paused' ? colours.paused : colours.stopped, process === 'paused'); pen.fillRect(x, y, size, size); }
    return;
  }
  const known = beliefAt(observer, subject, view.cursor);
  if (process === 'stopped' || !known) {
    pen.strokeStyle = colours.line; pen.strokeRect(x + .5, y + .5, size - 1, size - 1);
    return;
  }
  pen.fillStyle = colours.beliefs[known.belief]; pen.fillRect(x, y, size, size);
  if (process === 'paused') { pen.fillStyle = hatch(colours.paused, true); pen.fillRect(x, y, size, size); }
  if (size < 13) return;
  const glyph = glyphs[known.belief];
  if (glyph) { pen.fillStyle = colours.panel; pen.font = 'bold ' + font(Math.min(14, size - 3)); pen.textAlign = 'center'; pen.fillText(glyph, x + size / 2, y + size / 2 + 1); pen.textAlign = 'left'; }
  else if (!linkedAt(observer, subject, view.cursor)) { pen.strokeStyle = colours.soft; pen.beginPath(); pen.arc(x + size / 2, y + size / 2, 2.2, 0, 7); pen.stroke(); }
}
function cellAt(x, y) {
  const column = Math.floor((x - grid.left) / grid.cell), row = Math.floor((y - grid.top) / grid.cell);
  if (column < 0 || row < 0 || column >= grid.nodes.length || row >= grid.observers.length) return undefined;
  return { observer: grid.observers[row], subject: grid.nodes[column] };
}
function pairText(observer, subject) {
  if (observer === subject) return nameOf(observer) + '\nits process is ' + processAt(observer, view.cursor);
  const head = nameOf(observer) + ' of ' + nameOf(subject) + ', at ' + exact(view.cursor) + '\n';
  if (processAt(observer, view.cursor) === 'stopped') return head + nameOf(observer) + ' does not run';
  const known = beliefAt(observer, subject, view.cursor);
  const link = linkedAt(observer, subject, view.cursor) ? 'linked' : 'no link';
  if (!known) return head + 'not heard of\n' + link;
  return head + R.beliefs[known.belief] + ' since ' + exact(known.at) + (known.cause ? '\ncause: ' + known.cause : '') + '\n' + link;
}
`;
