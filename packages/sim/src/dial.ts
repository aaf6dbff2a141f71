/**
 * One dial: TCP, protocol negotiation, Noise, and yamux with the hello, a round trip each, and the CPU that the
 * handshake costs on both sides. Every round trip is tried again as TCP would, until the dial times out, so a
 * path that is cut half-way, a paused process and a crash all give what a real dialler sees.
 */

import type { DialFailure } from '@skein/core';
import type { Host } from './host.ts';
import type { Path } from './link.ts';

export interface DialRequest {
  /** `host:port` pairs, tried in order; each may take its share of the time that is left. */
  readonly addresses: readonly string[];
  readonly timeoutMs: number;
}

/** What a dial needs from the network around it. */
export interface Exchange {
  readonly nowUs: number;
  schedule(atUs: number, run: () => void): void;
  path(from: Host, to: Host): Path;
  /** Who listens at an address, or why that cannot be said. */
  resolve(address: string): Host | DialFailure;
  /** Whether so many handshakes wait at `host` that it closes one more connection at once. */
  isCrowded(host: Host): boolean;
  /** Time at which `host` has spent the CPU of one more handshake. */
  handshakeDoneUs(host: Host): number;
}

export type DialResult =
  | { readonly ok: true; readonly acceptor: Host }
  | { readonly ok: false; readonly reason: DialFailure; readonly detail: string };

const roundTrips = 4;
/** The round trip after which both sides compute keys and check signatures. */
const costlyRoundTrip = 2;
const connectRtoUs = 1_000_000;
const rtoUs = 200_000;
const handshakeBytes = 300;

/**
 * Dials from `dialer` and reports once, unless its process ended meanwhile. At `ok` the acceptor has read the
 * hello; its answer is still on the way.
 */
export function dial(exchange: Exchange, dialer: Host, request: DialRequest, done: (result: DialResult) => void): void {
  const { boot } = dialer;
  const deadlineUs = exchange.nowUs + request.timeoutMs * 1000;
  let failure: DialResult = { ok: false, reason: 'unresolvable', detail: 'there is no address' };
  const next = (position: number): void => {
    const address = request.addresses[position];
    if (address === undefined) {
      done(failure);
      return;
    }
    const leftUs = Math.max(0, deadlineUs - exchange.nowUs);
    const limitUs = exchange.nowUs + Math.floor(leftUs / (request.addresses.length - position));
    attempt(exchange, { dialer, boot, address, limitUs }, (result) => {
      if (result.ok) {
        done(result);
        return;
      }
      failure = result;
      next(position + 1);
    });
  };
  next(0);
}

interface Attempt {
  readonly dialer: Host;
  /** The process that dials. */
  readonly boot: number;
  readonly address: string;
  readonly limitUs: number;
}

function attempt(exchange: Exchange, { dialer, boot, address, limitUs }: Attempt, done: (result: DialResult) => void): void {
  let settled = false;
  const settle = (result: DialResult): void => {
    if (settled) return;
    settled = true;
    if (dialer.boot === boot && dialer.process !== 'stopped') done(result);
  };
  const failAt = (atUs: number, reason: DialFailure): void =>
    exchange.schedule(atUs, () => settle({ ok: false, reason, detail: address }));

  const found = exchange.resolve(address);
  if (typeof found === 'string') {
    failAt(found === 'timeout' ? limitUs : exchange.nowUs, found);
    return;
  }
  if (found === dialer) {
    failAt(exchange.nowUs, 'self');
    return;
  }
  failAt(limitUs, 'timeout');
  const there = exchange.path(dialer, found);
  const back = exchange.path(found, dialer);
  let acceptorBoot = 0;
  const isGone = (): boolean => found.process === 'stopped' || found.boot !== acceptorBoot;
  const roundTrip = (round: number, retryUs: number): void => {
    const { nowUs } = exchange;
    if (settled || dialer.boot !== boot || nowUs >= limitUs) return;
    if (round === 1) acceptorBoot = found.boot;
    // The kernel does the first round trip; a paused process does none of the others.
    const isPaused = round > 1 && (dialer.process !== 'running' || found.process === 'paused' || dialer.blocked || found.blocked);
    if (isPaused || isShut(there) || isShut(back) || there.loses(handshakeBytes) || back.loses(handshakeBytes)) {
      exchange.schedule(nowUs + retryUs, () => roundTrip(round, retryUs * 2));
      return;
    }
    const arrivesUs = nowUs + there.latencyUs();
    const answeredUs = arrivesUs + back.latencyUs();
    const isGarbled = round > 1 && (there.corrupts(handshakeBytes) || back.corrupts(handshakeBytes));
    if (isGone() || isGarbled || (round === costlyRoundTrip && exchange.isCrowded(found))) {
      failAt(answeredUs, 'refused');
      return;
    }
    if (round === roundTrips) {
      exchange.schedule(arrivesUs, () => {
        if (isGone()) failAt(answeredUs, 'refused');
        else settle({ ok: true, acceptor: found });
      });
      return;
    }
    const computedUs =
      round === costlyRoundTrip ? Math.max(exchange.handshakeDoneUs(dialer), exchange.handshakeDoneUs(found)) : 0;
    const readyUs = Math.max(dialer.readyUs, round === 1 ? 0 : found.readyUs);
    exchange.schedule(Math.max(answeredUs, computedUs, readyUs), () => roundTrip(round + 1, rtoUs));
  };
  roundTrip(1, connectRtoUs);
}

function isShut(path: Path): boolean {
  return !path.open || path.clogged;
}
