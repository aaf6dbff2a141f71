import type { Command, CommandResult } from './command.ts';
import type { ConfigValidator, SignedConfig } from './config/entry.ts';
import type { Effect, KnownPeer } from './effect.ts';
import type { Registration } from './health/registration.ts';
import type { NodeId } from './identity.ts';
import type { Input } from './input.ts';
import type { MeshConfig } from './mesh-config.ts';
import type { Rng } from './rng.ts';
import type { Notary } from './signed.ts';
import type { View } from './view/view.ts';

export interface NodeOptions {
  readonly config: MeshConfig;
  readonly mesh: string;
  readonly name: string;
  /** `host:port` where others reach this node's transport. */
  readonly addresses: readonly string[];
  readonly region: string;
  readonly zone: string;
  readonly tags: Readonly<Record<string, string>>;
  /** The boot counter, already raised and made durable for this boot. */
  readonly epoch: number;
  readonly notary: Notary;
  readonly rng: Rng;
  readonly validateConfig: ConfigValidator;
  /** What was persisted by earlier boots. */
  readonly registrations: readonly Registration[];
  readonly configEntries: readonly SignedConfig[];
  readonly peers: readonly KnownPeer[];
  /** Wall clock at construction, in ms since 1970: makes view indexes grow across restarts, and config versions. */
  readonly wallMs: number;
}

export class MeshNode {
  readonly self: NodeId;

  /** `now` is this node's monotonic clock in integer milliseconds, here and everywhere. */
  constructor(options: NodeOptions, now: number) {
    void now;
    this.self = options.notary.id;
  }

  /** The first step: publishes what was restored and dials known peers. Call once. */
  start(now: number): readonly Effect[] {
    void now;
    return [];
  }

  /** Takes one input in. Never throws on bad input: a refused message leaves state untouched and is reported as an event. */
  step(input: Input, now: number): readonly Effect[] {
    void input;
    void now;
    return [];
  }

  /** A command with its answer; the effects are as from `step`. */
  dispatch(command: Command, now: number): { readonly result: CommandResult; readonly effects: readonly Effect[] } {
    void command;
    void now;
    return { result: { ok: true }, effects: [] };
  }

  /** When `step({ type: 'tick' })` is due. May be in the past. Undefined: nothing is pending. */
  nextDeadline(): number | undefined {
    return undefined;
  }

  /** The epoch to state in a hello. Changes only when this node learns that its persisted one was lost. */
  get epoch(): number {
    return 0;
  }

  get view(): View {
    throw new Error('under construction');
  }
}
