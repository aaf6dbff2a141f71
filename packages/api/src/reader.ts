/** Reads of the mesh's view: shared parameters, blocking, and the headers that Consul's clients look at. */

import { topics } from '@skein/core';
import type { MeshPort, View } from '@skein/core';
import { AnswerBodies } from './answer-bodies.ts';
import type { AnswerTurns } from './answer-turns.ts';
import { clientGone } from './blocking.ts';
import type { BlockingQueries } from './blocking.ts';
import type { AgentPort } from './ports.ts';
import type { Fields } from './filter/fields.ts';
import type { Keep } from './filter/filter.ts';
import { checkCommonParameters, parseFilterParameter, parseWait } from './query.ts';
import type { Answer, ApiRequest } from './route.ts';
import type { Source } from './shared-waits.ts';

export interface ReaderOptions {
  readonly port: MeshPort;
  readonly agent: AgentPort;
  readonly datacenter: string;
  readonly blocking: BlockingQueries;
  readonly turns: AnswerTurns;
}

export interface ViewRead {
  /** The topics whose latest change is the answer's index. May depend on the view, as when a name stands for an id. */
  topics(view: View): readonly [string, ...string[]];
  /** Names the endpoint, if an answer follows from the topics, the rest of the path and the parameters that select. */
  readonly endpoint?: string;
  /** What a filter may select; without it, a filter is refused. */
  readonly fields?: Fields;
  /** Whether it shows how the agent is doing, and so does not wait for an agent that has just started to catch up. */
  readonly isAboutAgent?: boolean;
  /** The answer from one view: a value, or its JSON as bytes. `keep` is the client's filter, if it gave one. */
  json(view: View, keep: Keep | undefined): unknown;
}

export class Reader {
  readonly #options: ReaderOptions;
  readonly #bodies = new AnswerBodies();

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /** Answers from the view, after waiting for a change if the client asked for that. */
  async read(request: ApiRequest, read: ViewRead): Promise<Answer> {
    const { port } = this.#options;
    const keep = parseFilterParameter(request.query, read.fields);
    const view = (): View => port.view();
    this.#checkCommon(request);
    if (read.isAboutAgent !== true) await this.caughtUp(request.signal);
    const source = topicsSource(port, read.topics(view()));
    await this.#due(request, source, view().lastIndex);
    const seen = view();
    const names = read.topics(seen);
    const index = latest(seen, names);
    const headers = this.headers(request, index);
    const question = questionOf(request, read.endpoint, names);
    const content =
      question === undefined ? read.json(seen, keep) : this.#bodies.get(question, index, () => read.json(seen, keep));
    return content instanceof Uint8Array ? { jsonBytes: content, headers } : { json: content, headers };
  }

  /**
   * Checks the shared parameters and returns when `source` is due to be answered, in one go from then on. `ownIndex` is any index of the
   * same making, to tell it from those of other agents.
   */
  async wait(request: ApiRequest, source: Source, ownIndex: number): Promise<void> {
    this.check(request);
    await this.caughtUp(request.signal);
    await this.#due(request, source, ownIndex);
  }

  /** Resolves when the agent is beyond the first moments after its start, or the client went. */
  async caughtUp(signal: AbortSignal): Promise<void> {
    const caughtUp = this.#options.agent.caughtUp();
    if (caughtUp === undefined || signal.aborted) return;
    let went: () => void = () => undefined;
    const gone = new Promise<void>((resolve) => (went = resolve));
    signal.addEventListener('abort', went, { once: true });
    await Promise.race([caughtUp, gone]);
    signal.removeEventListener('abort', went);
  }

  async #due({ query, signal }: ApiRequest, source: Source, ownIndex: number): Promise<void> {
    const { blocking, turns } = this.#options;
    const wait = parseWait(query);
    await blocking.due(source, wait, ownIndex, signal);
    await turns.next(wait.index === 0 ? 'new' : 'woken');
    if (signal.reason === clientGone) throw clientGone;
  }

  #checkCommon(request: ApiRequest): void {
    checkCommonParameters(request.query, this.#options.datacenter);
  }

  /** The JSON of an answer that follows from `question` and `index` alone, made once for all who ask. */
  shared(question: readonly string[], index: number, make: () => unknown): Uint8Array {
    return this.#bodies.get(JSON.stringify(question), index, make);
  }

  /**
   * Like `wait`, for endpoints that answer with a hash of their content instead of an index. `hash` is asked at each local
   * change; `name` says what it is of. Undefined: it is not there.
   */
  async waitForHash(request: ApiRequest, name: string, hash: () => string | undefined): Promise<void> {
    this.check(request);
    const { blocking, port } = this.#options;
    const asked = request.query.get('hash') ?? '';
    const { waitMs } = parseWait(request.query);
    const local = (): number => port.view().index(topics.local);
    const source: Source = {
      key: `hash ${asked} ${name}`,
      index: () => (hash() === asked ? 1 : 2),
      changed: async (_afterIndex, signal) => {
        for (let seen = 0, index = local(); index > seen && hash() === asked && !signal.aborted; index = local()) {
          seen = index;
          await port.changed(topics.local, seen, signal);
        }
      },
    };
    await blocking.due(source, { index: hash() === asked ? 1 : 0, waitMs }, 0, request.signal);
  }

  /** Refuses shared parameters that cannot be answered. Gives the client's filter over `fields`, if there is one. */
  check(request: ApiRequest, fields?: Fields): Keep | undefined {
    this.#checkCommon(request);
    return parseFilterParameter(request.query, fields);
  }

  headers(request: ApiRequest, index: number): Record<string, string> {
    const lastContactMs = Math.max(0, Math.round(this.#options.agent.lastContactMs()));
    return {
      'X-Consul-Index': String(Math.max(1, index)),
      'X-Consul-LastContact': String(Number.isFinite(lastContactMs) ? lastContactMs : lastContactMsMax),
      'X-Consul-KnownLeader': lastContactMs <= cutOffMs ? 'true' : 'false',
      'X-Consul-Query-Backend': 'blocking-query',
      // Every mode is answered from the local view, and says so.
      'X-Consul-Effective-Consistency': 'stale',
      ...(request.query.has('cached') ? { 'X-Cache': 'HIT', Age: '0' } : {}),
    };
  }
}

/** Peers are configured and none was heard for this long: the agent believes it is cut off. */
const cutOffMs = 30_000;
const lastContactMsMax = 2_147_483_647;

const selecting = ['tag', 'node-meta', 'passing', 'filter'] as const;

/** All that decides about an answer besides the index. Undefined where more does: round trips change without one. */
function questionOf({ rest, query }: ApiRequest, endpoint: string | undefined, names: readonly string[]): string | undefined {
  if (endpoint === undefined || (query.get('near') ?? '') !== '') return undefined;
  const selected = selecting.map((name) => (query.has(name) ? query.getAll(name) : 0));
  return JSON.stringify([endpoint, rest, names, selected]);
}

/** The topics as of when the wait begins: one that stands for another then moves with it. */
function topicsSource(port: MeshPort, names: readonly [string, ...string[]]): Source {
  return {
    key: names.join(' '),
    index: () => latest(port.view(), names),
    changed: async (afterIndex, signal) => {
      const over = new AbortController();
      const end = (): void => over.abort();
      signal.addEventListener('abort', end, { once: true });
      await Promise.race(names.map((topic) => port.changed(topic, afterIndex, over.signal)));
      signal.removeEventListener('abort', end);
      over.abort();
    },
  };
}

function latest(view: View, names: readonly string[]): number {
  return Math.max(...names.map((topic) => view.index(topic)));
}
