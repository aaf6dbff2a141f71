/** Follows one path of an agent's HTTP API by blocking queries: one request waits at the agent, and costs nothing meanwhile. */

import { Agent as Sockets, request } from 'node:http';
import { nowMs } from './process.ts';
import { pause } from './sightings.ts';

export interface Answer {
  readonly status: number;
  readonly index: string;
  readonly body: string;
  readonly atMs: number;
}

const retryMs = 100;

export class ApiClient {
  readonly #port: number;
  readonly #sockets = new Sockets({ keepAlive: true });
  #isClosed = false;

  /** `address` is `host:port` on this machine. */
  constructor(address: string) {
    this.#port = Number(address.slice(address.lastIndexOf(':') + 1));
  }

  call(method: 'GET' | 'PUT', path: string, body?: unknown): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const sent = body === undefined ? undefined : JSON.stringify(body);
      const headers = sent === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(sent) };
      const call = request({ host: '127.0.0.1', port: this.#port, method, path, headers, agent: this.#sockets }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('error', reject);
        response.on('end', () => {
          const index = String(response.headers['x-consul-index'] ?? '0');
          resolve({ status: response.statusCode ?? 0, index, body: Buffer.concat(parts).toString(), atMs: nowMs() });
        });
      });
      call.on('error', reject);
      call.end(sent);
    });
  }

  /** As `call`; rejects on any status but 200. */
  async mustCall(method: 'GET' | 'PUT', path: string, body?: unknown): Promise<Answer> {
    const answer = await this.call(method, path, body);
    if (answer.status !== 200) throw new Error(`${method} ${path} answered ${answer.status}: ${answer.body.slice(0, 300)}`);
    return answer;
  }

  /** Hands on every answer until `close`. An agent that does not answer is asked again: that it hangs may be the experiment. */
  async follow(path: string, take: (answer: Answer) => void): Promise<void> {
    let index = '0';
    while (!this.#isClosed) {
      try {
        const answer = await this.mustCall('GET', `${path}${path.includes('?') ? '&' : '?'}index=${index}&wait=10m`);
        index = answer.index;
        take(answer);
      } catch {
        index = '0';
        if (!this.#isClosed) await pause(retryMs);
      }
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#sockets.destroy();
  }
}
