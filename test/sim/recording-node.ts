/** A node that does nothing but note what it is given and perform what a test tells it to. */

import { nodeId } from '@skein/core';
import type { Effect, Input, Message, NodeId, NodeOptions, View } from '@skein/core';
import { World } from '@skein/sim';
import type { NodeLogic, SimNode, WorldOptions } from '@skein/sim';

export class RecordingNode implements NodeLogic {
  readonly self: NodeId;
  readonly epoch: number;
  readonly options: NodeOptions;
  readonly inputs: { readonly now: number; readonly input: Input }[] = [];
  readonly startedMs: number;
  outgoing: Effect[] = [];
  deadline: number | undefined;
  onInput: (input: Input) => readonly Effect[] = () => [];

  constructor(options: NodeOptions, now: number) {
    this.self = options.notary.id;
    this.epoch = options.epoch;
    this.options = options;
    this.startedMs = now;
  }

  get view(): View {
    return { self: this.self, lastIndex: 1, index: () => 1 } as unknown as View;
  }

  start(): readonly Effect[] {
    return [];
  }

  step(input: Input, now: number): readonly Effect[] {
    if (input.type !== 'clock') this.inputs.push({ now, input });
    return this.onInput(input);
  }

  dispatch(): { readonly result: { readonly ok: true }; readonly effects: readonly Effect[] } {
    const effects = this.outgoing;
    this.outgoing = [];
    return { result: { ok: true }, effects };
  }

  nextDeadline(): number | undefined {
    return this.deadline;
  }
}

/** A world of recording nodes, with the means to make them act. */
export class RecordingWorld extends World {
  readonly #logics: Map<NodeId, RecordingNode>;

  constructor(options: Omit<WorldOptions, 'create'>) {
    const logics = new Map<NodeId, RecordingNode>();
    super({
      ...options,
      create: (nodeOptions, now) => {
        const logic = new RecordingNode(nodeOptions, now);
        logics.set(logic.self, logic);
        return logic;
      },
    });
    this.#logics = logics;
  }

  /** The logic of the node's latest boot. */
  logic(node: SimNode): RecordingNode {
    return this.#logics.get(node.id) as RecordingNode;
  }

  act(node: SimNode, ...effects: readonly Effect[]): void {
    this.logic(node).outgoing = [...effects];
    node.dispatch({ type: 'set-tags', tags: {} });
  }

  dial(from: SimNode, to: SimNode, options: { readonly fresh?: boolean; readonly timeoutMs?: number } = {}): void {
    const { fresh = false, timeoutMs = 2000 } = options;
    this.act(from, { type: 'connect', dial: 1, to: to.id, addresses: to.addresses, fresh, timeoutMs });
  }

  link(from: SimNode, to: SimNode): void {
    this.dial(from, to);
    this.runFor(1000);
    this.logic(from).inputs.length = 0;
    this.logic(to).inputs.length = 0;
  }

  send(from: SimNode, to: SimNode, message: Message): void {
    this.act(from, { type: 'send', to: to.id, message, lane: message.type.startsWith('sync') ? 'sync' : 'wire' });
  }

  /** What a node was given, in short: `linked n0001`, `dialed`, `ping 3`. */
  heard(node: SimNode): string[] {
    return this.logic(node).inputs.map(({ input }) => {
      if (input.type === 'message') return `${input.message.type} ${'seq' in input.message ? input.message.seq : ''}`.trim();
      if (input.type === 'peer') return `${input.state} ${input.id}`;
      if (input.type === 'dialed') return input.outcome.ok ? 'dialed' : input.outcome.reason;
      return input.type;
    });
  }
}

export function ping(seq: number): Message {
  return { type: 'ping', seq, root: 0 };
}

/** Gossip of about `bytes`. */
export function bulk(bytes: number): Message {
  const head = { value: {}, bytes: new Uint8Array(bytes), signature: new Uint8Array(0) };
  return { type: 'gossip', members: [], accusations: [], deltas: [], heads: [head as never], configs: [] };
}

export const stranger = nodeId('n9999');
