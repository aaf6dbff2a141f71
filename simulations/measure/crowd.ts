/**
 * Many members in a world, of the reference protocol or of this mesh, who know each other and are told the same story:
 * what one of them comes to believe of another is reported in the same words for both.
 */

import { SwimMesh, World } from '@skein/sim';
import type { NetworkName, Seed, SimNode, SwimConfig, SwimHost } from '@skein/sim';

/** Settings of the reference protocol, or nodes of this mesh. */
export type Profile = SwimConfig | 'ours';

/** An observer changed its mind about a subject. Hosts are named by number. */
export interface Change {
  readonly observer: number;
  readonly subject: number;
  /**
   * `membership`: a member counts as failed, or again as one. `rotation`: traffic goes there or not. The reference protocol
   * does not tell the two apart: who is failed is out of rotation, who is suspected is in.
   */
  readonly kind: 'membership' | 'rotation';
  readonly isIn: boolean;
}

export interface CrowdOptions {
  readonly seed: Seed;
  readonly members: number;
  readonly network?: NetworkName;
}

const settleMs = 15_000;

export class Crowd {
  readonly world: World;
  readonly hosts: readonly (SwimHost | SimNode)[];
  /** Who wants to know, from the time on when all know each other. */
  onChange: ((change: Change) => void) | undefined;

  constructor(profile: Profile, { seed, members, network = 'lan' }: CrowdOptions) {
    const indexes = new Map<string, number>();
    const tell = (change: Change): void => this.onChange?.(change);
    this.world = new World({
      seed,
      network,
      traceLines: 0,
      onEvent: ({ index: observer }, event) => {
        if (event.type !== 'member-changed' && event.type !== 'reachability-changed') return;
        const subject = indexes.get(event.id);
        if (subject === undefined) return;
        if (event.type === 'reachability-changed') tell({ observer, subject, kind: 'rotation', isIn: event.reachable });
        else if (isMember(event.from) !== isMember(event.to))
          tell({ observer, subject, kind: 'membership', isIn: isMember(event.to) });
      },
    });
    if (profile !== 'ours') {
      const mesh = new SwimMesh(this.world, {
        config: profile,
        onChange: ({ index: observer }, { subject, from, to }) => {
          if (isMember(from) === isMember(to)) return;
          const change = { observer, subject, isIn: isMember(to) };
          tell({ ...change, kind: 'membership' });
          tell({ ...change, kind: 'rotation' });
        },
      });
      this.hosts = mesh.add(members, { settled: true });
    } else {
      const nodes = this.world.settled(members);
      this.hosts = nodes;
      for (const { id, index } of nodes) indexes.set(id, index);
    }
    this.world.runFor(settleMs);
  }

  /** So many of them, spread over all, by the seed. */
  choose(count: number): readonly number[] {
    const chosen = new Set<number>();
    for (let key = 0; chosen.size < count; key++)
      chosen.add(this.world.randomness.below(this.hosts.length, { stream: 2, key, counter: 0 }));
    return [...chosen].sort((a, b) => a - b);
  }
}

/** The reference protocol calls one that it has not heard of, or has forgotten, unknown. */
function isMember(status: string | undefined): boolean {
  return status === 'alive' || status === 'suspect' || status === 'leaving';
}
