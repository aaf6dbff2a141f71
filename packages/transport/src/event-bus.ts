/**
 * Application events over GossipSub, between admitted peers only.
 *
 * GossipSub is told about peers by us, not by libp2p's identify: it learns of a peer when its link is made, loses it
 * with its link, and a stream that a peer opens before that waits. So a stranger's frames never reach it, and it never
 * sits on a connection that was replaced. A stream that it lost for another reason is
 * opened again within a heartbeat.
 */

import { gossipsub, TopicValidatorResult } from '@chainsafe/libp2p-gossipsub';
import type { GossipSub } from '@chainsafe/libp2p-gossipsub';
import type { Connection, Startable, Stream, Topology } from '@libp2p/interface';
import type { NodeId } from '@skein/core';
import { sha256 } from './hashes.ts';

export type GossipComponents = Parameters<ReturnType<typeof gossipsub>>[0];
type Registrar = GossipComponents['registrar'];
type StreamHandler = Parameters<Registrar['handle']>[1];

/** What its class has beside its interface. */
type Gossip = GossipSub &
  Startable & { readonly peers: ReadonlyMap<string, unknown>; readonly streamsOutbound: ReadonlyMap<string, unknown> };

const streamTimeoutMs = 3_000;
const maxWaitingStreams = 4;
const maxRpcBytes = 1_048_576;
const maxBufferBytes = 4_194_304;
const messageIdBytes = 20;

export interface BusEvents {
  /** An event of another node. Returns the reason when it is refused, and then not passed on. */
  judge(data: Uint8Array, from: NodeId): string | undefined;
}

interface Attachment {
  readonly connection: Connection;
  /** The connection as GossipSub gets it: opening a stream has a deadline. */
  readonly guarded: Connection;
  /** Its stream to us, to be reset when the link goes: the peer must not go on believing in it. */
  inbound: Stream | undefined;
}

export class EventBus {
  readonly #topic: string;
  readonly #gossip: Gossip;
  readonly #attached = new Map<NodeId, Attachment>();
  readonly #waiting = new WeakMap<Connection, (() => void)[]>();
  #topology: Topology | undefined;

  constructor(mesh: string, components: GossipComponents, events: BusEvents) {
    this.#topic = `skein/${mesh}/events/1`;
    const create = gossipsub({
      allowPublishToZeroTopicPeers: true,
      allowedTopics: [this.#topic],
      fallbackToFloodsub: false,
      doPX: false,
      tagMeshPeers: false,
      globalSignaturePolicy: 'StrictNoSign',
      // Over all bytes: with a part of them, a member could make us take its event for another's and drop that.
      msgIdFn: (message) => sha256(message.data).subarray(0, messageIdBytes),
      floodPublish: false,
      maxInboundDataLength: maxRpcBytes,
      maxOutboundBufferSize: maxBufferBytes,
      maxInboundStreams: maxWaitingStreams,
      scoreParams: { IPColocationFactorWeight: 0 },
    });
    const { privateKey, peerId, peerStore, connectionManager, logger } = components;
    const registrar = this.#gate(components.registrar);
    this.#gossip = create({ privateKey, peerId, peerStore, connectionManager, logger, registrar }) as Gossip;
    this.#gossip.topicValidators.set(this.#topic, (from, message) => {
      const reason = events.judge(message.data, from.toString() as NodeId);
      return reason === undefined ? TopicValidatorResult.Accept : TopicValidatorResult.Reject;
    });
    this.#gossip.addEventListener('gossipsub:heartbeat', () => this.#repair());
  }

  async start(): Promise<void> {
    await this.#gossip.start();
    this.#gossip.subscribe(this.#topic);
  }

  async stop(): Promise<void> {
    for (const peer of this.#attached.keys()) this.detach(peer);
    await this.#gossip.stop();
  }

  /** Peers known to receive events from us. */
  get subscribers(): number {
    return this.#gossip.getSubscribers(this.#topic).length;
  }

  async publish(data: Uint8Array): Promise<void> {
    await this.#gossip.publish(this.#topic, data);
  }

  /** A link was made on this connection. */
  attach(peer: NodeId, connection: Connection): void {
    const attachment: Attachment = { connection, guarded: guard(connection), inbound: undefined };
    this.#attached.set(peer, attachment);
    // Errors of streams that were just cut reach GossipSub in microtasks, and would take the new peer with them.
    setImmediate(() => {
      if (this.#attached.get(peer) !== attachment) return;
      this.#connect(attachment);
      for (const open of this.#waiting.get(connection) ?? []) open();
      this.#waiting.delete(connection);
    });
  }

  /** The link is gone. */
  detach(peer: NodeId): void {
    const attachment = this.#attached.get(peer);
    if (attachment === undefined) return;
    this.#attached.delete(peer);
    void this.#topology?.onDisconnect?.(attachment.connection.remotePeer);
    attachment.inbound?.abort(new Error('the link is gone'));
  }

  #connect(attachment: Attachment): void {
    void this.#topology?.onConnect?.(attachment.connection.remotePeer, attachment.guarded);
  }

  /** GossipSub's view of libp2p: its streams pass our gate, and only we tell it about peers. */
  #gate(registrar: Registrar): Registrar {
    return {
      getTopologies: () => [],
      handle: (protocol: string, handler: StreamHandler, options?: Parameters<Registrar['handle']>[2]) =>
        registrar.handle(protocol, (stream, connection) => this.#arrived(stream, connection, handler), options),
      unhandle: (protocol: string) => registrar.unhandle(protocol),
      register: async (_protocol: string, topology: Topology) => {
        this.#topology = topology;
        return '';
      },
      unregister: () => undefined,
    } as unknown as Registrar;
  }

  #arrived(stream: Stream, connection: Connection, handler: StreamHandler): void {
    const peer = connection.remotePeer.toString() as NodeId;
    const open = (): void => {
      const attachment = this.#attached.get(peer);
      if (attachment?.connection !== connection || stream.status !== 'open') return;
      attachment.inbound = stream;
      void handler(stream, attachment.guarded);
    };
    if (this.#attached.get(peer)?.connection === connection && !this.#waiting.has(connection)) {
      open();
      return;
    }
    const waiting = this.#waiting.get(connection) ?? [];
    if (waiting.length >= maxWaitingStreams || connection.status !== 'open') {
      stream.abort(new Error('not admitted'));
      return;
    }
    waiting.push(open);
    this.#waiting.set(connection, waiting);
  }

  /** Once a heartbeat: every link must have a stream from us. */
  #repair(): void {
    for (const [peer, attachment] of this.#attached) {
      if (attachment.connection.status !== 'open') continue;
      const known = this.#gossip.peers.has(peer);
      if (known && this.#gossip.streamsOutbound.has(peer)) continue;
      // It gave the peer up. The peer must notice, or it would go on writing to a stream that nobody reads.
      if (!known) attachment.inbound?.abort(new Error('events are set up anew'));
      this.#connect(attachment);
    }
  }
}

/** The same connection, with a deadline on opening a stream: GossipSub opens them one after another, for all peers. */
function guard(connection: Connection): Connection {
  const newStream: Connection['newStream'] = (protocols, options) =>
    connection.newStream(protocols, { ...options, signal: AbortSignal.timeout(streamTimeoutMs) });
  return Object.create(connection, { newStream: { value: newStream } }) as Connection;
}
