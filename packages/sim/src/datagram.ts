/**
 * The datagram lane of the network: a message arrives once, late, twice or never. Each draws its own delay, so that
 * they overtake one another; what is larger than a packet travels in fragments and is lost with any of them. Nobody is
 * told of a loss.
 */

import type { Site } from './host.ts';
import type { Path } from './link.ts';
import type { Timeline } from './network.ts';

/** What the lane needs of the network. */
export interface Paths {
  path(from: Site, to: Site): Path;
}

/** Counts since the world began. */
export interface DatagramFigures {
  readonly sent: number;
  readonly bytes: number;
  readonly lost: number;
  /** Of those that arrived, those that nobody can decode. */
  readonly garbled: number;
}

export class DatagramLane {
  readonly #timeline: Timeline;
  readonly #paths: Paths;
  readonly #figures = { sent: 0, bytes: 0, lost: 0, garbled: 0 };

  constructor(timeline: Timeline, paths: Paths) {
    this.#timeline = timeline;
    this.#paths = paths;
  }

  get figures(): DatagramFigures {
    return this.#figures;
  }

  /** Sends so many bytes. `arrive` is called where and when they get there: not at all when they are lost. */
  send(from: Site, to: Site, bytes: number, arrive: () => void): void {
    const path = this.#paths.path(from, to);
    this.#figures.sent++;
    this.#figures.bytes += bytes;
    const { nowUs } = this.#timeline;
    const delaysUs = path.datagramUs(bytes, nowUs);
    if (delaysUs.length === 0) this.#figures.lost++;
    for (const delayUs of delaysUs) {
      if (path.corrupts(bytes)) {
        this.#figures.garbled++;
        continue;
      }
      this.#timeline.schedule(nowUs + delayUs, () => {
        if (path.clogged) path.hold(arrive);
        else arrive();
      });
    }
  }
}
