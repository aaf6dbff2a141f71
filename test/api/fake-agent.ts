/** Stand-ins for the agent around the API: its facts, its events, and time that a test moves by hand. */

import type { CancelSignal, MeshEvent } from '@skein/core';
import { createApi } from '@skein/api';
import type { AgentPort, Api, ApiOptions, EventsPort, InjectedAnswer, LogLevel, Timers, UserEvent } from '@skein/api';
import { FakePort } from './fake-port.ts';

/** Timers that fire when a test says how much time has passed. */
export class FakeTimers implements Timers {
  #nowMs = 0;
  #pending: { dueMs: number; callback: () => void }[] = [];

  get pending(): number {
    return this.#pending.length;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { dueMs: this.#nowMs + delayMs, callback };
    this.#pending.push(timer);
    return () => {
      this.#pending = this.#pending.filter((other) => other !== timer);
    };
  }

  /** Lets time pass, then gives every promise that it woke a chance to run. */
  async pass(spanMs: number): Promise<void> {
    this.#nowMs += spanMs;
    for (;;) {
      const due = this.#pending.filter(({ dueMs }) => dueMs <= this.#nowMs).sort((a, b) => a.dueMs - b.dueMs)[0];
      if (due === undefined) break;
      this.#pending = this.#pending.filter((other) => other !== due);
      due.callback();
    }
    await settle();
  }
}

/** Runs what is ready to run, without letting time pass. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

export class FakeEvents implements EventsPort {
  readonly events: UserEvent[] = [];
  rejectWith: Error | undefined;
  readonly #waiting = new Set<() => void>();

  fire(event: Omit<UserEvent, 'id' | 'index'>): Promise<UserEvent> {
    if (this.rejectWith !== undefined) return Promise.reject(this.rejectWith);
    const fired = { ...event, id: `event-${this.events.length + 1}`, index: this.events.length + 2 };
    this.events.push(fired);
    for (const wake of this.#waiting) wake();
    return Promise.resolve(fired);
  }

  list(): readonly UserEvent[] {
    return this.events;
  }

  changed(afterIndex: number, signal: CancelSignal): Promise<void> {
    if ((this.events.at(-1)?.index ?? 0) > afterIndex || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}

export class FakeAgent implements AgentPort {
  readiness = { ready: true, reason: 'alone by choice' };
  contactMs = 0;
  catchingUp: Promise<void> | undefined;
  hasLeft = false;
  durableCalls = 0;
  durableError: Error | undefined;
  reloads = 0;
  reloadError: Error | undefined;
  readonly meshFollowers = new Set<(event: MeshEvent, timeMs: number) => void>();
  readonly followers = new Set<{ readonly level: LogLevel; readonly take: (line: string) => void }>();

  info() {
    return {
      name: 'alpha',
      id: new FakePort().self,
      mesh: 'testmesh',
      version: '0.1.0',
      startedAtMs: 1_700_000_000_000,
      listeners: { gossip: '10.0.0.1:7946', http: '127.0.0.1:8500', proxy: '127.0.0.1:8080' },
      dataDir: 'data',
    };
  }

  ready() {
    return this.readiness;
  }

  caughtUp() {
    return this.catchingUp;
  }

  lastContactMs() {
    return this.contactMs;
  }

  durable(): Promise<void> {
    this.durableCalls++;
    return this.durableError === undefined ? Promise.resolve() : Promise.reject(this.durableError);
  }

  leave(): Promise<void> {
    this.hasLeft = true;
    return Promise.resolve();
  }

  reload(): Promise<void> {
    this.reloads++;
    return this.reloadError === undefined ? Promise.resolve() : Promise.reject(this.reloadError);
  }

  followLog(level: LogLevel, take: (line: string) => void): () => void {
    const follower = { level, take };
    this.followers.add(follower);
    return () => void this.followers.delete(follower);
  }

  followMesh(take: (event: MeshEvent, timeMs: number) => void): () => void {
    this.meshFollowers.add(take);
    return () => void this.meshFollowers.delete(take);
  }

  metrics(): Promise<string> {
    return Promise.resolve('# TYPE skein_members gauge\nskein_members 1\n');
  }
}

export interface Setup {
  readonly port: FakePort;
  readonly agent: FakeAgent;
  readonly events: FakeEvents;
  readonly timers: FakeTimers;
  readonly api: Api;
  readonly logged: unknown[];
  get(url: string, headers?: Record<string, string>): Promise<InjectedAnswer>;
  put(url: string, body?: unknown, headers?: Record<string, string>): Promise<InjectedAnswer>;
}

/** An API over fakes. Objects given as a body are sent as JSON, texts as they are. */
export function setup(options: Partial<ApiOptions> = {}): Setup {
  const port = new FakePort();
  const agent = new FakeAgent();
  const events = new FakeEvents();
  const timers = new FakeTimers();
  const logged: unknown[] = [];
  const log = (entry: unknown): void => void logged.push(entry);
  const api = createApi({
    port,
    agent,
    events,
    timers,
    log,
    random: () => 0.5,
    listen: '127.0.0.1:0',
    allowedHosts: [],
    ...options,
  });
  return {
    port,
    agent,
    events,
    timers,
    api,
    logged,
    get: (url, headers = {}) => api.inject({ method: 'GET', url, headers }),
    put: (url, body, headers = {}) => {
      const payload = body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) };
      return api.inject({ method: 'PUT', url, headers, ...payload });
    },
  };
}

/** The text with which a write is refused. Nothing may have been dispatched. */
export async function refused(url: string, body: unknown, status = 400): Promise<string> {
  const api = setup();
  const answer = await api.put(url, body);
  const isText = String(answer.headers['content-type']).startsWith('text/plain');
  if (answer.statusCode !== status || !isText) throw new Error(`not refused: ${answer.statusCode} ${answer.body}`);
  if (api.port.commands.length > 0) throw new Error(`refused, but dispatched: ${JSON.stringify(api.port.commands)}`);
  return answer.body;
}

/** The JSON of an answer, which must have succeeded. */
export function json<T = unknown>(answer: InjectedAnswer): T {
  if (answer.statusCode !== 200) throw new Error(`status ${answer.statusCode}: ${answer.body}`);
  return JSON.parse(answer.body) as T;
}
