/**
 * What lies between two hosts. Settings are directed and resolve default -> zone pair -> node pair, the more
 * specific field winning. A cut blocks directed paths; cuts may overlap, and each is healed on its own.
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
}

/** Blocks every path from a host of `from` to a host of `to`. */
interface Cut {
  readonly from: ReadonlySet<number>;
  readonly to: ReadonlySet<number>;
}

/** One message of a bulk transfer is a thousand packets; more hardly changes the chance that one is lost. */
const segmentBytes = 1400;
const segmentsMax = 4096;

/** The greatest number of hosts of a world: two indexes make one integer key below 2^28. */
export const hostsMax = 16_384;

const latencyStream = hashText('latency');
const lossStream = hashText('loss');

/** All paths of a world. */
export class LinkTable {
  readonly #randomness: Randomness;
  readonly #paths = new Map<number, Path>();
  readonly #zones = new Map<string, Partial<LinkSettings>>();
  readonly #pairs = new Map<number, Partial<LinkSettings>>();
  readonly #cuts = new Set<Cut>();
  #default: LinkSettings;
  /** Raised by every change, so that paths resolve their settings only then. */
  version = 1;

  constructor(network: NetworkName, randomness: Randomness) {
    this.#default = { latency: latencies[network], loss: 0 };
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

  /** Blocks paths until the function it returns is called. */
  cut(from: readonly Site[], to: readonly Site[]): () => void {
    const cut: Cut = { from: new Set(from.map((host) => host.index)), to: new Set(to.map((host) => host.index)) };
    this.#cuts.add(cut);
    this.version++;
    return () => {
      if (this.#cuts.delete(cut)) this.version++;
    };
  }

  /** Undoes all cuts and all settings but the default latency. */
  heal(): void {
    this.#cuts.clear();
    this.#zones.clear();
    this.#pairs.clear();
    this.#default = { ...this.#default, loss: 0 };
    this.version++;
  }

  settings(from: Site, to: Site): LinkSettings {
    return { ...this.#default, ...this.#zones.get(zoneKey(from.zone, to.zone)), ...this.#pairs.get(pairKey(from, to)) };
  }

  blocks(from: Site, to: Site): boolean {
    for (const cut of this.#cuts) if (cut.from.has(from.index) && cut.to.has(to.index)) return true;
    return false;
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
  #latencyDraws = 0;
  #lossDraws = 0;

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
    const segments = Math.min(segmentsMax, Math.max(1, Math.ceil(bytes / segmentBytes)));
    const kept = integerPower(1 - loss, segments);
    return this.#randomness.draw(lossStream, this.#key, this.#lossDraws++) >= kept * 4294967296;
  }

  #refresh(): void {
    if (this.#version === this.#table.version) return;
    this.#version = this.#table.version;
    this.#settings = this.#table.settings(this.#from, this.#to);
    this.#blocked = this.#table.blocks(this.#from, this.#to);
  }
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

function pairKey(from: Site, to: Site): number {
  return from.index * hostsMax + to.index;
}

function zoneKey(from: string, to: string): string {
  return `${from}\n${to}`;
}
