/**
 * The part of a timeline's script that unpacks a recording: beliefs by pair, how each node looks to the others over
 * time, and the log. Runs in the reader's browser, as the other parts do; they share one function scope.
 */

export const modelScript = String.raw`
const R = JSON.parse(document.getElementById('recording').textContent);
const N = R.nodes.length, END = Math.max(R.durationUs, 1), SEEN = R.observers, KINDS = R.beliefs.length;
const badness = [1, 0, 3, 4, 5, 6, 2, 2];
const nameOf = (node) => node < 0 ? 'a stranger' : R.nodes[node].name;
const secs = (us) => (us / 1e6).toFixed(3) + ' s';
const exact = (us) => Math.floor(us / 1e6) + '.' + String(us % 1e6).padStart(6, '0') + ' s';

// The last place in a sorted list whose value is not after 'at'; -1 before all.
function lastAt(times, at) {
  let low = 0, high = times.length;
  while (low < high) { const middle = (low + high) >> 1; if (times[middle] <= at) low = middle + 1; else high = middle; }
  return low - 1;
}

const lives = R.nodes.map(() => ({ at: [], to: [], how: [] }));
for (const life of R.lives) { const of = lives[life.node]; of.at.push(life.atUs); of.to.push(life.to); of.how.push(life.how); }
const processAt = (node, at) => { const place = lastAt(lives[node].at, at); return place < 0 ? 'stopped' : lives[node].to[place]; };

const pairs = new Map();
const changes = [];
{
  let at = 0;
  const C = R.changes;
  for (let i = 0; i < C.gapUs.length; i++) {
    at += C.gapUs[i];
    const key = C.observer[i] * N + C.subject[i];
    let pair = pairs.get(key);
    if (!pair) pairs.set(key, pair = { at: [], belief: [], cause: [] });
    pair.at.push(at); pair.belief.push(C.belief[i]); pair.cause.push(C.cause[i]);
    changes.push({ at, observer: C.observer[i], subject: C.subject[i], belief: C.belief[i], cause: C.cause[i] });
  }
}
const links = new Map();
{
  let at = 0;
  for (let i = 0; i < R.links.gapUs.length; i++) {
    at += R.links.gapUs[i];
    const key = R.links.node[i] * N + R.links.peer[i];
    let link = links.get(key);
    if (!link) links.set(key, link = { at: [], linked: [] });
    link.at.push(at); link.linked.push(R.links.linked[i]);
  }
}

// What one node believes of another at a time: { belief, at, cause }, or undefined where nothing was heard, or nobody runs to believe.
function beliefAt(observer, subject, at) {
  const pair = pairs.get(observer * N + subject);
  if (!pair || processAt(observer, at) === 'stopped') return undefined;
  const place = lastAt(pair.at, at);
  if (place < 0) return undefined;
  const boot = lives[observer];
  for (let i = lastAt(boot.at, at); i >= 0; i--) {
    if (boot.at[i] < pair.at[place]) break;
    if (boot.how[i].startsWith('start')) return undefined;
  }
  return { belief: pair.belief[place], at: pair.at[place], cause: R.words[pair.cause[place]] ?? '' };
}
function linkedAt(node, peer, at) {
  const link = links.get(node * N + peer);
  const place = link ? lastAt(link.at, at) : -1;
  return place >= 0 && link.linked[place] === 1;
}

// How each node looks to the others: at times 'at', 'counts' (one number for each belief) of the running observers.
const looks = R.nodes.map(() => ({ at: [0], counts: [new Uint16Array(KINDS)] }));
const everTrouble = R.nodes.map(() => new Set());
{
  const now = new Uint8Array(SEEN * N), counts = R.nodes.map(() => new Uint16Array(KINDS)), runs = new Uint8Array(SEEN);
  const note = (subject, at) => {
    const look = looks[subject];
    if (look.at[look.at.length - 1] === at) look.counts[look.counts.length - 1] = counts[subject].slice();
    else { look.at.push(at); look.counts.push(counts[subject].slice()); }
  };
  const turn = (observer, on, at) => {
    if (runs[observer] === (on ? 1 : 0)) return;
    runs[observer] = on ? 1 : 0;
    for (let subject = 0; subject < N; subject++) {
      if (subject === observer) continue;
      counts[subject][now[observer * N + subject]] += on ? 1 : -1;
      note(subject, at);
    }
  };
  let life = 0;
  const live = (until) => {
    for (; life < R.lives.length && R.lives[life].atUs <= until; life++) {
      const { node, to, how, atUs } = R.lives[life];
      if (node >= SEEN) continue;
      if (how.startsWith('start')) now.fill(0, node * N, node * N + N);
      turn(node, to === 'running', atUs);
    }
  };
  for (const { at, observer, subject, belief } of changes) {
    live(at);
    const cell = observer * N + subject;
    if (runs[observer]) { counts[subject][now[cell]]--; counts[subject][belief]++; note(subject, at); }
    now[cell] = belief;
    everTrouble[subject].add(belief);
  }
  live(END);
}

// The log: alike changes of belief that come close together are one entry.
const log = [];
{
  const open = new Map();
  const joinUs = 300000;
  for (const change of changes) {
    const why = (R.words[change.cause] ?? '').replace(/^accused by [^:]*: /, 'accused: ').replace(/ by \d+$/, '');
    const key = change.subject + ' ' + change.belief + ' ' + why;
    const entry = open.get(key);
    if (entry && change.at - entry.last <= joinUs) { entry.who.push(change.observer); entry.last = change.at; }
    else { const made = { at: change.at, last: change.at, kind: 'belief', node: change.subject, belief: change.belief, cause: why, who: [change.observer] };
      open.set(key, made); log.push(made); }
  }
  for (const life of R.lives) log.push({ at: life.atUs, kind: 'life', node: life.node, text: nameOf(life.node) + ': ' + life.how });
  for (const each of R.incidents) log.push({ at: each.atUs, kind: 'incident', node: each.node, text: nameOf(each.node) + ': ' + each.what });
  for (const no of R.refutations) log.push({ at: no.atUs, kind: 'refuted', node: no.node, text: nameOf(no.node) + ' refutes ' + nameOf(no.accuser) });
  for (const fault of R.faults) {
    log.push({ at: fault.fromUs, kind: 'fault', nodes: fault.nodes, text: (fault.toUs > fault.fromUs ? 'begins: ' : '') + fault.what });
    if (fault.toUs > fault.fromUs && fault.toUs < END) log.push({ at: fault.toUs, kind: 'fault', nodes: fault.nodes, text: 'ends: ' + fault.what });
  }
  for (const mark of R.marks) log.push({ at: mark.atUs, kind: mark.kind, text: (mark.kind === 'held' ? '✓ ' : mark.kind === 'failed' ? '✗ ' : '') + mark.what });
  const order = { phase: 0, fault: 1, life: 2, incident: 2, belief: 3, refuted: 4, held: 5, failed: 6 };
  log.sort((a, b) => a.at - b.at || order[a.kind] - order[b.kind]);
}
function some(nodes) {
  return nodes.length <= 4 ? nodes.map(nameOf).join(', ') : nodes.slice(0, 3).map(nameOf).join(', ') + ' and ' + (nodes.length - 3) + ' more';
}
function logText(entry) {
  if (entry.kind !== 'belief') return entry.text;
  const what = entry.belief === 0 ? 'forgotten' : R.beliefs[entry.belief];
  return nameOf(entry.node) + ' is ' + what + ' for ' + some([...new Set(entry.who)]) + (entry.cause ? ' (' + entry.cause + ')' : '');
}

const isTrouble = (belief) => belief >= 2 && belief <= 5;
const firstFailed = R.marks.filter((mark) => mark.kind === 'failed').sort((a, b) => a.atUs - b.atUs)[0];
const firstSuspect = changes.find((change) => isTrouble(change.belief));
`;
