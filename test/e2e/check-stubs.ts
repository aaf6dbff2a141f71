/** What checks probe, over loopback: ends of TCP, TLS, UDP and HTTP/2 that answer as a test says. */

import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createSecureServer, createServer as createHttp2Server, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { readFileSync } from 'node:fs';
import { createServer as createTlsServer } from 'node:tls';

/** Of `check.test`, signed by itself, until 2120. For tests only: everybody has its key. */
export const certificate = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgW2ZGzSzg2FmaCE63
uN72TupDlu6va4jQyUQum5VJI0GhRANCAATyrnbKQuDm3Rx698PbcyR0sAdj82i+
GaERfw5CSWXz135PQ+5PI2DMj8VCVm+ScdQzsPAT+bXoK4Dbt1u3PcFt
-----END PRIVATE KEY-----
`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBZTCCAQqgAwIBAgIBATAKBggqhkjOPQQDAjAVMRMwEQYDVQQDDApjaGVjay50
ZXN0MCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAVMRMwEQYDVQQD
DApjaGVjay50ZXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8q52ykLg5t0c
evfD23MkdLAHY/NovhmhEX8OQkll89d+T0PuTyNgzI/FQlZvknHUM7DwE/m16CuA
27dbtz3BbaNJMEcwDwYDVR0TAQH/BAUwAwEB/zAVBgNVHREEDjAMggpjaGVjay50
ZXN0MB0GA1UdDgQWBBSrQXMNKugFr7bhHRdKmWwP4EdrIjAKBggqhkjOPQQDAgNJ
ADBGAiEA1RwU/+XLfSA0oiSRG2YqOTzOKYyhPkL4X+KQKK4l0DQCIQDbtpIpHwm7
Kz10y0Q0hJUr+OsfdDAa1jAOoulC3frilA==
-----END CERTIFICATE-----
`,
} as const;

/** Everything that a test has opened, to be closed at its end. */
export class Stubs {
  readonly #closers: (() => void)[] = [];

  close(): void {
    for (const close of this.#closers.splice(0)) close();
  }

  /** A port that accepts connections and says nothing by itself. */
  tcp(handle: (socket: Socket) => void = () => undefined): Promise<string> {
    return this.#listen(createTcpServer((socket) => this.#keep(socket, handle)));
  }

  tls(): Promise<string> {
    const server = createTlsServer(certificate, (socket) => this.#keep(socket, () => undefined));
    server.on('tlsClientError', () => undefined);
    return this.#listen(server);
  }

  /** HTTP/2, in the clear or over TLS. */
  http2(handle: (stream: ServerHttp2Stream, path: string) => void, options: { readonly tls?: boolean } = {}): Promise<string> {
    const server: Http2Server = options.tls === true ? createSecureServer(certificate) : createHttp2Server();
    server.on('stream', (stream, headers) => {
      stream.on('error', () => undefined);
      handle(stream, headers[':path'] ?? '');
    });
    server.on('session', (session) => {
      session.on('error', () => undefined);
      this.#closers.push(() => session.destroy());
    });
    server.on('sessionError', () => undefined);
    return this.#listen(server);
  }

  async udp(handle: (message: Uint8Array, answer: (bytes: string) => void) => void = () => undefined): Promise<string> {
    const socket: UdpSocket = createSocket('udp4');
    this.#closers.push(() => socket.close());
    socket.on('message', (message, from) => handle(message, (bytes) => socket.send(bytes, from.port, from.address)));
    await new Promise<void>((resolve) => void socket.bind(0, '127.0.0.1', resolve));
    return `127.0.0.1:${socket.address().port}`;
  }

  /** An address where nobody listens, though somebody did just now. */
  async nobody(): Promise<string> {
    const others = new Stubs();
    const address = await others.tcp();
    others.close();
    return address;
  }

  #keep(socket: Socket, handle: (socket: Socket) => void): void {
    this.#closers.push(() => socket.destroy());
    socket.on('error', () => undefined);
    handle(socket);
  }

  async #listen(server: Server): Promise<string> {
    this.#closers.push(() => server.close());
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
}

/** Whether a process that may not be a child of ours goes on. One that is over and that nobody has waited for does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    // Hosts without /proc reap for themselves.
    return process.platform !== 'linux';
  }
}
