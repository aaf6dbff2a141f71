/**
 * The DNS interface of an agent, over a `MeshPort`: Consul's names below `consul.` and `mesh.`, answered from the View;
 * other names are asked of recursors, if there are any. Follows RFC 1034, 1035, 2308, 2782, 6891 and 7766.
 */

import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { MeshPort, Rng } from '@skein/core';
import { platformTimers } from '../timers.ts';
import type { Timers } from '../timers.ts';
import { AmplificationLimit } from './amplification.ts';
import { Answers } from './answers.ts';
import type { DnsPolicy } from './policy.ts';
import { rcodes } from './record.ts';
import { Recursors } from './recursors.ts';
import type { Recursor } from './recursors.ts';
import { Responder } from './responder.ts';
import type { DnsLog } from './responder.ts';
import { TcpListener } from './tcp-listener.ts';
import { UdpListener } from './udp-listener.ts';
import { socketUpstream } from './upstream.ts';
import type { Upstream } from './upstream.ts';
import { Zone } from './zone.ts';

export interface DnsOptions {
  readonly port: MeshPort;
  /** Where to listen, over UDP and TCP. Port 0 takes one that is free for both. */
  readonly listen: { readonly host: string; readonly port: number };
  /** As in names: usually the name of the mesh. */
  readonly datacenter: string;
  /** Name servers for all other names, asked in this order: addresses, not names. */
  readonly recursors: readonly Recursor[];
  /** For the order of answers. */
  readonly rng: Rng;
  /** As `AgentPort.caughtUp`: until then, questions about the mesh wait. Default: there is nothing to wait for. */
  readonly caughtUp?: () => Promise<void> | undefined;
  /** Default: all as in Consul. */
  readonly policy?: DnsPolicy;
  /** Default: sockets. */
  readonly upstream?: Upstream;
  /** Default: the platform's. */
  readonly timers?: Timers;
  /** Monotonic. Default: the platform's. */
  readonly nowMs?: () => number;
  /** As `ApiOptions.log`: told of queries at which this program fails. They are answered SERVFAIL. */
  readonly log?: DnsLog;
}

export interface DnsStats {
  /** Queries answered, by code such as `NOERROR`, `NXDOMAIN`. */
  readonly answers: Readonly<Record<string, number>>;
  /** Messages that were no queries. */
  readonly dropped: number;
  /** Answers that told the client to ask over TCP. */
  readonly truncated: number;
  /** Queries asked of recursors. */
  readonly forwarded: number;
  /** Open TCP connections. */
  readonly connections: number;
}

export interface Dns {
  /** Starts to listen; resolves with the port in use. Rejects when it is taken. */
  listen(): Promise<number>;
  /** Ends connections and what is asked of recursors. */
  close(): Promise<void>;
  /** Answers a message without a socket; undefined when it deserves no answer. Over TCP, without the length. */
  inject(
    message: Uint8Array,
    asker: { readonly transport: 'udp' | 'tcp'; readonly address?: string },
  ): Promise<Uint8Array | undefined>;
  stats(): DnsStats;
}

/** Ports tried for one that is free for both UDP and TCP. */
const portsTried = 10;
const tcpLengthBytes = 2;
const rcodeNames = new Map<number, string>(Object.entries(rcodes).map(([name, code]) => [code, name]));

/** Nothing is opened before `listen`. */
export function createDns(options: DnsOptions): Dns {
  const { port, rng } = options;
  const recursors = new Recursors({ recursors: options.recursors, upstream: options.upstream ?? socketUpstream });
  const responder = new Responder({
    answers: new Answers({ port, rng, zone: new Zone(options.datacenter), policy: options.policy ?? {} }),
    recursors,
    rng,
    caughtUp: options.caughtUp ?? (() => undefined),
    log: options.log,
    amplification: new AmplificationLimit(options.nowMs ?? (() => performance.now())),
  });
  const timers = options.timers ?? platformTimers;
  let udp = new UdpListener(responder);
  let tcp = new TcpListener(responder, timers);
  const open = async (host: string, port: number, triesLeft: number): Promise<number> => {
    const chosen = await udp.listen(host, port);
    try {
      return await tcp.listen(host, chosen);
    } catch (error) {
      await udp.close();
      const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (port !== 0 || !isTaken || triesLeft <= 1) throw error;
      udp = new UdpListener(responder);
      tcp = new TcpListener(responder, timers);
      return open(host, port, triesLeft - 1);
    }
  };
  return {
    listen: async () => {
      const { host, port } = options.listen;
      return open(isIP(host) === 0 ? (await lookup(host)).address : host, port, portsTried);
    },
    close: async () => {
      recursors.close();
      await Promise.all([udp.close(), tcp.close()]);
    },
    inject: (message, { transport, address = '127.0.0.1' }) =>
      new Promise((resolve) => {
        const willReply = responder.handle(Buffer.from(message), { transport, address }, (answer) =>
          resolve(transport === 'tcp' ? answer.subarray(tcpLengthBytes) : answer),
        );
        if (!willReply) resolve(undefined);
      }),
    stats: () => {
      const { byRcode, dropped, truncated, forwarded } = responder.stats;
      const answers = Object.fromEntries([...byRcode].map(([code, times]) => [rcodeNames.get(code) ?? `RCODE${code}`, times]));
      return { answers, dropped, truncated, forwarded, connections: tcp.connections };
    },
  };
}
