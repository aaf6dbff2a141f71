/** One node by itself: the test is its driver, its network and its peers. */

import { MeshNode, checkId, profiles, seededRng } from '@skein/core';
import type {
  CatalogDelta,
  Check,
  Command,
  CommandResult,
  Effect,
  Gossip,
  Input,
  MeshConfig,
  MeshEvent,
  NodeId,
  NodeOptions,
  RecordValue,
  View,
} from '@skein/core';
import { Catalog } from '@skein/core/parts';
import { ids, instance, makeTurn, notaryOf, wallMs } from './fixture.ts';

export interface SoloOptions {
  readonly id?: NodeId;
  readonly config?: Partial<MeshConfig>;
  readonly options?: Partial<NodeOptions>;
}

export class Solo {
  readonly node: MeshNode;
  now = 1000;
  /** All effects since they were last taken. */
  effects: Effect[] = [];

  constructor({ id = ids[0]!, config = {}, options = {} }: SoloOptions = {}) {
    const full: NodeOptions = {
      config: { ...profiles.lan, ...config },
      mesh: 'm',
      name: `name-${id}`,
      addresses: [`${id}:1`],
      region: '',
      zone: '',
      tags: {},
      epoch: 1,
      notary: notaryOf(id),
      rng: seededRng(1),
      validateConfig: (_kind, _name, value) =>
        value !== null && typeof value === 'object' && 'bad' in value ? 'bad' : undefined,
      registrations: [],
      configEntries: [],
      peers: [],
      wallMs,
      ...options,
    };
    this.node = new MeshNode(full, this.now);
    this.effects.push(...this.node.start(this.now));
  }

  get view(): View {
    return this.node.view;
  }

  step(input: Input): this {
    this.effects.push(...this.node.step(input, this.now));
    return this;
  }

  command(command: Command): CommandResult {
    const { result, effects } = this.node.dispatch(command, this.now);
    this.effects.push(...effects);
    return result;
  }

  /** Lets time pass; each deadline is ticked at its own time. */
  pass(ms: number): this {
    const end = this.now + ms;
    for (let at = this.node.nextDeadline(); at !== undefined && at <= end; at = this.node.nextDeadline()) {
      this.now = Math.max(this.now, at);
      this.step({ type: 'tick' });
    }
    this.now = end;
    return this;
  }

  hear(from: NodeId, facts: Partial<Omit<Gossip, 'type'>>): this {
    const message: Gossip = { type: 'gossip', members: [], accusations: [], deltas: [], heads: [], configs: [], ...facts };
    return this.step({ type: 'message', from, message });
  }

  take(): readonly Effect[] {
    const taken = this.effects;
    this.effects = [];
    return taken;
  }

  events(): MeshEvent[] {
    return this.take().flatMap((effect) => (effect.type === 'emit' ? [effect.event] : []));
  }
}

/** Another node's catalog, and the deltas that it sends. */
export class Owner {
  readonly #catalog: Catalog;
  #latest: CatalogDelta | undefined;

  constructor(id: NodeId) {
    const nothing = (): void => undefined;
    const ignore = { catalogChanged: nothing, catalogGap: nothing, ownVersionLost: nothing, appliedConfig: () => 'none' };
    this.#catalog = new Catalog(makeTurn(id), ignore);
  }

  write(upserts: readonly RecordValue[], removals: readonly string[] = []): CatalogDelta {
    const after = this.#catalog.own.version;
    this.#catalog.write(1, upserts, removals);
    const delta = this.#catalog.own.deltaAfter(1, after);
    if (delta === undefined) throw new Error('nothing was written');
    this.#latest = delta;
    return delta;
  }

  /** What the last write pushed. */
  latest(): CatalogDelta {
    if (this.#latest === undefined) throw new Error('nothing was written');
    return this.#latest;
  }

  snapshot(): CatalogDelta {
    const delta = this.#catalog.own.deltaAfter(0, 0);
    if (delta === undefined) throw new Error('nothing was written');
    return delta;
  }
}

export function instanceRecord(id: string, fields: Parameters<typeof instance>[1] = {}): RecordValue {
  return { type: 'instance', instance: instance(id, fields) };
}

export function checkRecord(id: string, fields: Partial<Check> = {}): RecordValue {
  return {
    type: 'check',
    check: {
      id: checkId(id),
      name: id,
      type: 'http',
      status: 'passing',
      notes: '',
      output: '',
      instanceId: undefined,
      intervalMs: 10_000,
      timeoutMs: 1000,
      ...fields,
    },
  };
}
