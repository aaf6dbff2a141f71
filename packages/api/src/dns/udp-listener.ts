/** DNS over UDP. Answers go out from the address that the system chooses: on a host with several, listen on one. */

import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import type { Responder } from './responder.ts';

/** What the system keeps for us while we are busy, as far as it lets us. */
const receiveBytes = 4_194_304;
/** Bytes of answers that the network has not taken; past this, answers are dropped, as it would. */
const unsentBytesMax = 4_194_304;

/** Addresses are never looked up: they are those that queries came from. */
const lookup = (address: string, ...rest: readonly unknown[]): void => {
  const callback = rest.at(-1) as (error: null, address: string, family: number) => void;
  callback(null, address, address.includes(':') ? 6 : 4);
};

export class UdpListener {
  readonly #responder: Responder;
  #socket: Socket | undefined;

  constructor(responder: Responder) {
    this.#responder = responder;
  }

  /** Resolves with the port in use. `host` is an address. */
  listen(host: string, port: number): Promise<number> {
    const socket = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4', lookup });
    this.#socket = socket;
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.bind({ address: host, port, exclusive: true }, () => {
        socket.off('error', reject);
        // An answer that could not be sent is lost like any other datagram.
        socket.on('error', () => undefined);
        socket.on('message', (message, { address, port: from }) => {
          this.#responder.handle(message, { transport: 'udp', address }, (answer) => this.#send(answer, from, address));
        });
        try {
          socket.setRecvBufferSize(receiveBytes);
        } catch {
          // The default will have to do.
        }
        resolve(socket.address().port);
      });
    });
  }

  close(): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    return new Promise((resolve) => {
      if (socket === undefined) return resolve();
      socket.once('close', () => resolve());
      socket.close();
    });
  }

  #send(answer: Buffer, port: number, address: string): void {
    const socket = this.#socket;
    // Nobody can listen on port 0.
    if (socket === undefined || port === 0 || socket.getSendQueueSize() > unsentBytesMax) return;
    socket.send(answer, port, address);
  }
}
