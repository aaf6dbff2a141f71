/**
 * One node of a world: the twin of the agent's driver. It performs effects in order, keeps one wake-up for the
 * node's deadlines, stores what the node persists, and stands for the machine and the process around it, which
 * can be paused, killed, cut off from power and started again.
 */

import { assert, nodeId, seededRng } from '@skein/core';
import type {
  CancelSignal,
  Command,
  CommandResult,
  Effect,
  Input,
  LinkQueue,
  MeshPort,
  NodeBase,
  NodeId,
  NodeOptions,
  View,
} from '@skein/core';
import { Adversary } from './adversary.ts';
import { MachineClock } from './clock.ts';
import { EventLoop } from './event-loop.ts';
import { SimulationError } from './failure.ts';
import { usualKeep } from './fault.ts';
import type { Keep, Lie, Machine } from './fault.ts';
import { timersOf } from './host.ts';
import type { Host, ProcessState } from './host.ts';
import { IoGate } from './io-gate.ts';
import type { NetworkEffect } from './io-gate.ts';
import { nodeOptions } from './node-setup.ts';
import type { NodeLogic, NodeSetup, RestartOptions, Surroundings } from './node-setup.ts';
import { hash32, hashText } from './randomness.ts';
import { Storage, lossText } from './storage.ts';
import { hashEffect, hashInput, lineOf } from './record.ts';
import { Waiters } from './mesh-port.ts';

const clockIntervalUs = 1_000_000;
/** Ticks in a row at one virtual time before a node counts as stuck. */
const ticksAtOnceMax = 1000;

const nodeStream = hashText('node');
const clockStream = hashText('clock');
const resumeStream = hashText('resume');

export class SimNode implements Host, Machine, MeshPort {
  readonly index: number;
  readonly name: string;
  readonly mesh: string;
  readonly zone: string;
  readonly dialOutOnly: boolean;
  readonly #setup: NodeSetup;
  readonly #world: Surroundings<SimNode>;
  #id: NodeId;
  #addresses: readonly string[];
  /** Identities that this machine had before. */
  #replacements = 0;
  readonly #storage: Storage;
  readonly #waiters = new Waiters();
  readonly #clock = new MachineClock();
  readonly #loop: EventLoop;
  readonly #gate = new IoGate();
  #logic: NodeLogic | undefined;
  #process: ProcessState = 'stopped';
  #powered = true;
  #boot = 0;
  #wakeUs: number | undefined;
  #lie: Lie | undefined;
  #liar: Adversary | undefined;
  #ticksAtOnce = 0;
  #lastTickUs = -1;
  #isTickWaiting = false;
  #isClockWaiting = false;
  #pausedUs = 0;
  #resumes = 0;

  constructor(world: Surroundings<SimNode>, setup: NodeSetup) {
    this.#world = world;
    this.#setup = setup;
    this.#loop = new EventLoop(world, setup.config.lateTickMs);
    this.#storage = new Storage(setup.registrations);
    this.#id = setup.id;
    this.#addresses = setup.addresses;
    this.index = setup.index;
    this.name = setup.name;
    this.mesh = setup.mesh;
    this.zone = setup.zone;
    this.dialOutOnly = setup.dialOutOnly;
  }

  /** Who runs here. Another one after `restart({ replace: true })`. */
  get id(): NodeId {
    return this.#id;
  }

  get self(): NodeId {
    return this.#id;
  }

  /** Where it listens, from its last start on. */
  get addresses(): readonly string[] {
    return this.#addresses;
  }

  // ---- what the network sees

  get process(): ProcessState {
    return this.#process;
  }

  get powered(): boolean {
    return this.#powered;
  }

  get boot(): number {
    return this.#boot;
  }

  get epoch(): number {
    return this.#node().epoch;
  }

  get wallMs(): number {
    return this.#clock.wallMs(this.#world.nowUs);
  }

  get blocked(): boolean {
    return this.#gate.isShut;
  }

  get readyUs(): number {
    return this.#loop.readyUs;
  }

  receive(input: Input, taken?: () => void): void {
    if (this.#process === 'stopped') return;
    if (this.#gate.isShut && this.#gate.holdsInput({ input, taken })) return;
    if (this.#loop.isIdle) {
      this.#take(input);
      taken?.();
    } else {
      this.#loop.post(() => {
        this.#take(input);
        taken?.();
      });
    }
  }

  // ---- MeshPort

  /** The current view; of a process that ended, the last one. */
  view(): View {
    return this.#node().view;
  }

  /** What the process keeps for its links. */
  linkQueues(): Iterable<LinkQueue> {
    return this.#node().linkQueues?.() ?? [];
  }

  changed(topic: string, afterIndex: number, signal: CancelSignal): ReturnType<MeshPort['changed']> {
    return this.#waiters.wait(() => this.view(), topic, afterIndex, signal);
  }

  /** A local write at the current virtual time. A process that ended refuses it; a paused one cannot be asked. */
  dispatch(command: Command): CommandResult {
    assert(this.#process !== 'paused', `${this.id} is paused and takes no commands`);
    if (this.#process === 'stopped') return { ok: false, code: 'leaving', message: `${this.id} has stopped` };
    this.#world.trace.hash(this.#world.nowUs, this.index, command.type, 0, 0);
    const { result, effects } = this.#guarded(`command ${command.type}`, () => this.#node().dispatch(command, this.nowMs()));
    this.#perform(effects);
    return result;
  }

  // ---- life

  /** Whether a process runs that is not paused. */
  get isRunning(): boolean {
    return this.#process === 'running';
  }

  /** The node's own monotonic clock, in whole milliseconds. It starts anywhere, anew with each boot. */
  nowMs(): number {
    return this.#clock.monotonicMs(this.#world.nowUs);
  }

  /**
   * Boots a process on this machine, with the identity and the data it had. `seeds` replaces the usual ones for this boot.
   * `base`: what it knows already. On a full disk the process cannot state a new epoch and ends at once, as the agent does.
   */
  start(options: { readonly seeds?: readonly string[]; readonly base?: NodeBase } = {}): void {
    assert(this.#process === 'stopped', `${this.id} runs already`);
    const { nowUs, randomness } = this.#world;
    const epoch = this.#storage.nextEpoch();
    this.#boot++;
    this.#powered = true;
    if (epoch === undefined) {
      this.#fault('start-failed', 'the disk is full');
      return;
    }
    this.#process = 'running';
    this.#clock.boot(nowUs, randomness.below(1_000_000, { stream: clockStream, key: this.index, counter: this.#boot }));
    this.#wakeUs = undefined;
    this.#isTickWaiting = false;
    this.#isClockWaiting = false;
    this.#liar = this.#makeLiar();
    this.#waiters.open();
    this.#fault('start', `epoch ${epoch}`);
    const bootOptions: NodeOptions = { ...this.bootOptions(epoch), ...(options.base && { base: options.base }) };
    const effects = this.#guarded('start', () => {
      this.#logic = this.#world.create(bootOptions, this.nowMs());
      return this.#logic.start(this.nowMs());
    });
    this.#perform(effects);
    const seeds = options.seeds ?? this.#setup.seeds;
    if (seeds.length > 0) this.dispatch({ type: 'join', addresses: seeds });
    this.#scheduleClock(randomness.below(clockIntervalUs, { stream: clockStream, key: this.index, counter: -this.#boot }));
  }

  /** What a process with this epoch is given when it boots now. */
  bootOptions(epoch: number = 1): NodeOptions {
    const { nowUs, randomness, keys } = this.#world;
    return nodeOptions(this.#setup, this.#storage, {
      addresses: this.addresses,
      epoch,
      notary: keys.notary(this.id),
      rng: seededRng(hash32(randomness.seed, nodeStream, this.index, this.#boot)),
      wallMs: this.#clock.wallMs(nowUs),
    });
  }

  /**
   * Starts a process again, after `crash`, `powerOff` or `leave`. `replace`: the machine was set up anew, so another
   * identity runs on an empty disk, under the old name and addresses. `addresses`: the machine came back with others.
   */
  restart(options: RestartOptions = {}): void {
    assert(this.#process === 'stopped', `${this.id} runs already`);
    if (options.replace === true) {
      this.#replacements++;
      this.#id = nodeId(`${this.#setup.id}-${this.#replacements}`);
      this.#storage.end('nothing', this.#world.nowUs);
      this.#fault('replaced', `was ${this.#setup.id}`);
    }
    if (options.addresses !== undefined) {
      this.#addresses = options.addresses;
      this.#world.network.attach(this);
    }
    this.start(options);
  }

  /** SIGKILL: the process is gone at once, and its peers see their connections close. `keep`: by default what it had `written`. */
  crash(options: { readonly keep?: Keep } = {}): void {
    this.#end('crash', 'close', options.keep ?? usualKeep.crash);
  }

  /** The machine falls silent: nobody is told anything. `keep`: by default what was `synced`. */
  powerOff(options: { readonly keep?: Keep } = {}): void {
    this.#end('power-off', 'silent', options.keep ?? usualKeep['power-off']);
    this.#powered = false;
  }

  /** Copies what is durable on the disk, for a crash that keeps `rollback`. Without a copy that is an empty disk. */
  backUp(): void {
    this.#storage.backUp(this.#world.nowUs);
  }

  /** Announces that this node leaves. Its process ends by itself once that is done. */
  leave(): void {
    this.dispatch({ type: 'leave' });
  }

  /** SIGSTOP. What arrives waits in the kernel's buffers until these are full. */
  pause(): void {
    assert(this.#process === 'running', `${this.id} is ${this.#process} and cannot be paused`);
    this.#process = 'paused';
    this.#loop.pause();
    this.#pausedUs = this.#world.nowUs;
    this.#fault('pause', '');
  }

  /**
   * SIGCONT. Late timers and waiting input run at once, in either order: which comes first in a real process
   * depends on where the event loop stood, so each resume draws it.
   */
  resume(): void {
    assert(this.#process === 'paused', `${this.id} is not paused`);
    const { nowUs, randomness } = this.#world;
    const key = { stream: resumeStream, key: this.index, counter: this.#resumes++ };
    const isTimerFirst = randomness.below(2, key) === 0;
    this.#process = 'running';
    this.#fault('resume', isTimerFirst ? 'timers first' : 'data first');
    const pausedUs = nowUs - this.#pausedUs;
    this.#loop.resume(() => this.#lateTimers(pausedUs), { isTimerFirst, pausedUs });
  }

  /**
   * Lifeguard's anomaly: what the process sends waits, what arrives waits, dials of it and to it make no progress, and its
   * timers run. At the end everything goes through in order, what it sent first. Belongs to the machine: lasts through restarts.
   */
  blockIo(blocked: boolean): void {
    if (this.#gate.isShut === blocked) return;
    this.#fault(blocked ? 'io-blocked' : 'io-unblocked', '');
    if (blocked) return this.#gate.shut();
    const held = this.#gate.open();
    for (const effect of held.effects) this.#carryOut(effect);
    for (const { input, taken } of held.inputs) this.receive(input, taken);
  }

  /**
   * From now on each input costs so much CPU, timers and handshakes too, one after the other; 0 is as fast as ever. Commands are
   * carried out at once. Belongs to the machine: lasts through restarts.
   */
  slowCpu(perMessageUs: number): void {
    assert(Number.isInteger(perMessageUs) && perMessageUs >= 0, `a message costs whole microseconds, not ${perMessageUs}`);
    this.#fault('cpu', `${perMessageUs} us a message`);
    this.#loop.setCost(perMessageUs);
  }

  /** The clocks of this machine run fast by parts per million, or slow when negative; half a million at most. */
  drift(ppm: number): void {
    this.#fault('drift', `${ppm} ppm`);
    this.#clock.drift(ppm, this.#world.nowUs);
    this.#wakeUs = undefined;
    if (this.#process !== 'stopped') this.#arm();
  }

  /** Sets the wall clock forward, or back when negative. */
  stepClock(byMs: number): void {
    this.#fault('step-clock', `${byMs} ms`);
    this.#clock.step(byMs);
  }

  /** Writes to the disk fail from now on, or work again. */
  fullDisk(isFull: boolean): void {
    this.#fault(isFull ? 'disk-full' : 'disk-freed', '');
    this.#storage.setFull(isFull, this.#world.nowUs);
  }

  /** From now on the node lies in this way, or is honest again. Belongs to the machine: lasts through restarts. */
  lie(lie: Lie | undefined): void {
    this.#fault('lie', lie ?? 'honest');
    this.#lie = lie;
    this.#liar = this.#makeLiar();
  }

  #makeLiar(): Adversary | undefined {
    if (this.#lie === undefined) return undefined;
    const { network, keys } = this.#world;
    return new Adversary(this.#lie, { node: this, keys, peers: () => network.peers(this) });
  }

  #lateTimers(lateUs: number): void {
    if (this.isRunning) this.#tick();
    if (this.isRunning && lateUs >= clockIntervalUs) this.#takeClock();
  }

  #end(kind: string, how: 'close' | 'silent', keep: Keep | 'all' = 'all'): void {
    assert(this.#process !== 'stopped', `${this.id} does not run`);
    this.#fault(kind, lossText[keep]);
    this.#process = 'stopped';
    this.#loop.clear();
    this.#gate.clear();
    this.#wakeUs = undefined;
    this.#storage.end(keep, this.#world.nowUs);
    this.#world.network.detach(this, how);
    this.#waiters.release(() => this.view());
  }

  // ---- driving

  #take(input: Input): void {
    hashInput(this.#world.trace, this.#world.nowUs, this.index, input);
    const liar = this.#liar;
    if (liar?.hears(input) === false) return;
    let effects: readonly Effect[];
    try {
      effects = this.#node().step(input, this.nowMs());
    } catch (cause) {
      throw this.#finding(input.type === 'message' ? `${input.message.type} from ${input.from}` : input.type, cause);
    }
    this.#perform(effects);
    if (liar !== undefined && this.isRunning) this.#perform(liar.says(this.nowMs()));
  }

  #perform(effects: readonly Effect[]): void {
    let hasNewView = false;
    let hasLeft = false;
    for (const effect of effects) {
      hashEffect(this.#world.trace, this.#world.nowUs, this.index, effect);
      if (effect.type === 'emit') {
        hasNewView ||= effect.event.type === 'view-changed';
        hasLeft ||= effect.event.type === 'left';
        const line = lineOf(effect.event, this.#world.nowUs, this.id);
        if (line !== undefined) this.#world.trace.line(line, this.index);
        this.#world.changed(this, effect.event);
      } else if (effect.type === 'persist') this.#storage.write(effect.persist, this.#world.nowUs);
      else if (!this.#gate.holdsEffect(effect)) this.#carryOut(effect);
    }
    if (hasLeft) this.#end('exit', 'close');
    else this.#arm();
    if (hasNewView) this.#waiters.wake(() => this.view());
  }

  #carryOut(effect: NetworkEffect): void {
    const { network } = this.#world;
    if (effect.type === 'send') network.send(this, effect.to, effect.message, effect.lane);
    else if (effect.type === 'connect') network.connect(this, effect);
    else network.disconnect(this, effect.to);
  }

  /** Keeps one wake-up, for the earliest deadline. One that turns out to be early arms itself again. */
  #arm(): void {
    const deadline = this.#node().nextDeadline();
    if (deadline === undefined) return;
    const wakeUs = Math.max(this.#clock.reachesUs(deadline), this.#world.nowUs);
    if (this.#wakeUs !== undefined && this.#wakeUs <= wakeUs) return;
    this.#wakeUs = wakeUs;
    this.#at(wakeUs, () => {
      if (this.#wakeUs === wakeUs) this.#wake();
    });
  }

  #wake(): void {
    this.#wakeUs = undefined;
    if (this.#process !== 'running' || this.#isTickWaiting) return;
    const deadline = this.#node().nextDeadline();
    if (deadline === undefined || deadline > this.nowMs()) return this.#arm();
    const { nowUs } = this.#world;
    this.#ticksAtOnce = nowUs === this.#lastTickUs ? this.#ticksAtOnce + 1 : 0;
    this.#lastTickUs = nowUs;
    if (this.#ticksAtOnce >= ticksAtOnceMax) this.#guarded('tick', () => assert(false, 'ticks do not move the next deadline'));
    if (this.#loop.isIdle) {
      this.#take({ type: 'tick' });
      return;
    }
    this.#isTickWaiting = true;
    this.#loop.post(() => {
      this.#isTickWaiting = false;
      this.#tick();
    }, nowUs);
  }

  /** What was handled while the tick waited may have moved the deadline. */
  #tick(): void {
    const deadline = this.#node().nextDeadline();
    if (deadline !== undefined && deadline <= this.nowMs()) this.#take({ type: 'tick' });
    else this.#arm();
  }

  /** Runs a timer of this boot. */
  #at(atUs: number, run: () => void): void {
    const boot = this.#boot;
    const runOurs = (): void => {
      if (this.#boot === boot && this.#process !== 'stopped') run();
    };
    this.#world.schedule(atUs, runOurs, timersOf(this));
  }

  #scheduleClock(inUs: number): void {
    this.#at(this.#world.nowUs + inUs, () => {
      if (this.#process === 'running' && !this.#isClockWaiting) {
        this.#isClockWaiting = true;
        this.#loop.post(() => {
          this.#isClockWaiting = false;
          this.#takeClock();
        }, this.#world.nowUs);
      }
      this.#scheduleClock(clockIntervalUs);
    });
  }

  #takeClock(): void {
    this.#take({ type: 'clock', lagMs: this.#loop.takeLagMs(), wallMs: this.wallMs });
  }

  #node(): NodeLogic {
    assert(this.#logic !== undefined, `${this.id} was never started`);
    return this.#logic;
  }

  #fault(kind: string, cause: string): void {
    const { nowUs, trace } = this.#world;
    trace.line({ atUs: nowUs, node: this.id, kind, subject: '', from: '', to: '', cause }, this.index);
    this.#world.witness?.life(this, kind, cause, nowUs);
    this.#world.changed(this, undefined);
  }

  /** Whatever core throws is a finding, and is told with what reproduces it. */
  #guarded<T>(doing: string, run: () => T): T {
    try {
      return run();
    } catch (cause) {
      throw this.#finding(doing, cause);
    }
  }

  #finding(doing: string, cause: unknown): SimulationError {
    return SimulationError.of(this.#world, { node: this.id, doing, cause });
  }
}
