/** A libp2p node that speaks whatever a test wants it to: a peer that does not keep to the rules. */

import '@skein/transport';

import { noise } from '@libp2p/noise';
import type { Connection, Stream } from '@libp2p/interface';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { privateKeyFromProtobuf } from '@libp2p/crypto/keys';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import type { Libp2p } from 'libp2p';
import { nodeId } from '@skein/core';
import type { NodeId } from '@skein/core';
import { createIdentity } from '@skein/transport';
import type { Greeting, Terms } from '@skein/transport/parts';
import {
  Admission,
  decodeGreeting,
  encodeFrames,
  encodeGreeting,
  FrameReader,
  tokenScheme,
  wireProtocol,
} from '@skein/transport/parts';

const waitMs = 10_000;

export class Stranger {
  readonly #node: Libp2p;
  readonly id: NodeId;

  private constructor(node: Libp2p, id: NodeId) {
    this.#node = node;
    this.id = id;
  }

  static async make(): Promise<Stranger> {
    const privateKey = privateKeyFromProtobuf((await createIdentity()).bytes);
    const node = await createLibp2p({
      privateKey,
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      connectionMonitor: { enabled: false },
    });
    return new Stranger(node, nodeId(peerIdFromPrivateKey(privateKey).toString()));
  }

  terms(mesh: string, token: string): Terms {
    return {
      self: this.id,
      mesh,
      epoch: 1,
      wallMs: 1_700_000_000_000,
      protocolMin: 1,
      protocolMax: 1,
      scheme: tokenScheme(token),
    };
  }

  /** Connects to `host:port` of an IPv4 address. */
  async connect(address: string): Promise<Connection> {
    const [host, port] = address.split(':');
    return this.#node.dial(multiaddr(`/ip4/${host}/tcp/${port}`), { force: true, signal: AbortSignal.timeout(waitMs) });
  }

  /** Connects and opens the wire stream. */
  async wire(address: string): Promise<Wire> {
    const connection = await this.connect(address);
    return new Wire(connection, await connection.newStream(wireProtocol));
  }

  /** Connects and is admitted. */
  async join(address: string, to: NodeId, mesh: string, token: string): Promise<Wire> {
    const wire = await this.wire(address);
    const admission = new Admission('dialler', this.terms(mesh, token), to, () => undefined);
    wire.greet(admission.begin());
    const theirs = await wire.greeting();
    const answer = admission.take(theirs).send;
    if (answer === undefined) throw new Error(`no answer to ${theirs.type}`);
    wire.greet(answer);
    const welcome = await wire.greeting();
    if (welcome.type !== 'welcome') throw new Error(`${welcome.type} instead of welcome`);
    return wire;
  }

  async stop(): Promise<void> {
    await this.#node.stop();
  }
}

/** The wire stream of a stranger, in raw bytes. */
export class Wire {
  readonly connection: Connection;
  readonly #stream: Stream;
  readonly #frames: Uint8Array[] = [];
  readonly #reader = new FrameReader();
  #wake: () => void = () => undefined;
  #closed = false;

  constructor(connection: Connection, stream: Stream) {
    this.connection = connection;
    this.#stream = stream;
    stream.addEventListener('message', ({ data }) => {
      const chunk = data instanceof Uint8Array ? data : data.subarray();
      const keep = (body: Uint8Array): boolean => this.#frames.push(new Uint8Array(body)) > 0;
      this.#reader.push(chunk, () => 100_000, keep);
      this.#wake();
    });
    const closed = (): void => {
      this.#closed = true;
      this.#wake();
    };
    stream.addEventListener('close', closed);
    stream.addEventListener('remoteCloseWrite', closed);
  }

  /** Sends bytes as they are. */
  raw(bytes: Uint8Array): void {
    this.#stream.send(bytes);
  }

  frame(body: Uint8Array): void {
    this.raw(encodeFrames([body]));
  }

  greet(greeting: Greeting): void {
    this.frame(encodeGreeting(greeting));
  }

  async greeting(): Promise<Greeting> {
    const decoded = decodeGreeting(await this.next());
    if (decoded.kind !== 'message') throw new Error('not a greeting');
    return decoded.message;
  }

  /** Whatever frame comes next. */
  async next(): Promise<Uint8Array> {
    await this.#until(() => this.#frames.length > 0 || this.#closed);
    const frame = this.#frames.shift();
    if (frame === undefined) throw new Error('the stream closed');
    return frame;
  }

  async closed(): Promise<void> {
    await this.#until(() => this.#closed);
  }

  /** Answers nothing and reads nothing more. */
  freeze(): void {
    this.#stream.pause();
  }

  async #until(look: () => boolean): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const deadline = setTimeout(() => reject(new Error('nothing came in time')), waitMs);
      this.#wake = () => {
        if (!look()) return;
        clearTimeout(deadline);
        resolve();
      };
      this.#wake();
    });
  }
}
