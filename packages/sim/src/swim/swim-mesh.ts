/**
 * Many hosts of the reference protocol in one world:
 *
 *     const world = new World({ seed: 1 });
 *     const mesh = new SwimMesh(world, { config: swimProfiles.memberlistLan });
 *     const hosts = mesh.add(128, { settled: true });
 *     hosts[5].powerOff();
 *     world.runFor(30_000);
 */

import { assert } from '@skein/core';
import { DatagramLane } from '../datagram.ts';
import type { World } from '../world.ts';
import type { SwimConfig } from './config.ts';
import type { MemberState } from './message.ts';
import type { SwimChange } from './self.ts';
import { SwimHost } from './swim-host.ts';
import type { SwimSurroundings, SwimTraffic } from './swim-host.ts';

export interface SwimMeshOptions {
  readonly config: SwimConfig;
  /** Sees every change of mind of every member, as it happens. */
  readonly onChange?: (observer: SwimHost, change: SwimChange) => void;
}

export interface AddSwimHostsOptions {
  /** They know each other from the start, as after a long time of quiet. Otherwise they join through the first host of the mesh. */
  readonly settled?: boolean;
  readonly zone?: string;
  /** Whether they boot at once. Default true. */
  readonly start?: boolean;
}

export class SwimMesh {
  readonly #world: World;
  readonly #options: SwimMeshOptions;
  readonly #hosts: SwimHost[] = [];
  readonly #surroundings: SwimSurroundings;

  /** The world has to be without nodes: hosts are numbered from 0. */
  constructor(world: World, options: SwimMeshOptions) {
    assert(world.nodes.length === 0, 'a world holds mesh nodes or hosts of the reference protocol, not both');
    this.#world = world;
    this.#options = options;
    const lane = new DatagramLane(world.timeline, world.network);
    this.#surroundings = {
      world,
      host: (index) => this.#hosts[index],
      resolve: (address) => this.#hosts.find((host) => host.addresses.includes(address)),
      datagram: (from, to, packet) => lane.send(from, to, packet.bytes, () => to.takePacket(from.index, packet)),
      changed: (host, change) => this.#changed(host, change),
    };
  }

  get hosts(): readonly SwimHost[] {
    return this.#hosts;
  }

  /** Of all hosts together. */
  get traffic(): SwimTraffic {
    const sum = { sent: 0, sentBytes: 0, received: 0, receivedBytes: 0 };
    for (const { traffic } of this.#hosts) {
      sum.sent += traffic.sent;
      sum.sentBytes += traffic.sentBytes;
      sum.received += traffic.received;
      sum.receivedBytes += traffic.receivedBytes;
    }
    return sum;
  }

  add(count: number, options: AddSwimHostsOptions = {}): SwimHost[] {
    const first = this.#hosts.length;
    const seeds = [0];
    const added = Array.from({ length: count }, (_, at) => {
      const setup = { index: first + at, config: this.#options.config, zone: options.zone ?? '', seeds };
      return new SwimHost(this.#surroundings, setup);
    });
    this.#hosts.push(...added);
    if (options.start === false) return added;
    const settled: MemberState[] = this.#hosts.map(({ index }) => ({
      member: index,
      status: 'alive',
      incarnation: 1,
      address: index,
    }));
    for (const host of added) host.start(options.settled === true ? { settled } : {});
    return added;
  }

  #changed(host: SwimHost, change: SwimChange): void {
    const { trace, timeline } = this.#world;
    const subject = this.#hosts[change.subject]?.id ?? String(change.subject);
    const { from, to } = change;
    trace.line(
      { atUs: timeline.nowUs, node: host.id, kind: 'member-changed', subject, from, to, cause: `by ${change.accuser}` },
      host.index,
    );
    this.#world.noticeChange();
    this.#options.onChange?.(host, change);
  }
}
