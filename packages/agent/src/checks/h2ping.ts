/** H2PING checks: an HTTP/2 connection whose PING is acknowledged (RFC 9113 section 6.7) is passing. */

import type { CheckProbe } from '@skein/core';
import { withHttp2 } from './http2-connection.ts';
import { type CheckRun, critical, failureText } from './verdict.ts';

export type H2PingProbe = Extract<CheckProbe, { type: 'h2ping' }>;

export const runH2PingCheck: CheckRun<H2PingProbe> = async ({ address, tls }, signal) => {
  try {
    await withHttp2<void>({ address, tls }, signal, (session, done) => {
      session.ping((error) => done(error ?? undefined));
    });
    return { status: 'passing', output: 'HTTP2 ping was successful' };
  } catch (error) {
    return critical(`HTTP2 ping of ${address} failed: ${failureText(error)}`);
  }
};
