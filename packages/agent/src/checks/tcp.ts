/** TCP checks: a connection that is accepted is passing. */

import { connect } from 'node:net';
import type { CheckProbe } from '@skein/core';
import { parseHostPort } from '../address.ts';
import { type CheckRun, critical, failureText } from './verdict.ts';

export type TcpProbe = Extract<CheckProbe, { type: 'tcp' }>;

export const runTcpCheck: CheckRun<TcpProbe> = ({ address }, signal) => {
  const target = parseHostPort(address);
  if (target === undefined) return Promise.resolve(critical(`the check's address "${address}" is not HOST:PORT`));
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(critical(`TCP connect ${address}: no answer in time`));
    const socket = connect(target);
    const abort = (): void => {
      socket.destroy();
      resolve(critical(`TCP connect ${address}: no answer in time`));
    };
    signal.addEventListener('abort', abort, { once: true });
    socket.once('connect', () => {
      signal.removeEventListener('abort', abort);
      socket.destroy();
      resolve({ status: 'passing', output: `TCP connect ${address}: Success` });
    });
    socket.on('error', (error) => {
      signal.removeEventListener('abort', abort);
      socket.destroy();
      resolve(critical(`TCP connect ${address}: ${failureText(error)}`));
    });
  });
};
