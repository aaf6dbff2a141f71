/**
 * Carries out `connect` effects: tries addresses one after another until one answers and its hello was accepted.
 * Always answers, at the latest when the time given is over.
 */

import type { Connection } from '@libp2p/interface';
import type { DialFailure, DialOutcome, NodeId } from '@skein/core';
import { nodeId } from '@skein/core';
import { formatAddress, listensOn, parseAddress, toMultiaddr } from './addresses.ts';
import { deadline } from './deadline.ts';
import type { Libp2pNode } from './libp2p-node.ts';
import type { Links } from './links.ts';
import type { Ending, Session } from './session.ts';
import { abortConnection, wireProtocol } from './session.ts';

/** How long a dial waits for a crossing one to make the link, before it tries again. */
const crossingMs = 500;

export interface Dial {
  readonly to: NodeId | undefined;
  readonly addresses: readonly string[];
  readonly fresh: boolean;
  readonly timeoutMs: number;
}

interface Attempt {
  readonly to: NodeId | undefined;
  readonly fresh: boolean;
  readonly startedAtMs: number;
  /** When its share of the time is over. */
  readonly untilMs: number;
  /** Aborts then, or when the transport stops. */
  readonly signal: AbortSignal;
}

type Failure = Extract<DialOutcome, { ok: false }>;

/** The link to this peer is being made by another dial, of the peer or of ours. */
interface Crossing {
  readonly crossing: NodeId;
  readonly detail: string;
}

/** What a session came to, for the dial that made it. */
export type DialledSession = { readonly admitted: true } | { readonly admitted: false; readonly ending: Ending };

export interface DialerParts {
  readonly self: NodeId;
  readonly node: Libp2pNode;
  readonly links: Links;
  readonly now: () => number;
  /** The IP addresses that a name stands for. Rejects with what DNS says. */
  readonly resolve: (host: string) => Promise<readonly string[]>;
  /** Our own identity answered at an address that is not ours. */
  ownIdentityAt(address: string): void;
  /** Starts the hello on a connection that was dialled. Resolves when it was accepted or has ended. */
  greet(connection: Connection, startedAtMs: number): { readonly session: Session; readonly result: Promise<DialledSession> };
}

/** The most telling failure of several is reported. Where others do not answer either, that one address is ours says nothing. */
const telling: readonly DialFailure[] = ['unresolvable', 'self', 'refused', 'timeout', 'wrong-peer', 'rejected'];

export class Dialer {
  readonly #parts: DialerParts;
  readonly #stopping = new AbortController();
  /** Wakes dials that wait for a link to a peer. */
  readonly #waiting = new Map<NodeId, Set<() => void>>();

  constructor(parts: DialerParts) {
    this.#parts = parts;
  }

  stop(): void {
    this.#stopping.abort();
  }

  /** A link to this peer was made: dials to it that are under way are done. */
  linked(peer: NodeId): void {
    for (const wake of this.#waiting.get(peer) ?? []) wake();
  }

  /** Never rejects. */
  async dial(dial: Dial): Promise<DialOutcome> {
    const { self, links, now } = this.#parts;
    const { to, fresh } = dial;
    const startedAtMs = now();
    if (to === self) return failure('self', 'this is the same node');
    if (to !== undefined && links.satisfies(to, fresh, startedAtMs)) return { ok: true, id: to };
    let worst: Failure = failure('unresolvable', 'no address to dial');
    for (const [i, address] of dial.addresses.entries()) {
      const leftMs = startedAtMs + dial.timeoutMs - now();
      if (leftMs <= 0 || this.#stopping.signal.aborted) break;
      const shareMs = Math.max(1, Math.ceil(leftMs / (dial.addresses.length - i)));
      const share = deadline(shareMs, this.#stopping.signal);
      const outcome = await this.#dialText(address, { to, fresh, startedAtMs, untilMs: now() + shareMs, signal: share.signal });
      share.clear();
      if (outcome.ok) return outcome;
      // The peer may have reached us meanwhile.
      if (to !== undefined && links.satisfies(to, fresh, startedAtMs)) return { ok: true, id: to };
      worst = moreTelling(worst, outcome);
    }
    return worst;
  }

  /**
   * Tries what a name stands for, each for its share of the time that is left. A seed's name may stand for every host, our own
   * is among them, and any other may hang: it is ours only where nothing else is behind it. And some of them may be linked with
   * us while others found each other alone: whoever is not linked yet is looked for.
   */
  async #dialText(text: string, attempt: Attempt): Promise<DialOutcome> {
    const address = parseAddress(text);
    if (address === undefined) return failure('unresolvable', `"${text}" is not host:port`);
    const to = attempt.to ?? (address.peer === undefined ? undefined : nodeId(address.peer));
    const ips = await this.#resolve(address.host, attempt.signal);
    if (!Array.isArray(ips)) return ips as Failure;
    let worst: Failure = failure('unresolvable', `"${address.host}" has no address`);
    let known: DialOutcome | undefined;
    for (const [i, ip] of (ips as readonly string[]).entries()) {
      const leftMs = attempt.untilMs - this.#parts.now();
      if (i > 0 && (leftMs <= 0 || attempt.signal.aborted)) break;
      const share = deadline(Math.ceil(leftMs / (ips.length - i)), attempt.signal);
      const outcome = await this.#dialIp(ip, address.port, { ...attempt, to, signal: share.signal });
      share.clear();
      if (!outcome.ok) worst = moreTelling(worst, outcome);
      else if (to === undefined && this.#wasLinked(outcome.id, attempt)) known = outcome;
      else return outcome;
    }
    return known ?? worst;
  }

  /** Whether there was a link with this peer before the dial began. */
  #wasLinked(peer: NodeId, { startedAtMs }: Attempt): boolean {
    const link = this.#parts.links.get(peer);
    return link !== undefined && link.admittedAtMs < startedAtMs;
  }

  async #resolve(host: string, signal: AbortSignal): Promise<readonly string[] | Failure> {
    try {
      return await raced(this.#parts.resolve(host), signal);
    } catch (error) {
      return signal.aborted
        ? failure('timeout', `no answer from DNS about "${host}"`)
        : failure('unresolvable', messageOf(error));
    }
  }

  async #dialIp(ip: string, port: number, attempt: Attempt): Promise<DialOutcome> {
    for (;;) {
      const outcome = await this.#dialOnce(ip, port, attempt);
      if (!('crossing' in outcome)) return outcome;
      // Somebody else makes this link. Should that come to nothing, it is our turn again.
      const wait = deadline(crossingMs, attempt.signal);
      const linked = await this.#linkedWithin(outcome.crossing, { ...attempt, signal: wait.signal });
      wait.clear();
      if (linked) return { ok: true, id: outcome.crossing };
      if (attempt.signal.aborted) return failure('rejected', outcome.detail);
    }
  }

  async #dialOnce(ip: string, port: number, attempt: Attempt): Promise<DialOutcome | Crossing> {
    // Known without a dial, which would fail at both of its ends.
    if (listensOn(this.#parts.node.listening(), ip, port)) return failure('self', 'the address is our own');
    let connection;
    try {
      connection = await this.#open(ip, port, attempt.signal);
    } catch (error) {
      if (!messageOf(error).includes('dial self')) return openFailure(error, attempt.signal);
      this.#parts.ownIdentityAt(formatAddress(ip, port));
      return failure('self', 'our own identity answers there');
    }
    const known = this.#judge(connection, attempt);
    if (known === undefined) return this.#greet(connection, attempt);
    retire(connection);
    return known;
  }

  /** libp2p may be late with a connection after its signal: that one is closed. */
  async #open(ip: string, port: number, signal: AbortSignal): Promise<Connection> {
    // A signal of its own: the socket keeps it for life, and a deadline that passes later would cut the link.
    const cancel = new AbortController();
    const opening = this.#parts.node.dial(toMultiaddr(ip, port), cancel.signal);
    try {
      return await raced(opening, signal);
    } catch (error) {
      cancel.abort();
      opening.then(retire, () => undefined);
      throw error;
    }
  }

  /** Whether it is clear, from who answered, how this dial ends. */
  #judge(connection: Connection, attempt: Attempt): DialOutcome | Crossing | undefined {
    const { self, links } = this.#parts;
    const { to, fresh, startedAtMs } = attempt;
    const peer = nodeId(connection.remotePeer.toString());
    if (peer === self) return failure('self', 'the address is our own');
    if (to !== undefined && peer !== to) return failure('wrong-peer', `${peer} answers there`);
    if (links.satisfies(peer, fresh, startedAtMs)) return { ok: true, id: peer };
    if (links.handshake(peer) === undefined) return undefined;
    return { crossing: peer, detail: 'duplicate: another dial to it is under way' };
  }

  /** From here on the session closes its connection, unless it becomes the link. */
  async #greet(connection: Connection, attempt: Attempt): Promise<DialOutcome | Crossing> {
    const { links } = this.#parts;
    const { startedAtMs, signal } = attempt;
    const peer = nodeId(connection.remotePeer.toString());
    const { session, result } = this.#parts.greet(connection, startedAtMs);
    const handshake = { startedAtMs, session };
    links.startHandshake(handshake);
    try {
      const elsewhere = this.#linkedElsewhere(peer, attempt);
      try {
        void this.#openWire(session, signal);
        const first = await raced(Promise.race([result, elsewhere.linked]), signal);
        if (first === undefined || first.admitted) return { ok: true, id: peer };
        return ended(peer, first.ending);
      } catch {
        return failure('timeout', 'connected, but no complete hello in time');
      } finally {
        elsewhere.cancel();
      }
    } finally {
      links.endHandshake(handshake);
      if (links.get(peer) !== session) session.abort('abandoned', 'the dial is over');
    }
  }

  async #openWire(session: Session, signal: AbortSignal): Promise<void> {
    try {
      session.attach(await session.connection.newStream(wireProtocol, { signal }));
    } catch (error) {
      session.abort('closed', `no wire stream: ${messageOf(error)}`);
    }
  }

  async #linkedWithin(peer: NodeId, attempt: Attempt): Promise<boolean> {
    const { linked, cancel } = this.#linkedElsewhere(peer, attempt);
    try {
      await raced(linked, attempt.signal);
      return true;
    } catch {
      return false;
    } finally {
      cancel();
    }
  }

  /** Resolves when there is a link that the attempt may take for its own. */
  #linkedElsewhere(peer: NodeId, attempt: Attempt): { readonly linked: Promise<undefined>; readonly cancel: () => void } {
    const waiting = this.#waiting.get(peer) ?? new Set();
    this.#waiting.set(peer, waiting);
    let wake!: () => void;
    const linked = new Promise<undefined>((resolve) => {
      wake = () => {
        if (this.#parts.links.satisfies(peer, attempt.fresh, attempt.startedAtMs)) resolve(undefined);
      };
    });
    waiting.add(wake);
    wake();
    const cancel = (): void => {
      waiting.delete(wake);
      if (waiting.size === 0 && this.#waiting.get(peer) === waiting) this.#waiting.delete(peer);
    };
    return { linked, cancel };
  }
}

function moreTelling(worst: Failure, failure: Failure): Failure {
  // That there is no way to one address, for want of IPv6 perhaps, says nothing where another one refuses.
  const rank = ({ reason, detail }: Failure): number =>
    reason === 'timeout' && isNoWay.test(detail) ? telling.indexOf('refused') - 0.5 : telling.indexOf(reason);
  return rank(failure) >= rank(worst) ? failure : worst;
}

function failure(reason: DialFailure, detail: string): Failure {
  return { ok: false, reason, detail };
}

/** What a dial comes to when its session ended before it was admitted. */
function ended(peer: NodeId, ending: Ending): Failure | Crossing {
  const detail = `${ending.reason}: ${ending.detail}`;
  if (!ending.refused) return failure('refused', detail);
  if (ending.reason === 'duplicate') return { crossing: peer, detail };
  return failure(ending.reason === 'self' ? 'self' : 'rejected', detail);
}

/** What our own host says where no word of the peer came: that its network is down, or that it is out of something itself. */
const isUnheard = /TimeoutError|timed out|\bE(?:TIMEDOUT|HOSTUNREACH|HOSTDOWN|NETDOWN|MFILE|NFILE|NOBUFS|NOMEM)\b/;
/** The same, of one address only. */
const isNoWay = /\bE(?:NETUNREACH|ADDRNOTAVAIL|AFNOSUPPORT|ACCES|PERM)\b/;

/** Only a peer refuses: a host without a network would else accuse all others at once. */
function openFailure(error: unknown, signal: AbortSignal): Failure {
  const text = messageOf(error);
  if (signal.aborted) return failure('timeout', 'no connection in time');
  return failure(isUnheard.test(text) || isNoWay.test(text) ? 'timeout' : 'refused', text);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function retire(connection: Connection): void {
  if (connection.status === 'open') abortConnection(connection, 'not the link of this peer');
}

/** Rejects when the signal aborts first. What `work` does later is of no concern then. */
async function raced<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let abort!: () => void;
  const aborted = new Promise<never>((_resolve, reject) => {
    abort = () => reject(new Error('timed out'));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort);
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
