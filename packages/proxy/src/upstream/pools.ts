/** Connections kept open per instance, so that a request rarely waits for a handshake. */

import { type ConnectionHome, UpstreamConnection, type UpstreamUser } from './connection.ts';

/** Shorter than the 5 s after which Node's own servers close a free connection, so that we are the first. */
const maxFreeMs = 4000;
/** The same ahead of what an instance announces: a request that meets a closing connection is lost if it is a POST. */
const aheadMs = 500;
const sweepIntervalMs = 1000;
const maxFreePerInstance = 256;
const connectTimeoutMs = 1000;

export class InstanceConnections implements ConnectionHome {
  readonly #address: string;
  readonly #port: number;
  readonly #nowMs: () => number;
  readonly #all = new Set<UpstreamConnection>();
  /** The one used last is at the end, and is used next: the others grow old and go. */
  #free: UpstreamConnection[] = [];

  constructor(address: string, port: number, nowMs: () => number) {
    this.#address = address;
    this.#port = port;
    this.#nowMs = nowMs;
  }

  get size(): number {
    return this.#all.size;
  }

  /** Gives `user` a connection: a free one, or a new one. `fresh`: only a new one. */
  acquire(user: UpstreamUser, fresh: boolean): UpstreamConnection {
    let connection = fresh ? undefined : this.#takeFree();
    if (connection === undefined) {
      connection = new UpstreamConnection(this.#address, this.#port, connectTimeoutMs, this);
      this.#all.add(connection);
    }
    connection.use(user);
    return connection;
  }

  free(connection: UpstreamConnection): void {
    const freeMs = Math.min(maxFreeMs, connection.keepAliveMs - aheadMs);
    if (this.#free.length >= maxFreePerInstance || freeMs <= 0) {
      connection.socket.destroy();
      return;
    }
    connection.usableUntilMs = this.#nowMs() + freeMs;
    this.#free.push(connection);
  }

  gone(connection: UpstreamConnection): void {
    this.#all.delete(connection);
    const place = this.#free.indexOf(connection);
    if (place >= 0) this.#free.splice(place, 1);
  }

  /** Closes what was free for too long. */
  sweep(): void {
    const nowMs = this.#nowMs();
    for (const connection of this.#free.slice()) if (connection.usableUntilMs <= nowMs) connection.socket.destroy();
  }

  #takeFree(): UpstreamConnection | undefined {
    if (this.#free.length === 0) return undefined;
    const nowMs = this.#nowMs();
    for (let connection = this.#free.pop(); connection !== undefined; connection = this.#free.pop()) {
      if (!connection.socket.destroyed && connection.usableUntilMs > nowMs) return connection;
      connection.socket.destroy();
    }
    return undefined;
  }

  close(): void {
    for (const connection of this.#all) connection.abandon();
  }
}

/** The connections to all instances, by address. Addresses that are no longer used are forgotten when nothing is open. */
export class Upstreams {
  readonly #nowMs: () => number;
  readonly #byAddress = new Map<string, InstanceConnections>();
  readonly #timer: NodeJS.Timeout;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#timer = setInterval(() => this.#sweep(), sweepIntervalMs);
    this.#timer.unref();
  }

  /** `key` stands for address and port; asked for before each use. */
  to(key: string, address: string, port: number): InstanceConnections {
    let connections = this.#byAddress.get(key);
    if (connections === undefined) {
      connections = new InstanceConnections(address, port, this.#nowMs);
      this.#byAddress.set(key, connections);
    }
    return connections;
  }

  close(): void {
    clearInterval(this.#timer);
    for (const connections of this.#byAddress.values()) connections.close();
    this.#byAddress.clear();
  }

  #sweep(): void {
    for (const [key, connections] of this.#byAddress) {
      connections.sweep();
      if (connections.size === 0) this.#byAddress.delete(key);
    }
  }
}
