/**
 * The transport over libp2p: puts the parts together. A connection becomes a `Session`, a session that was admitted
 * becomes the link of its peer in `Links`, and everything that happens to links comes out as inputs of the node.
 */

import type { Connection, Stream } from '@libp2p/interface';
import type { Input, Lane, Message, NodeId, Notary, SyncMessage } from '@skein/core';
import { limits } from '@skein/core';
import { parseAddress, resolveHost } from './addresses.ts';
import type { Terms } from './admission.ts';
import { CodecError } from './codec/codec-error.ts';
import { encodeMessage } from './codec/frame.ts';
import type { Dial, DialledSession } from './dialer.ts';
import { Dialer } from './dialer.ts';
import { Signer, Verifier } from './ed25519.ts';
import { TransportError } from './errors.ts';
import { EventBus } from './event-bus.ts';
import { decodeEvent, encodeEvent, eventLimits } from './event-frame.ts';
import type { SyncBudget } from './exchange.ts';
import { privateKeyOf } from './identity.ts';
import type { HandshakeFailure, Libp2pNode } from './libp2p-node.ts';
import { createLibp2pNode, hostOf, withDeadline } from './libp2p-node.ts';
import { Links } from './links.ts';
import { createNotary } from './notary.ts';
import { openScheme, tokenScheme } from './proof.ts';
import { Refusals } from './refusals.ts';
import type { Ending, SessionEvents } from './session.ts';
import { Session } from './session.ts';
import { zeroCounts } from './traffic-counts.ts';
import type { MeshMessage, Transport, TransportHandler, TransportStats } from './transport.ts';

export interface TransportOptions {
  /** `Identity.bytes`. */
  readonly identity: Uint8Array;
  readonly mesh: string;
  /** The join token. Undefined: the mesh is open to everybody who can reach it. */
  readonly token: string | undefined;
  /** `IP:port` to listen on; port 0 lets the system choose. */
  readonly listen: readonly string[];
  /** The boot epoch to state in a hello. */
  readonly epoch: () => number;
  /** How long a stranger may take for its hello. Default 10 000. */
  readonly helloTimeoutMs?: number;
}

/** The protocol versions that this transport speaks. */
export const protocolRange = { min: 1, max: 1 } as const;

const helloTimeoutMs = 10_000;
/** What was sent before `stop` may take this long to go out. */
const flushMs = 1_000;
const flushStepMs = 10;

/** Makes a transport that does not listen yet. Throws `TransportError` on a bad identity or listen address. */
export async function createTransport(options: TransportOptions): Promise<Transport> {
  return Libp2pTransport.create(options);
}

const identityInUse =
  "this agent's own identity answers at an address that it does not listen on. Either the address leads back to it " +
  '(NAT), or two agents use one identity (a copied data directory?): give one of them a new, empty data directory';

const now = (): number => performance.now();

class Libp2pTransport implements Transport, SessionEvents {
  readonly id: NodeId;
  readonly notary: Notary;
  readonly #options: TransportOptions;
  readonly #scheme;
  readonly #signer: Signer;
  readonly #verifier = new Verifier();
  readonly #links: Links;
  readonly #refusals: Refusals;
  readonly #sessions = new Map<Connection, Session>();
  /** Dials of ours that wait for the end of their hello. */
  readonly #dialled = new Map<Session, (result: DialledSession) => void>();
  readonly #budget: SyncBudget = { held: 0 };
  readonly #counts = zeroCounts();
  #node!: Libp2pNode;
  #bus!: EventBus;
  #dialer!: Dialer;
  #handler: TransportHandler | undefined;
  #stopped: Promise<void> | undefined;
  #eventCounter = 0;
  /** The message encoded last: the same one often goes to many links. */
  #encoded: { readonly message: Message; readonly body: Uint8Array } | undefined;

  static async create(options: TransportOptions): Promise<Libp2pTransport> {
    const listen = options.listen.map((text) => {
      const address = parseAddress(text);
      if (address !== undefined) return address;
      throw new TransportError('bad-address', `Cannot listen on "${text}": write it as IP:port, such as 0.0.0.0:7946.`);
    });
    const transport = new Libp2pTransport(options);
    const node = await createLibp2pNode({
      privateKey: privateKeyOf(options.identity),
      listen,
      now,
      hooks: {
        denyAddress: (host) => transport.#denyAddress(host),
        denyPeer: (peer, host) => transport.#denyPeer(peer, host),
        handshakeFailed: (host, how) => transport.#handshakeFailed(host, how),
        inbound: (connection, openedAtMs) => transport.#inbound(connection, openedAtMs),
        wire: (stream, connection) => transport.#sessionOf(stream, connection)?.attach(stream),
        sync: (stream, connection) => transport.#sessionOf(stream, connection)?.acceptSync(stream),
      },
    });
    transport.#assemble(node);
    return transport;
  }

  private constructor(options: TransportOptions) {
    this.#options = options;
    this.#scheme = options.token === undefined ? openScheme : tokenScheme(options.token);
    this.#signer = new Signer(options.identity);
    this.notary = createNotary(options.identity);
    this.id = this.notary.id;
    this.#links = new Links(this.id);
    this.#refusals = new Refusals(now, (refused) => this.#handler?.refused(refused));
  }

  #assemble(node: Libp2pNode): void {
    this.#node = node;
    this.#bus = new EventBus(this.#options.mesh, node.gossip, { judge: (data, from) => this.#judgeEvent(data, from) });
    this.#dialer = new Dialer({
      self: this.id,
      node,
      links: this.#links,
      now,
      resolve: resolveHost,
      ownIdentityAt: (address) =>
        this.#refusals.note({ reason: 'identity-in-use', peer: this.id, address, detail: identityInUse }),
      greet: (connection, startedAtMs) => this.#greet(connection, startedAtMs),
    });
  }

  async start(handler: TransportHandler): Promise<void> {
    if (this.#handler !== undefined || this.#stopped !== undefined) {
      throw new TransportError('not-running', 'A transport starts once. Make a new one.');
    }
    this.#handler = handler;
    try {
      await this.#node.start();
      await this.#bus.start();
    } catch (error) {
      this.#handler = undefined;
      throw error;
    }
  }

  listening(): readonly string[] {
    return this.#node.listening();
  }

  send(to: NodeId, message: Message, lane: Lane): void {
    const session = this.#links.get(to);
    if (session === undefined) return;
    const body = this.#encode(message, lane, session);
    if (body === undefined) return;
    if (lane === 'wire') session.sendWire(body, message.type === 'gossip');
    else session.sendSync(message as SyncMessage, body);
  }

  connect(dial: Dial & { readonly dial: number }): void {
    void this.#dialer.dial(dial).then((outcome) => this.#input({ type: 'dialed', dial: dial.dial, outcome }));
  }

  disconnect(to: NodeId, reason: string): void {
    const session = this.#links.get(to);
    // Not from within this call: the caller is in the middle of a step.
    if (session !== undefined) setImmediate(() => session.abort('disconnected', reason));
  }

  async publish(message: Omit<MeshMessage, 'id' | 'origin'>): Promise<MeshMessage> {
    if (this.#handler === undefined) throw new TransportError('not-running', 'The transport is not started.');
    const origin = { mesh: this.#options.mesh, origin: this.id, epoch: this.#options.epoch(), counter: ++this.#eventCounter };
    const event = encodeEvent(origin, message, this.#signer);
    if (event === undefined) {
      const detail = `at most ${eventLimits.bytes} bytes in all, ${eventLimits.nameLength} for the name, ${eventLimits.filterLength} for a filter`;
      throw new TransportError(
        'event-too-large',
        `The event "${message.name.slice(0, 64)}" has no name or is over a limit: ${detail}.`,
      );
    }
    await this.#bus.publish(event.bytes);
    return event.message;
  }

  stats(): TransportStats {
    return { links: this.#links.size, ...this.#counts, refusals: this.#refusals.counts };
  }

  async stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#dialer.stop();
    const deadlineMs = now() + flushMs;
    for (const session of this.#sessions.values()) session.flush();
    while (now() < deadlineMs && [...this.#links.all()].some((session) => session.pendingBytes > 0)) {
      await new Promise((resolve) => setTimeout(resolve, flushStepMs));
    }
    this.#handler = undefined;
    await withDeadline(this.#bus.stop(), flushMs);
    const farewell = { refused: false, reason: 'stopping', detail: 'the transport stops' };
    await Promise.all([...this.#sessions.values()].map((session) => session.close(farewell)));
    await this.#node.stop();
  }

  // Events of sessions.

  admitted(session: Session): void {
    const replaced = this.#links.install(session);
    if (replaced !== undefined) {
      this.#bus.detach(session.peer);
      replaced.replace();
    }
    this.#bus.attach(session.peer, session.connection);
    const { peer: id, epoch, wallMs } = session;
    this.#input({ type: 'peer', id, state: 'linked', epoch, ...(wallMs > 0 && { wallMs }) });
    this.#settle(session, { admitted: true });
    this.#dialer.linked(session.peer);
  }

  message(session: Session, message: Message): void {
    if (this.#links.get(session.peer) === session) this.#input({ type: 'message', from: session.peer, message });
  }

  refused(session: Session, reason: string, detail: string): void {
    this.#refusals.note({ reason, peer: session.peer, address: session.address, detail });
  }

  congestion(session: Session, state: 'congested' | 'writable'): void {
    if (this.#links.get(session.peer) === session) this.#input({ type: 'peer', id: session.peer, state });
  }

  ended(session: Session, ending: Ending): void {
    this.#sessions.delete(session.connection);
    if (this.#links.remove(session)) {
      this.#bus.detach(session.peer);
      this.#input({ type: 'peer', id: session.peer, state: 'lost' });
    } else if (ending.refused) {
      this.#refusedHello(session, ending);
    }
    this.#settle(session, { admitted: false, ending });
  }

  #refusedHello(session: Session, { reason, detail }: Ending): void {
    if (reason === 'duplicate') {
      this.#refusals.count(reason);
      return;
    }
    if (session.connection.direction === 'inbound') this.#blame(session, reason);
    this.refused(session, reason, detail);
  }

  #blame({ peer, connection }: Session, reason: string): void {
    const host = hostOf(connection.remoteAddr);
    // It has proven that it is of the mesh, and its peer id may be in rightful use by another agent.
    if (reason === 'stale-epoch') return;
    if (reason === 'hello-timeout') this.#refusals.blameUnfinished(host);
    else this.#refusals.blame(peer, host);
  }

  #settle(session: Session, result: DialledSession): void {
    this.#dialled.get(session)?.(result);
    this.#dialled.delete(session);
  }

  #input(input: Input): void {
    this.#handler?.input(input);
  }

  // Connections.

  #inbound(connection: Connection, openedAtMs: number): void {
    this.#session(connection, 'listener', openedAtMs);
  }

  #greet(connection: Connection, startedAtMs: number): { session: Session; result: Promise<DialledSession> } {
    const session = this.#session(connection, 'dialler', startedAtMs);
    const result = new Promise<DialledSession>((resolve) => this.#dialled.set(session, resolve));
    return { session, result };
  }

  #session(connection: Connection, role: 'dialler' | 'listener', openedAtMs: number): Session {
    const session = new Session({
      connection,
      role,
      openedAtMs,
      terms: this.#terms(),
      helloTimeoutMs: this.#options.helloTimeoutMs ?? helloTimeoutMs,
      arbiter: (self) => (epoch) => this.#links.objection(self, epoch),
      budget: this.#budget,
      counts: this.#counts,
      events: this,
      now,
    });
    this.#sessions.set(connection, session);
    return session;
  }

  #terms(): Terms {
    const { mesh, epoch } = this.#options;
    const { min, max } = protocolRange;
    const wallMs = Math.max(0, Date.now());
    return { self: this.id, mesh, epoch: epoch(), wallMs, protocolMin: min, protocolMax: max, scheme: this.#scheme };
  }

  /** The session that a stream of the peer belongs to. A stream of no session is reset. */
  #sessionOf(stream: Stream, connection: Connection): Session | undefined {
    const session = this.#sessions.get(connection);
    if (session === undefined) stream.abort(new Error('no session'));
    return session;
  }

  #denyAddress(host: string): boolean {
    if (!this.#refusals.addressBlocked(host)) return false;
    this.#refusals.note({ reason: 'rate-limited', peer: undefined, address: host, detail: 'too many failed hellos from there' });
    return true;
  }

  #denyPeer(peer: NodeId, host: string): boolean {
    if (!this.#refusals.peerBlocked(peer)) return false;
    this.#refusals.note({ reason: 'rate-limited', peer, address: host, detail: 'too many failed hellos of this peer' });
    return true;
  }

  #handshakeFailed(host: string, how: HandshakeFailure): void {
    if (how === 'broken') {
      this.#refusals.blame(undefined, host);
      const detail = 'what it sent is no handshake';
      this.#refusals.note({ reason: 'handshake-failed', peer: undefined, address: host, detail });
      return;
    }
    // Dials that expire and ports that are looked at are no news.
    this.#refusals.count('handshake-unfinished');
    if (how === 'unfinished') this.#refusals.blameUnfinished(host);
  }

  // Messages.

  #encode(message: Message, lane: Lane, session: Session): Uint8Array | undefined {
    if (this.#encoded?.message === message) return this.#encoded.body;
    const limit = lane === 'wire' ? limits.wireFrameBytes : limits.syncMessageBytes;
    try {
      const body = encodeMessage(message);
      if (body.length > limit) throw new CodecError('too-long', `${body.length} bytes, at most ${limit} fit`);
      this.#encoded = { message, body };
      return body;
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      this.refused(session, 'unsendable', `${message.type}: ${error.at} ${error.message}`);
      return undefined;
    }
  }

  #judgeEvent(data: Uint8Array, from: NodeId): string | undefined {
    const event = decodeEvent(this.#options.mesh, data, this.#verifier);
    if (typeof event === 'string') {
      const address = this.#links.get(from)?.address ?? '';
      this.#refusals.note({ reason: 'bad-event', peer: from, address, detail: event });
      return event;
    }
    if (event.origin !== this.id) this.#handler?.message(event);
    return undefined;
  }
}
