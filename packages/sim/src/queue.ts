/**
 * What happens next: a binary heap ordered by (time, tie, sequence). Events of one time and tie run in the order they were
 * scheduled; ties are 0, unless a world shuffles what happens at one time.
 */

export interface WorldEvent {
  readonly atUs: number;
  readonly tie: number;
  readonly sequence: number;
  readonly run: () => void;
}

export class EventQueue {
  readonly #heap: WorldEvent[] = [];
  #sequence = 0;

  get size(): number {
    return this.#heap.length;
  }

  peek(): WorldEvent | undefined {
    return this.#heap[0];
  }

  push(atUs: number, run: () => void, tie: number = 0): void {
    const heap = this.#heap;
    const event: WorldEvent = { atUs, tie, sequence: this.#sequence++, run };
    let child = heap.length;
    heap.push(event);
    while (child > 0) {
      const parent = (child - 1) >> 1;
      const above = heap[parent] as WorldEvent;
      if (!before(event, above)) break;
      heap[child] = above;
      child = parent;
    }
    heap[child] = event;
  }

  pop(): WorldEvent | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let parent = 0;
    for (;;) {
      let child = parent * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1] as WorldEvent, heap[child] as WorldEvent)) child++;
      const below = heap[child] as WorldEvent;
      if (!before(below, last)) break;
      heap[parent] = below;
      parent = child;
    }
    heap[parent] = last;
    return first;
  }
}

function before(a: WorldEvent, b: WorldEvent): boolean {
  if (a.atUs !== b.atUs) return a.atUs < b.atUs;
  return a.tie === b.tie ? a.sequence < b.sequence : a.tie < b.tie;
}
