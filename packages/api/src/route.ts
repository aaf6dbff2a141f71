/** What a path answers, free of any HTTP library: handlers take a request and give an answer, or throw a `Refusal`. */

export interface ApiRequest {
  readonly method: string;
  /** What the `*` at the end of the route's path stands for, decoded. Empty for a path without one. */
  readonly rest: string;
  readonly query: URLSearchParams;
  readonly body: Uint8Array | undefined;
  /** Aborts when the client is gone or the API closes. */
  readonly signal: AbortSignal;
}

export interface Answer {
  /** Default 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. Without it, `text` is sent. */
  readonly json?: unknown;
  /** Sent piece by piece while the client takes them, instead of `text`. The request's signal still tells its end. */
  readonly stream?: AsyncIterable<string>;
  /** Sent as `text/plain`, unless `headers` say otherwise. Default empty. */
  readonly text?: string;
}

export interface Route {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** A fixed path, or one that ends in `/*`. */
  readonly path: string;
  handle(request: ApiRequest): Answer | Promise<Answer>;
}
