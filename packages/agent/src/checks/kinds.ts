/** Which code runs which kind of check. TTL and alias checks are not run: they are told. */

import type { CheckProbe } from '@skein/core';
import { runGrpcCheck } from './grpc.ts';
import { runH2PingCheck } from './h2ping.ts';
import { runHttpCheck } from './http.ts';
import { runScriptCheck } from './script.ts';
import { runTcpCheck } from './tcp.ts';
import { runUdpCheck } from './udp.ts';
import { type CheckRun, critical } from './verdict.ts';

/** Whether a check of this kind has something to run at an interval. */
export function isRun({ type }: CheckProbe): boolean {
  return type !== 'ttl' && type !== 'none' && type !== 'alias';
}

/** Runs any kind once. */
export const runCheck: CheckRun<CheckProbe> = (probe, signal, bounds) => {
  switch (probe.type) {
    case 'http':
      return runHttpCheck(probe, signal, bounds);
    case 'tcp':
      return runTcpCheck(probe, signal, bounds);
    case 'udp':
      return runUdpCheck(probe, signal, bounds);
    case 'grpc':
      return runGrpcCheck(probe, signal, bounds);
    case 'h2ping':
      return runH2PingCheck(probe, signal, bounds);
    case 'script':
      return runScriptCheck(probe, signal, bounds);
    default:
      return Promise.resolve(critical(`a ${probe.type} check has nothing to run`));
  }
};
