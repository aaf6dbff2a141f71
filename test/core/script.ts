/**
 * Scripts of one node: lines go in, effects come out as text. A script is a list of steps
 *
 *     a command, with arguments
 *     ----
 *     what the node did
 *
 * divided by empty lines; `#` begins a remark. The form follows cockroachdb/datadriven. The node is `m` unless the script
 * says otherwise, its peers are one letter each, and `c@1.2` is what `c` claims in epoch 1 under incarnation 2.
 */

import { nodeId } from '@skein/core';
import type {
  AccusationReason,
  ClaimedStatus,
  Command,
  DialFailure,
  Gossip,
  Input,
  MeshConfig,
  Message,
  NodeId,
  ProbeOutcome,
} from '@skein/core';
import { accusation, claim, fact, instance } from './fixture.ts';
import { effectLines } from './script-text.ts';
import { Owner, Solo, instanceRecord } from './solo.ts';

export interface Step {
  readonly remarks: readonly string[];
  readonly command: string;
  readonly expected: string;
}

export function parseScript(text: string): Step[] {
  return text
    .split(/\n\n+/)
    .filter((block) => block.trim() !== '')
    .map((block) => {
      const lines = block.trimEnd().split('\n');
      const rule = lines.indexOf('----');
      const head = rule < 0 ? lines : lines.slice(0, rule);
      const remarks = head.filter((line) => line.startsWith('#'));
      const command = head.filter((line) => !line.startsWith('#')).join(' ');
      return { remarks, command, expected: rule < 0 ? '' : lines.slice(rule + 1).join('\n') };
    });
}

export function formatScript(steps: readonly Step[]): string {
  const blocks = steps.map(({ remarks, command, expected }) => {
    if (command === '') return remarks.join('\n');
    return [...remarks, command, '----', ...(expected === '' ? [] : [expected])].join('\n');
  });
  return `${blocks.join('\n\n')}\n`;
}

/** Runs the commands of a script one after the other. */
export class Runner {
  #solo: Solo | undefined;
  #startMs = 0;
  readonly #owners = new Map<NodeId, Owner>();
  /** Dials that were not answered yet, by whom or what they go to. */
  readonly #dials = new Map<string, number>();
  /** The root that the node sent last: that of a peer that knows the same. */
  #root = 0;
  /** What messages are about that do not say so: the last ping to their sender, and so on. */
  readonly #pings = new Map<string, number>();
  readonly #requests = new Map<string, number>();
  readonly #exchanges = new Map<string, number>();
  /** Peers whose acks are a matter of course. */
  readonly #answering = new Set<string>();

  /** What the node did, a line an effect. Throws on a command that is none. */
  run(text: string): string {
    if (text === '') return '';
    const [name = '', ...words] = text.split(/\s+/);
    const lines: string[] = [];
    if (name === 'node') this.#create(words);
    else if (name === 'writes') this.#owner(words[0]).write(words.slice(1).map((id) => instanceRecord(id)));
    else if (name === 'answers') for (const id of words) this.#answering.add(id);
    else if (name === 'silent') for (const id of words) this.#answering.delete(id);
    else if (name === 'pass') this.#pass(Number(words[0]), lines);
    else if (name === 'sleep') this.#sleep(Number(words[0]));
    else if (name === 'members') return this.#members();
    else this.#node.step(this.#input(name, words));
    lines.push(...this.#taken());
    return lines.join('\n');
  }

  get #node(): Solo {
    if (this.#solo === undefined) throw new Error('a script begins with "node"');
    return this.#solo;
  }

  #create(words: readonly string[]): void {
    const { flags } = split(words);
    const config: Partial<MeshConfig> = Object.fromEntries(
      Object.entries(flags).flatMap(([key, value]) => (key.endsWith('Ms') ? [[key, Number(value)]] : [])),
    );
    const peers = (flags['peers'] ?? '').split(',').filter((id) => id !== '');
    this.#solo = new Solo({
      id: nodeId(flags['id'] ?? 'm'),
      config,
      options: {
        epoch: Number(flags['epoch'] ?? 1),
        peers: peers.map((id) => ({ id: nodeId(id), name: id, addresses: [`${id}:1`] })),
      },
    });
    this.#startMs = this.#solo.now;
  }

  /** Time passes, and each deadline is ticked at its time. */
  #pass(ms: number, lines: string[]): void {
    const solo = this.#node;
    const end = solo.now + ms;
    for (let at = solo.node.nextDeadline(); at !== undefined && at <= end; at = solo.node.nextDeadline()) {
      solo.now = Math.max(solo.now, at);
      this.#hearAnswering();
      solo.step({ type: 'tick' });
      lines.push(...this.#taken().map((line) => `${solo.now - this.#startMs}: ${line}`));
    }
    solo.now = end;
  }

  /** Who answers also talks: nobody else's silence is then taken for our own deafness. What it says is of no consequence. */
  #hearAnswering(): void {
    for (const id of this.#answering)
      this.#node.step({ type: 'message', from: nodeId(id), message: { type: 'have', entries: [] } });
  }

  /** The process stands still for so long; then all that is due is ticked at once. */
  #sleep(ms: number): void {
    const solo = this.#node;
    solo.now += ms;
    if ((solo.node.nextDeadline() ?? Infinity) <= solo.now) solo.step({ type: 'tick' });
  }

  #taken(): string[] {
    const effects = this.#node.take();
    const acks: Input[] = [];
    for (const effect of effects) {
      if (effect.type === 'connect') this.#dials.set(effect.to ?? effect.addresses[0] ?? '', effect.dial);
      if (effect.type !== 'send') continue;
      this.#note(effect.to, effect.message);
      if (effect.message.type === 'ping' && this.#answering.has(effect.to)) acks.push(this.#input('from', [effect.to, 'ack']));
    }
    const lines = effectLines(effects);
    for (const ack of acks) this.#node.step(ack);
    return acks.length === 0 ? lines : [...lines, ...this.#taken()];
  }

  #note(to: NodeId, message: Message): void {
    if (message.type === 'ping') this.#pings.set(to, message.seq);
    else if (message.type === 'ping-request') this.#requests.set(message.subject, message.seq);
    else if (message.type === 'sync-open' || message.type === 'sync-pull') this.#exchanges.set(to, message.exchange);
    if (message.type === 'ping' || message.type === 'ack') this.#root = message.root;
  }

  #members(): string {
    const rows = [...this.#node.view.members()].map((member) => {
      const { epoch, incarnation } = member.record;
      const notes = [
        member.reachable ? 'reachable' : 'unreachable',
        ...(member.verified ? [] : ['unverified']),
        ...(member.linked ? ['linked'] : []),
        ...(member.accusers.length > 0 ? [`accused by ${member.accusers.toSorted().join(',')}`] : []),
      ];
      return `${member.id}@${epoch}.${incarnation} ${member.status} ${notes.join(' ')}`;
    });
    return rows.sort().join('\n');
  }

  #owner(id: string | undefined): Owner {
    const key = nodeId(id ?? '');
    let owner = this.#owners.get(key);
    if (owner === undefined) this.#owners.set(key, (owner = new Owner(key)));
    return owner;
  }

  #input(name: string, words: readonly string[]): Input {
    const { plain, flags } = split(words);
    const id = nodeId(plain[0] ?? '');
    switch (name) {
      case 'linked':
        return { type: 'peer', id, state: 'linked', epoch: Number(flags['epoch'] ?? 1) };
      case 'lost':
      case 'congested':
      case 'writable':
        return { type: 'peer', id, state: name };
      case 'dialed':
        return this.#dialed(plain[0] ?? '', plain[1] ?? '');
      case 'from':
        return { type: 'message', from: id, message: this.#message(id, plain[1] ?? '', plain.slice(2), flags) };
      default:
        return { type: 'command', command: command(name, plain) };
    }
  }

  #dialed(to: string, outcome: string): Input {
    const dial = this.#dials.get(to);
    if (dial === undefined) throw new Error(`nobody dials ${to}`);
    this.#dials.delete(to);
    const [, seed] = /^(?:ok=)(.+)$/.exec(outcome) ?? [];
    if (outcome === 'ok' || seed !== undefined) return { type: 'dialed', dial, outcome: { ok: true, id: nodeId(seed ?? to) } };
    return { type: 'dialed', dial, outcome: { ok: false, reason: outcome as DialFailure, detail: '' } };
  }

  #message(from: NodeId, type: string, facts: readonly string[], flags: Readonly<Record<string, string>>): Message {
    const about = type === 'ack' ? this.#pings.get(from) : this.#requests.get(flags['subject'] ?? '');
    const seq = Number(flags['seq'] ?? about ?? 1);
    const subject = nodeId(flags['subject'] ?? '');
    const root = flags['root'] === 'other' ? this.#root ^ 1 : this.#root;
    const exchange = Number(flags['exchange'] ?? this.#exchanges.get(from) ?? 0);
    switch (type) {
      case 'ping':
        return { type, seq, root };
      case 'ack':
        return {
          type,
          seq,
          root,
          epoch: Number(flags['epoch'] ?? 1),
          incarnation: Number(flags['incarnation'] ?? 0),
          coordinate: undefined,
        };
      case 'ping-request':
        return { type, seq, subject };
      case 'ping-report':
        return { type, seq, subject, outcome: (flags['outcome'] ?? 'silent') as ProbeOutcome };
      case 'gossip':
        return this.#gossip(facts);
      case 'sync-open':
        return { type, exchange, buckets: Array.from({ length: 256 }, () => 0), wallMs: 0 };
      case 'sync-digest': {
        const entries = facts.map((fact) => {
          const [key = '', stamp = ''] = fact.split('=');
          return { key, stamp: stamp.split('.').map(Number) };
        });
        return { type, exchange, buckets: Array.from({ length: 256 }, (_, bucket) => bucket), entries };
      }
      case 'sync-facts': {
        const wants = (flags['wants'] ?? '').split(',').filter((key) => key !== '');
        return {
          type,
          exchange,
          facts: this.#gossip(facts),
          wants: wants.map((key) => ({ key, have: [] })),
          last: flags['last'] === 'yes',
        };
      }
      case 'sync-pull':
        return { type, exchange, wants: facts.map((key) => ({ key, have: [] })) };
      default:
        throw new Error(`"${type}" is no message`);
    }
  }

  #gossip(facts: readonly string[]): Gossip {
    const gossip = { members: [], accusations: [], deltas: [], heads: [], configs: [] } as {
      -readonly [K in Exclude<keyof Gossip, 'type'>]: Gossip[K][number][];
    };
    for (const text of facts) {
      const [, word = '', rest = ''] = /^([a-z]+):(.*)$/.exec(text) ?? [];
      if (word === 'accuse') {
        const [, accuser = '', subject = '', epoch, incarnation, reason] = /^(\w)>(\w)@(\d+)\.(\d+)(?::(.+))?$/.exec(rest) ?? [];
        const fields = {
          epoch: Number(epoch),
          incarnation: Number(incarnation),
          reason: (reason ?? 'probe-timeout') as AccusationReason,
        };
        gossip.accusations.push(accusation(nodeId(accuser), nodeId(subject), fields));
      } else if (word === 'catalog' || word === 'snapshot') {
        gossip.deltas.push(word === 'catalog' ? this.#owner(rest).latest() : this.#owner(rest).snapshot());
      } else {
        const [, id = '', epoch, incarnation] = /^(\w)@(\d+)\.(\d+)$/.exec(rest) ?? [];
        const isVerified = word !== 'unverified' && word !== 'forged';
        const status: ClaimedStatus = word === 'leaving' || word === 'left' ? word : 'alive';
        const record = claim(nodeId(id), { name: id, status, epoch: Number(epoch), incarnation: Number(incarnation) });
        const signature = word === 'forged' ? new Uint8Array(1) : record.signature;
        gossip.members.push(fact({ ...record, signature }, isVerified, word === 'gone' ? 60_000 : 0));
      }
    }
    return { type: 'gossip', ...gossip };
  }
}

function command(name: string, plain: readonly string[]): Command {
  const first = plain[0] ?? '';
  switch (name) {
    case 'join':
      return { type: 'join', addresses: [first] };
    case 'leave':
      return { type: 'leave' };
    case 'force-leave':
      return { type: 'force-leave', node: nodeId(first) };
    case 'register':
      return { type: 'register', instance: instance(first), checks: [], replaceChecks: true };
    case 'deregister':
      return { type: 'deregister', id: instance(first).id };
    case 'apply':
      return { type: 'apply-config', kind: 'route', name: first, value: plain.slice(1).join(' ') };
    default:
      throw new Error(`"${name}" is no command of a script`);
  }
}

function split(words: readonly string[]): { plain: string[]; flags: Record<string, string> } {
  const plain: string[] = [];
  const flags: Record<string, string> = {};
  for (const word of words) {
    const [, key, value] = /^([a-zA-Z]+)=(.*)$/.exec(word) ?? [];
    if (key !== undefined && key !== 'ok' && value !== undefined) flags[key] = value;
    else plain.push(word);
  }
  return { plain, flags };
}
