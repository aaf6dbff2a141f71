/**
 * yamux with two changes to what it sends.
 *
 * It opens a stream on our side at once and tells the other side in a microtask; when the connection is gone by then, as
 * under load it often is, what it throws there has nobody to catch it and would end the process. The stream itself hears
 * of the lost connection in the usual way, so the frame that could not be sent is only dropped.
 *
 * It answers each frame with one that gives the bytes back to the sender's window, which makes two packets of one. Here
 * they are given back by the half of the smallest window, as the specification of yamux means it.
 */

import type { MessageStream, MessageStreamWriteStatus, StreamMuxer, StreamMuxerFactory } from '@libp2p/interface';
import { yamux } from '@libp2p/yamux';

/** Yamux's frame type for window updates, of which the first opens a stream. */
const windowUpdate = 1;
/** Half of what a stream may send before any window update. */
const creditBytes = 131_072;

interface Header {
  readonly type: number;
  readonly flag: number;
  readonly streamID: number;
  /** Of a window update: the bytes given back. */
  readonly length: number;
}

interface FrameSender {
  sendFrame(header: Header, data?: unknown): boolean;
}

/** What every stream of libp2p has, though its interface does not say so. */
type Writable = MessageStream & { readonly writeStatus?: MessageStreamWriteStatus };

/** Takes the same options as `yamux` and is used in its place. */
export function guardedYamux(options: Parameters<typeof yamux>[0]): () => StreamMuxerFactory {
  const create = yamux(options) as () => StreamMuxerFactory;
  return () => {
    const factory = create();
    const createStreamMuxer = factory.createStreamMuxer.bind(factory);
    factory.createStreamMuxer = (connection: MessageStream) => guard(createStreamMuxer(connection), connection);
    return factory;
  };
}

function guard(muxer: StreamMuxer, connection: MessageStream): StreamMuxer {
  const sender = muxer as unknown as FrameSender;
  const sendFrame = sender.sendFrame.bind(sender);
  const credits = new Credits(muxer);
  // Each stream takes this method when it is made, which is always later.
  sender.sendFrame = (header, data) => {
    if (header.type !== windowUpdate) return sendFrame(header, data);
    const { writeStatus } = connection as Writable;
    if (writeStatus === 'closing' || writeStatus === 'closed') return false;
    const length = credits.due(header);
    return length === undefined || sendFrame({ ...header, length });
  };
  return muxer;
}

/** Bytes that were read and not yet given back to the peer's windows, by stream. */
class Credits {
  readonly #muxer: StreamMuxer;
  readonly #bytes = new Map<number, number>();

  constructor(muxer: StreamMuxer) {
    this.#muxer = muxer;
  }

  /** What to give back now. Undefined: nothing yet. What opens or accepts a stream is never kept waiting. */
  due({ streamID, flag, length }: Header): number | undefined {
    const bytes = (this.#bytes.get(streamID) ?? 0) + length;
    if (flag === 0 && bytes < creditBytes) {
      this.#bytes.set(streamID, bytes);
      this.#forgetClosed();
      return undefined;
    }
    this.#bytes.delete(streamID);
    return bytes;
  }

  #forgetClosed(): void {
    const streams = this.#muxer.streams as unknown as readonly { readonly streamId: number }[];
    if (this.#bytes.size <= 2 * streams.length) return;
    const open = new Set(streams.map(({ streamId }) => streamId));
    for (const id of this.#bytes.keys()) if (!open.has(id)) this.#bytes.delete(id);
  }
}
