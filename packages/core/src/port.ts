/** What readers and writers see of a running node. The agent's driver and the simulator's node implement it. */

import type { Command, CommandResult } from './command.ts';
import type { NodeId } from './identity.ts';
import type { View } from './view/view.ts';

/** The part of an `AbortSignal` that waiting needs; any `AbortSignal` fits. */
export interface CancelSignal {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

export interface MeshPort {
  readonly self: NodeId;
  /** The current view. Never blocks, never throws; the answer never changes after it was given. */
  view(): View;
  /**
   * Resolves, with the view then current, once `view().index(topic)` is greater than `afterIndex`, at once if
   * it already is, and also when `signal` aborts. Never rejects.
   */
  changed(topic: string, afterIndex: number, signal: CancelSignal): Promise<View>;
  /** Carries out a local write. Synchronous; a refusal is a value and changes nothing. */
  dispatch(command: Command): CommandResult;
}
