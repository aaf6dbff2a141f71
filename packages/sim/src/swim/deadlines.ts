/** What a member waits for: a heap of deadlines, of which each may be called off. */

export interface Deadline {
  readonly atUs: number;
  readonly order: number;
  /** Undefined once called off or met. */
  run: (() => void) | undefined;
}

export class Deadlines {
  readonly #heap: Deadline[] = [];
  #order = 0;

  add(atUs: number, run: () => void): Deadline {
    const deadline: Deadline = { atUs, order: this.#order++, run };
    const heap = this.#heap;
    let child = heap.length;
    heap.push(deadline);
    while (child > 0) {
      const parent = (child - 1) >> 1;
      const above = heap[parent] as Deadline;
      if (!before(deadline, above)) break;
      heap[child] = above;
      child = parent;
    }
    heap[child] = deadline;
    return deadline;
  }

  cancel(deadline: Deadline | undefined): void {
    if (deadline !== undefined) deadline.run = undefined;
  }

  /** When the next one is due. */
  nextUs(): number | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined) return undefined;
      if (first.run !== undefined) return first.atUs;
      this.#pop();
    }
  }

  /** Meets all that are due by `nowUs`, in order. */
  run(nowUs: number): void {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.atUs > nowUs) return;
      this.#pop();
      const { run } = first;
      first.run = undefined;
      run?.();
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Deadline;
    if (heap.length === 0) return;
    let parent = 0;
    for (;;) {
      let child = parent * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1] as Deadline, heap[child] as Deadline)) child++;
      const below = heap[child] as Deadline;
      if (!before(below, last)) break;
      heap[parent] = below;
      parent = child;
    }
    heap[parent] = last;
  }
}

function before(a: Deadline, b: Deadline): boolean {
  return a.atUs < b.atUs || (a.atUs === b.atUs && a.order < b.order);
}
