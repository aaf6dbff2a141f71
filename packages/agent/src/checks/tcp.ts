/** TCP checks: a connection that is accepted is passing; over TLS, one whose handshake is done. */

import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { CheckProbe } from '@skein/core';
import { parseHostPort } from '../address.ts';
import { tlsOptions } from './probe-tls.ts';
import { type CheckRun, critical, failureText } from './verdict.ts';

export type TcpProbe = Extract<CheckProbe, { type: 'tcp' }>;

export const runTcpCheck: CheckRun<TcpProbe> = ({ address, tls }, signal) => {
  const target = parseHostPort(address);
  if (target === undefined) return Promise.resolve(critical(`the check's address "${address}" is not HOST:PORT`));
  const what = `${tls === undefined ? 'TCP' : 'TCP+TLS'} connect ${address}`;
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(critical(`${what}: no answer in time`));
    const socket = tls === undefined ? connect(target) : connectTls({ ...target, ...tlsOptions(tls, target.host) });
    const abort = (): void => {
      socket.destroy();
      resolve(critical(`${what}: no answer in time`));
    };
    signal.addEventListener('abort', abort, { once: true });
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      signal.removeEventListener('abort', abort);
      socket.destroy();
      resolve({ status: 'passing', output: `${what}: Success` });
    });
    socket.on('error', (error) => {
      signal.removeEventListener('abort', abort);
      socket.destroy();
      resolve(critical(`${what}: ${failureText(error)}`));
    });
  });
};
