/**
 * What lies between two hosts. Settings are directed and resolve default -> zone pair -> node pair -> overrides, the more
 * specific field winning; of overrides, the latest. Cuts and overrides may overlap, and each is undone on its own.
 */

import type { Site } from './host.ts';
import { latencies, quantileAt } from './quantiles.ts';
import type { NetworkName, Quantiles } from './quantiles.ts';
import { hashText } from './randomness.ts';
import type { Randomness } from './randomness.ts';

export interface LinkSettings {
  /** One-way delay of a packet. */
  readonly latency: Quantiles;
  /** The chance, from 0 to 1, that one packet is lost. On a stream that costs time, never data. */
  readonly loss: number;
  /** The chance, from 0 to 1, that a datagram arrives twice. Streams drop what they have. */
  readonly duplicate: number;
  /** The chance, from 0 to 1, that a packet arrives with other bytes than it was sent with. That ends a stream; a datagram is refused. */
  readonly corrupt: number;
  /** What the path carries, in bytes per second. 0: as much as comes. */
  readonly bandwidth: number;
  /** What may wait for its turn on a path of limited bandwidth, in bytes; more is lost. */
  readonly queueBytes: number;
  /** The greatest datagram that gets through, in bytes. Streams cut themselves to size. */
  readonly mtu: number;
}

/** A quarter of a second at 8 Mbit/s: enough to see bufferbloat, as home routers have it. */
const queueBytesDefault = 262_144;
/** The payload of UDP that IPv4 can carry, in fragments. */
const mtuDefault = 65_507;
const plain = { loss: 0, duplicate: 0, corrupt: 0, bandwidth: 0, queueBytes: queueBytesDefault, mtu: mtuDefault };

/** What `World` sets for all links. */
export const networks: Readonly<Record<NetworkName, LinkSettings>> = {
  loopback: { ...plain, latency: latencies.loopback },
  lan: { ...plain, latency: latencies.lan },
  wan: { ...plain, latency: latencies.wan },
  satellite: { ...plain, latency: latencies.satellite, loss: 0.002, bandwidth: 2_500_000 },
  lossyWifi: { ...plain, latency: latencies.lossyWifi, loss: 0.05, duplicate: 0.001, bandwidth: 2_500_000 },
};

/** Concerns every path from a host of `from` to a host of `to`. */
interface Cut {
  readonly from: ReadonlySet<number>;
  readonly to: ReadonlySet<number>;
}

interface Override extends Cut {
  readonly settings: Partial<LinkSettings>;
}

/** One message of a bulk transfer is a thousand packets; more hardly changes the chance that one is lost. */
const segmentBytes = 1400;
const segmentsMax = 4096;

/** The greatest number of hosts of a world: two indexes make one integer key below 2^28. */
export const hostsMax = 16_384;

const latencyStream = hashText('latency');
const lossStream = hashText('loss');
const acknowledgeStream = hashText('acknowledge');
const duplicateStream = hashText('duplicate');
const corruptStream = hashText('corrupt');

/** All paths of a world. */
export class LinkTable {
  readonly #randomness: Randomness;
  readonly #paths = new Map<number, Path>();
  readonly #zones = new Map<string, Partial<LinkSettings>>();
  readonly #pairs = new Map<number, Partial<LinkSettings>>();
  readonly #cuts = new Set<Cut>();
  readonly #clogs = new Set<Cut>();
  readonly #overrides = new Set<Override>();
  readonly #usual: LinkSettings;
  #default: LinkSettings;
  /** Raised by every change, so that paths resolve their settings only then. */
  version = 1;

  constructor(network: NetworkName, randomness: Randomness) {
    this.#usual = networks[network];
    this.#default = this.#usual;
    this.#randomness = randomness;
  }

  path(from: Site, to: Site): Path {
    const key = pairKey(from, to);
    let path = this.#paths.get(key);
    if (path === undefined) {
      path = new Path(this, from, to, this.#randomness);
      this.#paths.set(key, path);
    }
    return path;
  }

  setDefault(settings: Partial<LinkSettings>): void {
    this.#default = { ...this.#default, ...settings };
    this.version++;
  }

  setZones(from: string, to: string, settings: Partial<LinkSettings>): void {
    this.#zones.set(zoneKey(from, to), settings);
    this.version++;
  }

  setPair(from: Site, to: Site, settings: Partial<LinkSettings>): void {
    this.#pairs.set(pairKey(from, to), settings);
    this.version++;
  }

  /** Other settings on all paths between two sets of hosts, until the function it returns is called. */
  override(from: readonly Site[], to: readonly Site[], settings: Partial<LinkSettings>): () => void {
    return this.#add(this.#overrides, { ...between(from, to), settings });
  }

  /** Blocks paths until the function it returns is called. */
  cut(from: readonly Site[], to: readonly Site[]): () => void {
    return this.#add(this.#cuts, between(from, to));
  }

  /** Holds what is under way on paths until the function it returns is called, which lets it go on, in order. */
  clog(from: readonly Site[], to: readonly Site[]): () => void {
    const undo = this.#add(this.#clogs, between(from, to));
    return () => {
      undo();
      this.#flush();
    };
  }

  /** Undoes all cuts and clogs, and all settings but the default latency. */
  heal(): void {
    this.#cuts.clear();
    this.#clogs.clear();
    this.#overrides.clear();
    this.#zones.clear();
    this.#pairs.clear();
    this.#default = { ...this.#usual, latency: this.#default.latency };
    this.version++;
    this.#flush();
  }

  settings(from: Site, to: Site): LinkSettings {
    let settings = { ...this.#default, ...this.#zones.get(zoneKey(from.zone, to.zone)), ...this.#pairs.get(pairKey(from, to)) };
    for (const override of this.#overrides) if (covers(override, from, to)) settings = { ...settings, ...override.settings };
    return settings;
  }

  blocks(from: Site, to: Site): boolean {
    for (const cut of this.#cuts) if (covers(cut, from, to)) return true;
    return false;
  }

  clogs(from: Site, to: Site): boolean {
    for (const clog of this.#clogs) if (covers(clog, from, to)) return true;
    return false;
  }

  #add<T extends Cut>(set: Set<T>, item: T): () => void {
    set.add(item);
    this.version++;
    return () => {
      if (set.delete(item)) this.version++;
    };
  }

  #flush(): void {
    for (const path of this.#paths.values()) path.flush();
  }
}

/** The way from one host to another. */
export class Path {
  readonly #table: LinkTable;
  readonly #randomness: Randomness;
  readonly #from: Site;
  readonly #to: Site;
  readonly #key: number;
  #version = 0;
  #settings!: LinkSettings;
  #blocked = false;
  #clogged = false;
  #latencyDraws = 0;
  #lossDraws = 0;
  #acknowledgeDraws = 0;
  #duplicateDraws = 0;
  #corruptDraws = 0;
  /** When the last byte that waits for its turn will have left. */
  #busyUntilUs = 0;
  #held: (() => void)[] = [];

  constructor(table: LinkTable, from: Site, to: Site, randomness: Randomness) {
    this.#table = table;
    this.#from = from;
    this.#to = to;
    this.#key = pairKey(from, to);
    this.#randomness = randomness;
  }

  /** Whether a packet sent now would get there, loss aside. */
  get open(): boolean {
    this.#refresh();
    return !this.#blocked && this.#from.powered && this.#to.powered;
  }

  /** Whether what is under way gets no further for now. */
  get clogged(): boolean {
    this.#refresh();
    return this.#clogged;
  }

  /** When a path of limited bandwidth will be free again; not later than now on any other. */
  get freeUs(): number {
    return this.#busyUntilUs;
  }

  get isNarrow(): boolean {
    this.#refresh();
    return this.#settings.bandwidth > 0;
  }

  /** The delay of one packet. */
  latencyUs(): number {
    this.#refresh();
    return quantileAt(this.#settings.latency, this.#randomness.draw(latencyStream, this.#key, this.#latencyDraws++));
  }

  /** Whether any packet of a message of `bytes` is lost. */
  loses(bytes: number): boolean {
    this.#refresh();
    const { loss } = this.#settings;
    if (loss === 0) return false;
    return this.#randomness.draw(lossStream, this.#key, this.#lossDraws++) >= spared(loss, bytes) * 4294967296;
  }

  /** Whether any packet of a message of `bytes`, which arrived, arrived with other bytes. */
  corrupts(bytes: number): boolean {
    this.#refresh();
    const { corrupt } = this.#settings;
    if (corrupt === 0) return false;
    return this.#randomness.draw(corruptStream, this.#key, this.#corruptDraws++) >= spared(corrupt, bytes) * 4294967296;
  }

  /** Sends so many bytes of a stream: the delay until they are there, in microseconds, or undefined when some are lost. */
  carryUs(bytes: number, nowUs: number): number | undefined {
    if (!this.open) return undefined;
    const waitUs = this.#settings.bandwidth > 0 ? this.#queueUs(bytes, nowUs) : 0;
    if (waitUs === undefined || this.loses(bytes)) return undefined;
    return waitUs + this.latencyUs();
  }

  /** Sends one datagram: the delay of each of its copies, in microseconds, which is none when it is lost. */
  datagramUs(bytes: number, nowUs: number): readonly number[] {
    if (!this.open || bytes > this.#settings.mtu) return [];
    const waitUs = this.#settings.bandwidth > 0 ? this.#queueUs(bytes, nowUs) : 0;
    if (waitUs === undefined || this.loses(bytes)) return [];
    const first = waitUs + this.latencyUs();
    const { duplicate } = this.#settings;
    if (duplicate === 0) return [first];
    const draw = this.#randomness.draw(duplicateStream, this.#key, this.#duplicateDraws++);
    return draw < duplicate * 4294967296 ? [first, waitUs + this.latencyUs()] : [first];
  }

  /** Whether an acknowledgement sent now would get there: one small packet. */
  acknowledges(): boolean {
    if (!this.open || this.#clogged) return false;
    const { loss } = this.#settings;
    return loss === 0 || this.#randomness.draw(acknowledgeStream, this.#key, this.#acknowledgeDraws++) >= loss * 4294967296;
  }

  /** Keeps `arrive` until the path is not clogged any more. */
  hold(arrive: () => void): void {
    this.#held.push(arrive);
  }

  flush(): void {
    if (this.clogged) return;
    for (const arrive of this.#held.splice(0)) arrive();
  }

  /** How long bytes take until they have left, behind those that wait. Undefined: the queue is full. */
  #queueUs(bytes: number, nowUs: number): number | undefined {
    const { bandwidth, queueBytes } = this.#settings;
    const backlogUs = Math.max(0, this.#busyUntilUs - nowUs);
    // One message larger than the queue passes when nothing waits.
    if (backlogUs > 0 && Math.floor((backlogUs * bandwidth) / 1_000_000) + bytes > queueBytes) return undefined;
    const waitUs = backlogUs + Math.ceil((bytes * 1_000_000) / bandwidth);
    this.#busyUntilUs = nowUs + waitUs;
    return waitUs;
  }

  #refresh(): void {
    if (this.#version === this.#table.version) return;
    this.#version = this.#table.version;
    this.#settings = this.#table.settings(this.#from, this.#to);
    this.#blocked = this.#table.blocks(this.#from, this.#to);
    this.#clogged = this.#table.clogs(this.#from, this.#to);
  }
}

/** The chance that none of the packets of a message meets what each meets with this chance. */
function spared(chance: number, bytes: number): number {
  return integerPower(1 - chance, Math.min(segmentsMax, Math.max(1, Math.ceil(bytes / segmentBytes))));
}

/** By squaring: products are the same on every engine, `Math.pow` is not. */
function integerPower(base: number, exponent: number): number {
  let result = 1;
  let square = base;
  for (let rest = exponent; rest > 0; rest >>= 1) {
    if ((rest & 1) === 1) result *= square;
    square *= square;
  }
  return result;
}

function between(from: readonly Site[], to: readonly Site[]): Cut {
  return { from: new Set(from.map((host) => host.index)), to: new Set(to.map((host) => host.index)) };
}

function covers(cut: Cut, from: Site, to: Site): boolean {
  return cut.from.has(from.index) && cut.to.has(to.index);
}

function pairKey(from: Site, to: Site): number {
  return from.index * hostsMax + to.index;
}

function zoneKey(from: string, to: string): string {
  return `${from}\n${to}`;
}
