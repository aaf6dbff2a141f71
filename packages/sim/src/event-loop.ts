/**
 * The one thread of a process: it handles one thing after the other. Normally that takes no time; with a cost per
 * job, whatever comes meanwhile waits its turn, timers as well, and answers go out late. A pause holds everything.
 */

/** What the loop needs from its world. */
interface Timeline {
  readonly nowUs: number;
  schedule(atUs: number, run: () => void): void;
}

interface Job {
  readonly run: () => void;
  readonly postedUs: number;
  /** A timer: the time it was due at. */
  readonly dueUs: number | undefined;
}

export class EventLoop {
  readonly #timeline: Timeline;
  readonly #lateTimerUs: number;
  #jobs: Job[] = [];
  #costUs = 0;
  #isPaused = false;
  /** The job under way ends with the schedule of this number; one that was called off has another. */
  #underWay = 0;
  #isUnderWay = false;
  #worstLagUs = 0;

  /** A timer later than `lateTimerMs` is run only after the sockets were read, as the agent's driver does. */
  constructor(timeline: Timeline, lateTimerMs: number) {
    this.#timeline = timeline;
    this.#lateTimerUs = lateTimerMs * 1000;
  }

  /** Whether a job posted now would run at once. */
  get isIdle(): boolean {
    return this.#costUs === 0 && !this.#isPaused && this.#jobs.length === 0;
  }

  /** World time at which something posted now would have been handled, pauses aside. */
  get readyUs(): number {
    return this.#costUs === 0 ? this.#timeline.nowUs : this.#timeline.nowUs + (this.#jobs.length + 1) * this.#costUs;
  }

  /** Runs `run` when its turn has come. `dueUs`: it is a timer that was due then. */
  post(run: () => void, dueUs?: number): void {
    if (this.isIdle) {
      run();
      return;
    }
    this.#jobs.push({ run, postedUs: this.#timeline.nowUs, dueUs });
    this.#next();
  }

  pause(): void {
    this.#isPaused = true;
    this.#callOff();
  }

  /** Goes on after `pausedUs`, with `late`, the timers that became due meanwhile, before or after what else waits. */
  resume(late: () => void, order: { readonly isTimerFirst: boolean; readonly pausedUs: number }): void {
    const job: Job = { run: late, postedUs: this.#timeline.nowUs, dueUs: undefined };
    if (order.isTimerFirst) this.#jobs.unshift(job);
    else this.#jobs.push(job);
    this.#worstLagUs = Math.max(this.#worstLagUs, order.pausedUs);
    this.#isPaused = false;
    this.#next();
  }

  /** What each job costs from now on, in microseconds of CPU; the one under way starts anew. */
  setCost(costUs: number): void {
    this.#costUs = costUs;
    this.#callOff();
    this.#next();
  }

  /** How late anything was handled at worst since the last call, in whole milliseconds. */
  takeLagMs(): number {
    const lagMs = Math.floor(this.#worstLagUs / 1000);
    this.#worstLagUs = 0;
    return lagMs;
  }

  /** The process ended: nothing that waits is ever run. */
  clear(): void {
    this.#jobs = [];
    this.#isPaused = false;
    this.#worstLagUs = 0;
    this.#callOff();
  }

  #callOff(): void {
    this.#underWay++;
    this.#isUnderWay = false;
  }

  #next(): void {
    while (this.#costUs === 0 && !this.#isPaused) {
      const job = this.#jobs.shift();
      if (job === undefined) return;
      job.run();
    }
    if (this.#isPaused || this.#isUnderWay || this.#jobs.length === 0) return;
    this.#putOff();
    this.#isUnderWay = true;
    const number = ++this.#underWay;
    this.#timeline.schedule(this.#timeline.nowUs + this.#costUs, () => {
      if (number !== this.#underWay) return;
      this.#isUnderWay = false;
      const job = this.#jobs.shift();
      if (job === undefined) return;
      this.#worstLagUs = Math.max(this.#worstLagUs, this.#timeline.nowUs - (job.dueUs ?? job.postedUs));
      job.run();
      this.#next();
    });
  }

  /** A late timer at the head goes behind what waits, once. */
  #putOff(): void {
    const head = this.#jobs[0];
    if (head?.dueUs === undefined || this.#jobs.length === 1 || this.#timeline.nowUs - head.dueUs <= this.#lateTimerUs) return;
    this.#jobs.shift();
    this.#jobs.push({ ...head, dueUs: undefined, postedUs: head.dueUs });
  }
}
