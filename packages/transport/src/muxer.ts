/**
 * yamux with one guard. It opens a stream on our side at once and tells the other side in a microtask; when the connection
 * is gone by then, as under load it often is, what it throws there has nobody to catch it and would end the process. The
 * stream itself hears of the lost connection in the usual way, so the frame that could not be sent is only dropped.
 */

import type { MessageStream, MessageStreamWriteStatus, StreamMuxer, StreamMuxerFactory } from '@libp2p/interface';
import { yamux } from '@libp2p/yamux';

/** Yamux's frame type for window updates, of which the first opens a stream. */
const windowUpdate = 1;

interface FrameSender {
  sendFrame(header: { readonly type: number }, data?: unknown): boolean;
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
  // Each stream takes this method when it is made, which is always later.
  sender.sendFrame = (header, data) => {
    const { writeStatus } = connection as Writable;
    if (header.type === windowUpdate && (writeStatus === 'closing' || writeStatus === 'closed')) return false;
    return sendFrame(header, data);
  };
  return muxer;
}
