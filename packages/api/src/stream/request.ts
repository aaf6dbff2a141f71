/** How clients ask for server-sent events, and what they get. */

import { parseWait } from '../query.ts';
import { badRequest } from '../refusal.ts';
import type { Answer, ApiRequest } from '../route.ts';
import type { Cursor } from '../view-feed/view-feed.ts';

/** A client that takes nothing for so long of what there is for it, heartbeats neither, is cut off. */
export const stallMs = 60_000;

export function wantsEvents({ accept }: ApiRequest): boolean {
  return accept.split(',').some((range) => /^\s*text\/event-stream\s*(?:;(?!\s*q=0(?:\.0*)?\s*$).*)?$/i.test(range));
}

/**
 * Where the client is: what it says in `Last-Event-ID`, which is the later of the two, or in `stream` and `index`. One
 * that cannot be read is like that of another life of the agent.
 */
export function cursorOf({ lastEventId, query }: ApiRequest): Cursor | undefined {
  const id = /^([\w-]{1,64}):(\d{1,16})$/.exec(lastEventId);
  if (id !== null) return { stream: id[1]!, index: Number(id[2]) };
  if (lastEventId !== '') return { stream: '', index: 0 };
  const { index } = parseWait(query);
  const stream = query.get('stream') ?? '';
  if (index !== 0 && stream === '')
    throw badRequest('Missing ?stream: an index means something only with the stream that it is from');
  return index === 0 ? undefined : { stream, index };
}

export function eventStream(stream: AsyncIterable<Uint8Array>): Answer {
  // Its connection is of no other use, and would hold the end of the agent up.
  const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-store', connection: 'close' };
  return { headers, stream, stallMs };
}
