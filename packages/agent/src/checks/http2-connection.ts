/** An HTTP/2 connection that lives for one run of a check. */

import { connect, constants, type ClientHttp2Session } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import type { ProbeTls } from '@skein/core';
import { formatHostPort, parseHostPort } from '../address.ts';
import { tlsOptions } from './probe-tls.ts';

export interface Http2Target {
  /** `host:port`. */
  readonly address: string;
  /** Undefined: in the clear, with prior knowledge (RFC 9113 section 3.3). */
  readonly tls: ProbeTls | undefined;
}

/**
 * Connects, lets `use` do its work, and closes again. `use` gets a session that is ready and calls back once. Rejects
 * when the connection fails or ends first, and when `signal` aborts.
 */
export function withHttp2<T>(
  { address, tls }: Http2Target,
  signal: AbortSignal,
  use: (session: ClientHttp2Session, done: (error: Error | undefined, value?: T) => void) => void,
): Promise<T> {
  const target = parseHostPort(address);
  if (target === undefined) return Promise.reject(new Error(`the check's address "${address}" is not HOST:PORT`));
  if (signal.aborted) return Promise.reject(new Error('no answer in time'));
  return new Promise((resolve, reject) => {
    const origin = `${tls === undefined ? 'http' : 'https'}://${formatHostPort(target)}`;
    const session = connect(origin, tls === undefined ? {} : { ...tlsOptions(tls, target.host), ALPNProtocols: ['h2'] });
    let isOver = false;
    const end = (settle: () => void): void => {
      isOver = true;
      signal.removeEventListener('abort', abort);
      session.destroy();
      settle();
    };
    const abort = (): void => end(() => reject(new Error('no answer in time')));
    signal.addEventListener('abort', abort, { once: true });
    session.on('error', (error) => end(() => reject(error)));
    session.on('close', () => end(() => reject(new Error('the connection was closed'))));
    session.on('goaway', (code) => {
      // Without an error it takes nothing new, and ends what is under way.
      if (code !== constants.NGHTTP2_NO_ERROR) end(() => reject(new Error(`the other side said GOAWAY with error ${code}`)));
    });
    session.once('connect', (_session, socket) => {
      // The event may already have been on its way when the session was destroyed.
      if (isOver) return;
      if (tls !== undefined && (socket as TLSSocket).alpnProtocol !== 'h2') {
        return end(() => reject(new Error('the other side does not speak HTTP/2 (no h2 in ALPN)')));
      }
      try {
        use(session, (error, value) => end(() => (error === undefined ? resolve(value as T) : reject(error))));
      } catch (error) {
        // As when the other side has ended it in the meantime: thrown here it would end the agent.
        end(() => reject(error));
      }
    });
  });
}
