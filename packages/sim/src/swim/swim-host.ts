/**
 * A machine of a world on which one member of the reference protocol runs: it can be killed, paused, cut off, slowed
 * and started again as a node of the mesh can, by the same faults.
 */

import { assert, seededRng } from '@skein/core';
import type { Machine } from '../fault.ts';
import type { ProcessState, Site } from '../host.ts';
import { hash32, hashText } from '../randomness.ts';
import type { World } from '../world.ts';
import type { SwimConfig } from './config.ts';
import type { MemberState, Packet, StreamMessage, SwimStatus } from './message.ts';
import type { StreamExchange, SwimChange } from './self.ts';
import { exchange } from './stream.ts';
import { SwimNode } from './swim-node.ts';

/** What a host sent and took in, since it was added. A datagram or a message on a stream counts once. */
export interface SwimTraffic {
  readonly sent: number;
  readonly sentBytes: number;
  readonly received: number;
  readonly receivedBytes: number;
}

/** What a host needs from its mesh. */
export interface SwimSurroundings {
  readonly world: World;
  host(index: number): SwimHost | undefined;
  /** The host at an address. */
  resolve(address: string): SwimHost | undefined;
  datagram(from: SwimHost, to: SwimHost, packet: Packet): void;
  changed(host: SwimHost, change: SwimChange): void;
}

export interface SwimHostSetup {
  readonly index: number;
  readonly config: SwimConfig;
  readonly zone: string;
  /** Hosts that every boot joins through. */
  readonly seeds: readonly number[];
}

/** The receive buffer that memberlist asks for. What does not fit is lost. */
const socketBytesMax = 2 * 1024 * 1024;

const nodeStream = hashText('swim');

export class SwimHost implements Site, Machine {
  readonly index: number;
  /** As the trace names it. */
  readonly id: string;
  readonly zone: string;
  readonly addresses: readonly string[];
  readonly traffic: SwimTraffic;
  readonly #traffic = { sent: 0, sentBytes: 0, received: 0, receivedBytes: 0 };
  readonly #surroundings: SwimSurroundings;
  readonly #setup: SwimHostSetup;
  #node: SwimNode | undefined;
  #process: ProcessState = 'stopped';
  #powered = true;
  #boot = 0;
  #wakeUs: number | undefined;
  /** What the thread that reads has not read yet, oldest first, from this place on. */
  #socket: { readonly from: number; readonly packet: Packet }[] = [];
  #socketAt = 0;
  #socketBytes = 0;
  #isReading = false;
  #isBlocked = false;
  #perMessageUs = 0;
  /** Its own clock read so much when the world's did, and has run so much faster since. */
  #anchorLocalUs = 0;
  #anchorUs = 0;
  #ppm = 0;
  #waiting: (() => void)[] = [];

  constructor(surroundings: SwimSurroundings, setup: SwimHostSetup) {
    this.#surroundings = surroundings;
    this.#setup = setup;
    this.index = setup.index;
    this.id = `s${setup.index.toString().padStart(4, '0')}`;
    this.zone = setup.zone;
    this.addresses = [`10.0.${setup.index >> 8}.${setup.index & 255}:7946`];
    this.traffic = this.#traffic;
  }

  get process(): ProcessState {
    return this.#process;
  }

  get powered(): boolean {
    return this.#powered;
  }

  /** Its member, of which a process that ended keeps the last state. */
  get node(): SwimNode {
    assert(this.#node !== undefined, `${this.id} was never started`);
    return this.#node;
  }

  /** What this member thinks of that of another host. */
  status(host: SwimHost): SwimStatus {
    return this.node.status(host.index);
  }

  // ---- life

  /** Boots a process. `settled`: it wakes up in the middle of a mesh of these members, of which nothing is news. */
  start(options: { readonly seeds?: readonly number[]; readonly settled?: readonly MemberState[] } = {}): void {
    assert(this.#process === 'stopped', `${this.id} runs already`);
    const { world } = this.#surroundings;
    this.#boot++;
    this.#powered = true;
    this.#process = 'running';
    this.#wakeUs = undefined;
    this.#isReading = false;
    this.#isBlocked = false;
    this.#note('start', '');
    const node = new SwimNode({
      member: this.index,
      address: this.index,
      config: this.#setup.config,
      rng: seededRng(hash32(world.randomness.seed, nodeStream, this.index, this.#boot)),
      port: {
        send: (to, packet) => this.#send(to, packet),
        exchange: (to, ask) => this.#exchange(to, ask),
        changed: (change) => this.#surroundings.changed(this, change),
        ended: () => this.#end('exit'),
      },
      nowUs: this.#localUs(),
    });
    this.#node = node;
    if (options.settled !== undefined) node.start({ settled: options.settled });
    else node.start({ seeds: (options.seeds ?? this.#setup.seeds).filter((seed) => seed !== this.index) });
    this.#arm();
  }

  /** memberlist keeps nothing on disk, so nothing but the name survives. */
  crash(): void {
    this.#end('crash');
  }

  powerOff(): void {
    this.#end('power-off');
    this.#powered = false;
  }

  restart(options: { readonly seeds?: readonly string[] } = {}): void {
    if (options.seeds === undefined) this.start();
    else this.start({ seeds: options.seeds.flatMap((address) => this.#surroundings.resolve(address)?.index ?? []) });
  }

  leave(): void {
    assert(this.#process === 'running', `${this.id} is ${this.#process} and cannot leave`);
    this.#note('leave', '');
    this.#do((nowUs) => this.node.leave(nowUs));
  }

  /** SIGSTOP: nothing is read and no timer fires until `resume`, which finds all of it at once. */
  pause(): void {
    assert(this.#process === 'running', `${this.id} is ${this.#process} and cannot be paused`);
    this.#process = 'paused';
    this.#note('pause', '');
  }

  resume(): void {
    assert(this.#process === 'paused', `${this.id} is not paused`);
    this.#process = 'running';
    this.#note('resume', '');
    this.#do((nowUs) => this.node.tick(nowUs));
    for (const run of this.#waiting.splice(0)) run();
    this.#read();
  }

  blockIo(isBlocked: boolean): void {
    if (this.#process === 'stopped') return;
    this.#note(isBlocked ? 'block-io' : 'unblock-io', '');
    this.#isBlocked = isBlocked;
    this.#do((nowUs) => this.node.setBlocked(isBlocked, nowUs));
    if (!isBlocked) this.#read();
  }

  /** Time for each message that it reads, of which a packet may hold many: the next packet waits in the socket until it is over. */
  slowCpu(perMessageUs: number): void {
    this.#perMessageUs = perMessageUs;
  }

  drift(ppm: number): void {
    this.#anchorLocalUs = this.#localUs();
    this.#anchorUs = this.#surroundings.world.timeline.nowUs;
    this.#ppm = ppm;
    this.#wakeUs = undefined;
    this.#arm();
  }

  /** It reads no wall clock. */
  stepClock(): void {
    this.#note('step-clock', 'unused');
  }

  /** It writes to no disk. */
  fullDisk(): void {
    this.#note('full-disk', 'unused');
  }

  // ---- network

  /** A datagram reached this machine. */
  takePacket(from: number, packet: Packet): void {
    if (this.#process === 'stopped' || this.#socketBytes + packet.bytes > socketBytesMax) return;
    this.#socket.push({ from, packet });
    this.#socketBytes += packet.bytes;
    this.#read();
  }

  /** A question reached this machine over TCP. */
  takeRequest(request: StreamMessage, reply: (answer: StreamMessage) => void): void {
    this.#take(() => {
      const boot = this.#boot;
      this.#traffic.received++;
      this.#traffic.receivedBytes += request.bytes;
      this.#do((nowUs) =>
        this.node.answer(request, nowUs, (answer) => {
          if (this.#boot !== boot || this.#process === 'stopped') return;
          this.#count(answer.bytes);
          reply(answer);
        }),
      );
    });
  }

  #send(to: number, packet: Packet): void {
    const target = this.#surroundings.host(to);
    if (this.#process === 'stopped' || target === undefined) return;
    this.#count(packet.bytes);
    this.#surroundings.datagram(this, target, packet);
  }

  #exchange(to: number, ask: StreamExchange): void {
    const target = this.#surroundings.host(to);
    assert(target !== undefined, `there is no host ${to}`);
    const { world } = this.#surroundings;
    const { timeline, network } = world;
    const there = network.path(this, target);
    const back = network.path(target, this);
    const boot = this.#boot;
    this.#count(ask.request.bytes);
    const deadlineUs = this.#worldUs(ask.deadlineUs);
    exchange(
      {
        get nowUs(): number {
          return timeline.nowUs;
        },
        schedule: (atUs, run) => timeline.schedule(atUs, run),
        arrivalUs: (direction, bytes) => {
          const path = direction === 'there' ? there : back;
          return path.open && !path.loses(bytes) ? timeline.nowUs + path.latencyUs() : undefined;
        },
        isListening: () => target.process !== 'stopped',
        resume: (run) => {
          if (this.#boot === boot) this.#take(() => this.#do((nowUs) => this.node.resume(nowUs, run)));
        },
        answer: (request, reply) => target.takeRequest(request, reply),
      },
      { ...ask, deadlineUs },
    );
  }

  #count(bytes: number): void {
    this.#traffic.sent++;
    this.#traffic.sentBytes += bytes;
  }

  // ---- driving

  /** Does it now, or when the process is let go on. */
  #take(run: () => void): void {
    if (this.#process === 'running') run();
    else if (this.#process === 'paused') this.#waiting.push(() => this.#take(run));
  }

  /** The thread that reads: one packet after the other, until its socket is empty or it has to stop. */
  #read(): void {
    while (!this.#isReading && !this.#isBlocked && this.#process === 'running') {
      const next = this.#socket[this.#socketAt];
      if (next === undefined) return;
      this.#socketAt++;
      if (this.#socketAt === this.#socket.length) {
        this.#socket = [];
        this.#socketAt = 0;
      }
      this.#socketBytes -= next.packet.bytes;
      this.#handle(next.from, next.packet);
      if (this.#perMessageUs > 0) this.#breathe(this.#perMessageUs * next.packet.messages.length);
    }
  }

  /** Spends so much processor time. */
  #breathe(us: number): void {
    const { timeline } = this.#surroundings.world;
    const boot = this.#boot;
    this.#isReading = true;
    timeline.schedule(timeline.nowUs + us, () => {
      if (this.#boot !== boot) return;
      this.#isReading = false;
      this.#read();
    });
  }

  #handle(from: number, packet: Packet): void {
    const { world } = this.#surroundings;
    this.#traffic.received++;
    this.#traffic.receivedBytes += packet.bytes;
    const [first] = packet.messages;
    world.trace.hash(world.timeline.nowUs, this.index, first?.type ?? 'empty', from, packet.bytes);
    this.#do((nowUs) => this.node.receive(packet, nowUs));
  }

  #do(step: (nowUs: number) => void): void {
    step(this.#localUs());
    this.#arm();
  }

  #localUs(): number {
    const passedUs = this.#surroundings.world.timeline.nowUs - this.#anchorUs;
    return this.#anchorLocalUs + passedUs + Math.floor((passedUs * this.#ppm) / 1_000_000);
  }

  /** The world's time at which this host's clock reads `localUs`, or a little later. */
  #worldUs(localUs: number): number {
    return this.#anchorUs + Math.ceil(((localUs - this.#anchorLocalUs) * 1_000_000) / (1_000_000 + this.#ppm));
  }

  /** Keeps one wake-up, for the earliest deadline. */
  #arm(): void {
    if (this.#process !== 'running') return;
    const dueUs = this.node.nextDeadlineUs();
    if (dueUs === undefined) return;
    const { timeline } = this.#surroundings.world;
    const wakeUs = Math.max(this.#worldUs(dueUs), timeline.nowUs);
    if (this.#wakeUs !== undefined && this.#wakeUs <= wakeUs) return;
    this.#wakeUs = wakeUs;
    const boot = this.#boot;
    timeline.schedule(wakeUs, () => {
      if (this.#boot !== boot || this.#wakeUs !== wakeUs) return;
      this.#wakeUs = undefined;
      if (this.#process === 'running') this.#do((nowUs) => this.node.tick(nowUs));
    });
  }

  #end(kind: string): void {
    assert(this.#process !== 'stopped', `${this.id} does not run`);
    this.#process = 'stopped';
    this.#waiting = [];
    this.#socket = [];
    this.#socketAt = 0;
    this.#socketBytes = 0;
    this.#wakeUs = undefined;
    this.#note(kind, '');
  }

  #note(kind: string, cause: string): void {
    const { world } = this.#surroundings;
    world.trace.line({ atUs: world.timeline.nowUs, node: this.id, kind, subject: '', from: '', to: '', cause }, this.index);
    world.noticeChange();
  }
}
