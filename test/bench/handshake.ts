/**
 * What a link costs: CPU of a TCP connection, Noise, yamux and our hello, from dial to admission on both sides.
 *
 *     npm run bench -- handshake [--links=200] [--rounds=6] [--json]
 *
 * One listener, and so many diallers one after the other, eight under way at a time; all in one process, on loopback.
 * The simulator takes what it costs from here.
 */

import type { Input } from '@skein/core';
import { createIdentity, createTransport } from '@skein/transport';
import type { Transport } from '@skein/transport';
import { quantile } from './report/quantile.ts';
import type { Bench } from './report/row.ts';

const atOnce = 8;
const dialTimeoutMs = 10_000;

interface Dialler {
  readonly transport: Transport;
  readonly dialed: Promise<void>;
}

const bench: Bench = {
  summary: 'CPU that a new link costs each of its two sides',
  async run({ args, progress }) {
    const { links, rounds } = parse(args);
    const listener = await make();
    await listener.start(handler());
    const [address = ''] = listener.listening();
    const perSideMs: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const diallers = await Promise.all(Array.from({ length: links }, dialler));
      const before = process.cpuUsage();
      await dialAll(diallers, address);
      const { user, system } = process.cpuUsage(before);
      perSideMs.push((user + system) / 1000 / links / 2);
      if (listener.stats().links !== links) throw new Error(`${listener.stats().links} of ${links} links came up`);
      await Promise.all(diallers.map(({ transport }) => transport.stop()));
      progress(`round ${round + 1} of ${rounds}: ${perSideMs.at(-1)?.toFixed(2)} ms a side`);
    }
    await listener.stop();
    return {
      setup: { links, rounds, 'at once': atOnce },
      rows: [
        { what: 'CPU of a handshake, a side, first round', unit: 'ms', ours: perSideMs[0] },
        { what: 'CPU of a handshake, a side, later rounds, median', unit: 'ms', ours: quantile(perSideMs.slice(1), 0.5) },
      ],
    };
  },
};

export default bench;

async function make(): Promise<Transport> {
  const { bytes } = await createIdentity();
  return createTransport({
    identity: bytes,
    mesh: 'bench',
    token: 'a token of the bench',
    listen: ['127.0.0.1:0'],
    epoch: () => 1,
  });
}

function handler(input: (input: Input) => void = () => undefined): Parameters<Transport['start']>[0] {
  return {
    input,
    message: () => undefined,
    refused: ({ reason, detail }) => {
      throw new Error(`refused, ${reason}: ${detail}`);
    },
  };
}

async function dialler(): Promise<Dialler> {
  const transport = await make();
  let done!: () => void;
  const dialed = new Promise<void>((resolve) => (done = resolve));
  await transport.start(
    handler((input) => {
      if (input.type === 'dialed') done();
    }),
  );
  return { transport, dialed };
}

async function dialAll(diallers: readonly Dialler[], address: string): Promise<void> {
  const waiting = [...diallers];
  const worker = async (): Promise<void> => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      next.transport.connect({ dial: 1, to: undefined, addresses: [address], fresh: false, timeoutMs: dialTimeoutMs });
      await next.dialed;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

function parse(args: readonly string[]): { links: number; rounds: number } {
  const chosen = { links: 200, rounds: 6 };
  for (const arg of args) {
    const [, name, value] = /^--(links|rounds)=([1-9]\d{0,3})$/.exec(arg) ?? [];
    if (name !== 'links' && name !== 'rounds') throw new Error(`unknown option ${arg}; there are --links=N and --rounds=N`);
    chosen[name] = Number(value);
  }
  return chosen;
}
