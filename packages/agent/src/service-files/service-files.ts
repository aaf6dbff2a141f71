/**
 * Keeps what is registered on this node as the files in a directory say. A file that changed registers again what
 * changed in it; one that is gone deregisters what it registered; one that is bad is named in the log, and what it
 * said when it last was good stays.
 *
 * Of two files with one id the first by name decides. A client that registers, or deregisters, what a file defines is
 * obeyed until the file changes, or the agent starts or reloads: then the file decides again, as in Consul.
 */

import { join } from 'node:path';
import type { CheckDefinition, MeshPort, Registration } from '@skein/core';
import { registrationKey } from '@skein/core';
import type { Clock } from '../clock.ts';
import { Gate } from '../gate.ts';
import type { Log } from '../log.ts';
import type { DefinitionDirectory } from './definition-directory.ts';
import { type FileNotice, FileSet, graceMs } from './file-set.ts';
import { type Define, wantedOf } from './wanted.ts';

export interface ServiceFilesOptions {
  readonly directory: DefinitionDirectory;
  readonly port: Pick<MeshPort, 'view' | 'dispatch'>;
  readonly clock: Pick<Clock, 'after' | 'now'>;
  readonly log: Pick<Log, 'info' | 'warn' | 'error'>;
  /** Why a check may not come from a file, such as a script where scripts are off; undefined when it may. */
  readonly refusal: (check: CheckDefinition) => string | undefined;
}

/** Editors write in several steps: wait until they are done. */
const debounceMs = 100;
/** A net under the watch, which some file systems do not have and others lose. */
const rescanMs = 10_000;
/** Commands in one turn of the event loop: each may cost milliseconds on a node with thousands of registrations. */
const commandsPerTurn = 8;

export class ServiceFiles {
  readonly #options: ServiceFilesOptions;
  readonly #files: FileSet;
  /** What was last asked for and done, as text, by the key of the registration. */
  readonly #done = new Map<string, string>();
  /** Said already: the next look, some seconds from now, would say it again. */
  readonly #said = new Set<string>();
  /** What is yet to be defined or withdrawn, by key; empty when all is as the files say. */
  #pending: [key: string, define: Define | undefined][] = [];
  #cancelTurn: (() => void) | undefined;
  readonly #settled = new Gate();
  #hasRefused = false;
  /** What is registered has to be compared with the files, not only what they say now with what they said. */
  #isFresh = true;
  #isUnreadable = false;
  #cancelLook: (() => void) | undefined;
  #endWatch: (() => void) | undefined;
  #isStopped = false;

  constructor(options: ServiceFilesOptions) {
    this.#options = options;
    const { directory, refusal, clock } = options;
    this.#files = new FileSet({ directory, refusal, notice: (notice) => this.#log(notice), now: () => clock.now() });
  }

  /**
   * Registers what the files say, and watches them from now on. Call when the node has its earlier registrations.
   * Resolves once all is registered, or after `stop`.
   */
  start(): Promise<void> {
    this.#look();
    return this.#settled.opened;
  }

  /** Reads everything again, and undoes what clients did to what files define. */
  reload(): void {
    if (this.#isStopped) return;
    this.#files.forgetStamps();
    this.#said.clear();
    this.#isFresh = true;
    this.#isUnreadable = false;
    this.#look();
  }

  /** What is registered stays. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelLook?.();
    this.#cancelTurn?.();
    this.#endWatch?.();
    this.#settled.open();
  }

  #look(): void {
    // Anew each time, since another directory may have the name by now; and first, so that no change falls in between.
    this.#endWatch?.();
    this.#endWatch = this.#options.directory.watch(() => this.#lookIn(debounceMs));
    const hasChanged = this.#read();
    if (!this.#isUnreadable && (hasChanged || this.#isFresh || this.#hasRefused)) this.#reconcile();
    else this.#work();
    this.#lookIn(this.#files.isWaiting ? graceMs : rescanMs);
  }

  #lookIn(ms: number): void {
    if (this.#isStopped) return;
    this.#cancelLook?.();
    this.#cancelLook = this.#options.clock.after(ms, () => this.#look());
  }

  #read(): boolean {
    const { directory, log } = this.#options;
    try {
      const hasChanged = this.#files.look();
      if (this.#isUnreadable) log.info('the directory of service files can be read again', { path: directory.path });
      this.#isUnreadable = false;
      return hasChanged;
    } catch (error) {
      const reason = (error as Error).message;
      if (!this.#isUnreadable) {
        log.warn('the directory of service files cannot be read: what its files registered stays', {
          path: directory.path,
          reason,
          next: 'make it, or let the agent read it; it is tried again by itself',
        });
      }
      this.#isUnreadable = true;
      return false;
    }
  }

  /** Finds the difference between what the files say and what is there, and sets about it. */
  #reconcile(): void {
    const wanted = wantedOf(this.#files.definitions());
    for (const { source, reason } of wanted.disputes) this.#complain(source, reason);
    const registered = this.#registered();
    if (this.#isFresh) {
      this.#done.clear();
      for (const [key, define] of wanted.defines) if (isMade(define, registered)) this.#done.set(key, JSON.stringify(define));
    }
    this.#isFresh = false;
    this.#hasRefused = false;
    for (const key of this.#done.keys()) if (!wanted.defines.has(key)) this.#done.delete(key);
    this.#pending = [];
    for (const [key, { source }] of registered) {
      // What a client took over is no longer a file's. A file that never was good in this boot may still mean what it said.
      const isKept = source === undefined || wanted.keys.has(key) || this.#files.isUnclear(source);
      if (!isKept) this.#pending.push([key, undefined]);
    }
    for (const [key, define] of wanted.defines) {
      if (this.#done.get(key) !== JSON.stringify(define)) this.#pending.push([key, define]);
    }
    this.#work();
  }

  /** Some commands now, the others in later turns: the node has peers to answer in between. */
  #work(): void {
    this.#cancelTurn?.();
    this.#cancelTurn = undefined;
    let registered: ReadonlyMap<string, Registration> | undefined;
    for (const [key, define] of this.#pending.splice(0, commandsPerTurn)) {
      if (define !== undefined) this.#define(key, define);
      else this.#withdraw((registered ??= this.#registered()).get(key));
    }
    if (this.#pending.length === 0) this.#settled.open();
    else if (!this.#isStopped) this.#cancelTurn = this.#options.clock.after(0, () => this.#work());
  }

  #registered(): ReadonlyMap<string, Registration> {
    const registered = new Map<string, Registration>();
    for (const registration of this.#options.port.view().registrations()) {
      registered.set(registrationKey(registration), registration);
    }
    return registered;
  }

  #withdraw(registration: Registration | undefined): void {
    if (registration?.source === undefined) return;
    withdraw(registration, this.#options, this.#pathOf(registration.source));
  }

  #define(key: string, define: Define): void {
    const { port, log } = this.#options;
    const result = port.dispatch(define);
    if (result.ok) {
      this.#done.set(key, JSON.stringify(define));
      return log.info('registered from a service file', { file: this.#pathOf(define.source), key });
    }
    // Tried again at the next look: an instance that a check belongs to may come from a client.
    this.#hasRefused = true;
    this.#done.delete(key);
    this.#complain(define.source, result.message);
  }

  #log(notice: FileNotice): void {
    const { log } = this.#options;
    const file = this.#pathOf(notice.source);
    switch (notice.type) {
      case 'bad':
        return log.error('a service file is bad', {
          file,
          reason: notice.reason,
          next: notice.hasGoodVersion
            ? 'repair it; what its last good version said stays until then'
            : 'repair it; nothing new of it is registered until then',
        });
      case 'good-again':
        return log.info('a service file is good again', { file });
      case 'empty':
        return log.warn('a service file is empty: what it said stays for a second, as it may be in the making', { file });
      case 'not-read':
        return log.warn('a service file is not read', { file, reason: notice.reason });
    }
  }

  #complain(source: string, reason: string): void {
    const text = `${source}: ${reason}`;
    if (this.#said.has(text)) return;
    // Files that change for years say ever new things.
    if (this.#said.size >= 1024) this.#said.clear();
    this.#said.add(text);
    this.#options.log.warn('a service file is not obeyed as a whole', { file: this.#pathOf(source), reason });
  }

  #pathOf(source: string): string {
    return join(this.#options.directory.path, source);
  }
}

/** Deregisters what files of earlier boots registered: for an agent that has no service files any more. */
export function withdrawFileRegistrations(options: Pick<ServiceFilesOptions, 'port' | 'log'>): void {
  for (const registration of options.port.view().registrations()) {
    if (registration.source !== undefined) withdraw(registration, options, registration.source);
  }
}

function withdraw(registration: Registration, { port, log }: Pick<ServiceFilesOptions, 'port' | 'log'>, file: string): void {
  // A check goes with its instance; then nothing is left to say of it.
  const { ok } = port.dispatch(
    registration.type === 'instance'
      ? { type: 'deregister', id: registration.instance.id }
      : { type: 'deregister-check', id: registration.definition.id },
  );
  if (ok) log.info('deregistered: no service file defines it any more', { file, key: registrationKey(registration) });
}

/** Whether the registrations are already what a command would make of them. */
function isMade(define: Define, registered: ReadonlyMap<string, Registration>): boolean {
  const { source } = define;
  const isSame = (key: string, made: unknown): boolean => {
    const found = registered.get(key);
    const value = found?.type === 'instance' ? found.instance : found?.definition;
    // As text, since what comes from the disk lacks keys whose value is undefined.
    return found?.source === source && JSON.stringify(value) === JSON.stringify(made);
  };
  if (define.type === 'register-check') return isSame(`c/${define.definition.id}`, define.definition);
  return isSame(`i/${define.instance.id}`, define.instance) && define.checks.every((check) => isSame(`c/${check.id}`, check));
}
