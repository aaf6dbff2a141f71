/**
 * The libp2p node: TCP, Noise, yamux, and nothing else that listens. Its defaults that stop, lie or bite are overridden
 * here: no connection monitor, no reconnect queue, no limit that 32 agents behind one address hit.
 */

import './polyfill.ts';

import type {
  ComponentLogger,
  Connection,
  Logger,
  MultiaddrConnection,
  PeerId,
  PrivateKey,
  Stream,
  StreamCloseEvent,
} from '@libp2p/interface';
import { tcp } from '@libp2p/tcp';
import type { NodeId } from '@skein/core';
import { nodeId } from '@skein/core';
import type { Multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import type { Address } from './addresses.ts';
import { formatAddress, toMultiaddr } from './addresses.ts';
import { TransportError } from './errors.ts';
import type { GossipComponents } from './event-bus.ts';
import { guardedYamux } from './muxer.ts';
import { leanNoise } from './noise.ts';
import { maxSyncStreams, syncProtocol } from './sync-lane.ts';
import { wireProtocol } from './session.ts';

const maxConnections = 4096;
const maxPendingInbound = 256;
const upgradeTimeoutMs = 10_000;
const maxStreamBuffer = 8_388_608;
/** Streams that one connection may have open: wire, sync, events, each way. */
const maxStreams = 32;
const stopTimeoutMs = 3_000;
/** What a handshake of ours ends with when the other side goes away or says no more. */
const unfinishedErrors = new Set(['TimeoutError', 'AbortError', 'UnexpectedEOFError', 'StreamClosedError', 'StreamResetError']);

/**
 * Why there was no handshake. `broken`: we found that it was garbage. `unfinished`: the other side closed or was silent
 * after some of it, as a dial that expired does. `silent`: the other side closed before a byte of it was read.
 */
export type HandshakeFailure = 'broken' | 'unfinished' | 'silent';

/**
 * Libp2p's own log goes nowhere: what matters of it comes out as refusals. Its default makes a logger for each connection
 * and stream, off or not, and asks the system each time whether there is a terminal.
 */
const silent: Logger = Object.assign(() => undefined, {
  enabled: false,
  error: () => undefined,
  trace: () => undefined,
  newScope: () => silent,
});
const silence: ComponentLogger = { forComponent: () => silent };

export interface NodeHooks {
  /** Whether to close a TCP connection before any handshake. */
  denyAddress(host: string): boolean;
  /** Whether to close it once the peer id is authenticated. */
  denyPeer(peer: NodeId, host: string): boolean;
  /** An inbound connection that never became one. */
  handshakeFailed(host: string, how: HandshakeFailure): void;
  inbound(connection: Connection, openedAtMs: number): void;
  wire(stream: Stream, connection: Connection): void;
  sync(stream: Stream, connection: Connection): void;
}

export interface Libp2pNode {
  /** What GossipSub needs of libp2p. */
  readonly gossip: GossipComponents;
  /** Throws `TransportError`. */
  start(): Promise<void>;
  stop(): Promise<void>;
  listening(): readonly string[];
  /** Opens a connection. Rejects when `signal` aborts at the latest. */
  dial(address: Multiaddr, signal: AbortSignal): Promise<Connection>;
}

export interface NodeOptions {
  readonly privateKey: PrivateKey;
  readonly listen: readonly Address[];
  readonly hooks: NodeHooks;
  readonly now: () => number;
}

/** Does not listen yet. */
export async function createLibp2pNode(options: NodeOptions): Promise<Libp2pNode> {
  const { hooks } = options;
  const arrivals = new Arrivals(options);
  let components!: NodeComponents;
  const node = await createLibp2p({
    start: false,
    privateKey: options.privateKey,
    logger: silence,
    addresses: { listen: options.listen.map(({ host, port }) => toMultiaddr(host, port).toString()) },
    transports: [tcp()],
    connectionEncrypters: [leanNoise()],
    streamMuxers: [
      guardedYamux({
        maxInboundStreams: maxStreams,
        maxOutboundStreams: maxStreams,
        streamOptions: { maxWriteBufferLength: maxStreamBuffer },
      }),
    ],
    connectionMonitor: { enabled: false },
    connectionManager: {
      maxConnections,
      inboundConnectionThreshold: maxConnections,
      maxIncomingPendingConnections: maxPendingInbound,
      reconnectRetries: 0,
      inboundUpgradeTimeout: upgradeTimeoutMs,
    },
    connectionGater: {
      denyInboundConnection: (raw: MultiaddrConnection) => arrivals.arrived(raw),
      denyInboundEncryptedConnection: (peer: PeerId, raw: MultiaddrConnection) => arrivals.named(nodeId(peer.toString()), raw),
    },
    services: {
      // Not a service: the one way to get at the parts of libp2p.
      parts: (given: unknown) => {
        components = given as NodeComponents;
        return {};
      },
    },
  });
  node.addEventListener('connection:open', (event) => arrivals.opened(event.detail));
  await node.handle(wireProtocol, (stream, connection) => hooks.wire(stream, connection), {
    maxInboundStreams: 2,
    maxOutboundStreams: 2,
  });
  await node.handle(syncProtocol, (stream, connection) => hooks.sync(stream, connection), {
    maxInboundStreams: maxSyncStreams,
    maxOutboundStreams: maxSyncStreams,
  });
  return {
    gossip: components,
    start: async () => {
      try {
        await node.start();
      } catch (cause) {
        await node.stop();
        throw listenError(options.listen, cause);
      }
    },
    stop: () => withDeadline(Promise.resolve(node.stop()), stopTimeoutMs),
    listening: () =>
      components.transportManager.getListeners().map((listener, i) => {
        const port = Number(
          listener
            .getAddrs()[0]
            ?.getComponents()
            .find(({ name }) => name === 'tcp')?.value ?? 0,
        );
        return formatAddress(options.listen[i]?.host ?? '', port);
      }),
    // Past libp2p's dial queue, which joins dials, shares connections and records what it learns.
    dial: (address, signal) => components.transportManager.dial(address, { signal }),
  };
}

/** The parts of libp2p that it gives to services, as far as they are used here. */
interface NodeComponents extends GossipComponents {
  readonly transportManager: {
    getListeners(): readonly { getAddrs(): readonly Multiaddr[] }[];
    dial(address: Multiaddr, options: { signal: AbortSignal }): Promise<Connection>;
  };
}

/** Follows inbound connections from accept to upgrade. */
class Arrivals {
  readonly #options: NodeOptions;
  /** By timeline, the one object that a raw connection shares with what it is upgraded to. */
  readonly #openedAt = new WeakMap<object, number>();

  constructor(options: NodeOptions) {
    this.#options = options;
  }

  /** Returns whether to deny it. */
  arrived(raw: MultiaddrConnection): boolean {
    const { hooks, now } = this.#options;
    const host = hostOf(raw.remoteAddr);
    if (hooks.denyAddress(host)) return true;
    this.#openedAt.set(raw.timeline, now());
    raw.addEventListener('close', (event) => {
      if (this.#openedAt.delete(raw.timeline)) hooks.handshakeFailed(host, failureOf(raw, event));
    });
    return false;
  }

  /** Returns whether to deny it, now that its peer is known. That is no failed handshake. */
  named(peer: NodeId, raw: MultiaddrConnection): boolean {
    const denied = this.#options.hooks.denyPeer(peer, hostOf(raw.remoteAddr));
    if (denied) this.#openedAt.delete(raw.timeline);
    return denied;
  }

  opened(connection: Connection): void {
    if (connection.direction !== 'inbound') return;
    const openedAtMs = this.#openedAt.get(connection.timeline) ?? this.#options.now();
    this.#openedAt.delete(connection.timeline);
    this.#options.hooks.inbound(connection, openedAtMs);
  }
}

function failureOf(raw: MultiaddrConnection, { local, error }: StreamCloseEvent): HandshakeFailure {
  // A raw connection has its socket, though its interface does not say so.
  const { socket } = raw as MultiaddrConnection & { readonly socket?: { readonly bytesRead: number } };
  if (socket?.bytesRead === 0) return 'silent';
  const ours = local === true && error !== undefined && !unfinishedErrors.has(error.name);
  return ours ? 'broken' : 'unfinished';
}

export function hostOf(address: Multiaddr): string {
  return address.getComponents()[0]?.value ?? '';
}

/** Resolves when `work` ends, however, or at the deadline. */
export async function withDeadline(work: Promise<unknown>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  try {
    await Promise.race([work, deadline]);
  } catch {
    // How it ended does not matter here.
  } finally {
    clearTimeout(timer);
  }
}

function listenError(listen: readonly Address[], cause: unknown): TransportError {
  const text = cause instanceof Error ? cause.message : String(cause);
  const where = listen.map(({ host, port }) => formatAddress(host, port)).join(', ');
  if (text.includes('EADDRINUSE')) {
    return new TransportError('port-in-use', `Cannot listen on ${where}: the port is in use. Choose another with --bind.`, {
      cause,
    });
  }
  if (text.includes('EADDRNOTAVAIL')) {
    return new TransportError('bad-address', `Cannot listen on ${where}: this host has no such address.`, { cause });
  }
  return new TransportError('listen-failed', `Cannot listen on ${where}: ${text}`, { cause });
}
