/** What a path answers, free of any HTTP library: handlers take a request and give an answer, or throw a `Refusal`. */

export interface ApiRequest {
  readonly method: string;
  /** What the `*` at the end of the route's path stands for, decoded. Empty for a path without one. */
  readonly rest: string;
  readonly query: URLSearchParams;
  /** The header of this name; empty without one. */
  readonly accept: string;
  /** Where it comes from. */
  readonly remoteAddress: string;
  /** The header `Last-Event-ID`; empty without one. */
  readonly lastEventId: string;
  readonly body: Uint8Array | undefined;
  /** Aborts when the client is gone or the API closes. */
  readonly signal: AbortSignal;
}

export interface Answer {
  /** Default 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. Without it, `jsonBytes` and `bytes`, `text` is sent. */
  readonly json?: unknown;
  /** JSON that is already serialised. */
  readonly jsonBytes?: Uint8Array;
  /** Sent as they are, under the content type that `headers` say. */
  readonly bytes?: Uint8Array;
  /** Sent piece by piece while the client takes them, instead of `text`. The request's signal still tells its end. */
  readonly stream?: AsyncIterable<string | Uint8Array>;
  /** Cuts the connection when the client took nothing for so long of what `stream` has for it. */
  readonly stallMs?: number;
  /** Sent as `text/plain`, unless `headers` say otherwise. Default empty. */
  readonly text?: string;
}

export interface Route {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** A fixed path, or one that ends in `/*`. */
  readonly path: string;
  handle(request: ApiRequest): Answer | Promise<Answer>;
}
