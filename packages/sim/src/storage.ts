/** The data directory of a simulated node: what `persist` effects wrote, and what a next boot reads. */

import { assertNever, registrationKey, versionId } from '@skein/core';
import type { KnownPeer, Persist, Registration, SignedConfig } from '@skein/core';

export class Storage {
  #epoch = 0;
  #peers: readonly KnownPeer[] = [];
  readonly #registrations = new Map<string, Registration>();
  readonly #configs = new Map<string, SignedConfig>();

  write(persist: Persist): void {
    switch (persist.type) {
      case 'epoch':
        this.#epoch = persist.epoch;
        return;
      case 'registration':
        this.#registrations.set(registrationKey(persist.registration), persist.registration);
        return;
      case 'registration-removed':
        this.#registrations.delete(persist.key);
        return;
      case 'config':
        this.#configs.set(versionId(persist.entry.value), persist.entry);
        return;
      case 'config-removed':
        this.#configs.delete(versionId(persist.version));
        return;
      case 'peers':
        this.#peers = persist.peers;
        return;
      default:
        assertNever(persist);
    }
  }

  /** The epoch of the boot that begins now: one more than the last, and durable. */
  nextEpoch(): number {
    this.#epoch += 1;
    return this.#epoch;
  }

  registrations(): readonly Registration[] {
    return [...this.#registrations.values()];
  }

  configEntries(): readonly SignedConfig[] {
    return [...this.#configs.values()];
  }

  peers(): readonly KnownPeer[] {
    return this.#peers;
  }

  /** The disk was lost. */
  wipe(): void {
    this.#epoch = 0;
    this.#peers = [];
    this.#registrations.clear();
    this.#configs.clear();
  }
}
