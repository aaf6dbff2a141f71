/**
 * UDP checks, by Consul's verdicts: an empty datagram that is answered, or met with silence, is passing; one that the
 * other host refuses (ICMP port unreachable, RFC 1122 4.1.3.1) is critical.
 */

import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import type { CheckProbe } from '@skein/core';
import { parseHostPort } from '../address.ts';
import { type CheckRun, critical, failureText, type Verdict } from './verdict.ts';

export type UdpProbe = Extract<CheckProbe, { type: 'udp' }>;

/** A refusal comes within a round trip: to wait longer would tell nothing, and keep other checks waiting. */
const silenceMs = 1000;

export const runUdpCheck: CheckRun<UdpProbe> = async ({ address }, signal) => {
  const target = parseHostPort(address);
  if (target === undefined) return critical(`the check's address "${address}" is not HOST:PORT`);
  try {
    const found = await Promise.race([lookup(target.host), abortOf(signal)]);
    // The name took all the time: nothing was asked.
    if (found === undefined || signal.aborted) return critical(`UDP connect ${address}: no answer in time`);
    const { address: host, family } = found;
    return await ask({ host, port: target.port, type: family === 6 ? 'udp6' : 'udp4' }, address, signal);
  } catch (error) {
    return critical(`UDP connect ${address}: ${failureText(error)}`);
  }
};

/** Resolves when the signal aborts: a lookup cannot be ended. */
function abortOf(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}

interface Target {
  readonly host: string;
  readonly port: number;
  readonly type: 'udp4' | 'udp6';
}

function ask({ host, port, type }: Target, shown: string, signal: AbortSignal): Promise<Verdict> {
  return new Promise((resolve) => {
    const socket = createSocket(type);
    let isOver = false;
    const end = (verdict: Verdict): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(silence);
      signal.removeEventListener('abort', pass);
      socket.close();
      resolve(verdict);
    };
    const pass = (): void => end({ status: 'passing', output: `UDP connect ${shown}: Success` });
    const fail = (error: Error): void => end(critical(`UDP connect ${shown}: ${failureText(error)}`));
    const silence = setTimeout(pass, silenceMs);
    signal.addEventListener('abort', pass, { once: true });
    socket.on('error', fail);
    socket.once('message', pass);
    // Only a connected socket is told of a refusal. A failure to connect is told here, and not as an event.
    socket.connect(port, host, (error?: Error) => {
      if (error !== undefined) fail(error);
      else if (!isOver) socket.send('');
    });
  });
}
