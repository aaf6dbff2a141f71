/**
 * Noise, with one packet for one message. The library gives the socket its length and its ciphertext one after the other,
 * and the socket, which does not wait for more, makes a packet and a wake-up of the other side of each.
 */

import type { MessageStream } from '@libp2p/interface';
import { noise } from '@libp2p/noise';
import { noiseCrypto } from './noise-crypto.ts';

/** Used in the place of `noise()`. */
export function leanNoise(): ReturnType<typeof noise> {
  const create = noise({ crypto: noiseCrypto });
  return (components) => {
    const encrypter = create(components);
    const { protocol } = encrypter;
    return {
      protocol,
      secureInbound: (connection, options) => encrypter.secureInbound(joined(connection), options),
      secureOutbound: (connection, options) => encrypter.secureOutbound(joined(connection), options),
    };
  };
}

/** Copies what is sent in pieces into one. Noise never sends more than 64 KiB and a tag at a time. */
function joined(connection: MessageStream): MessageStream {
  const send = connection.send.bind(connection);
  connection.send = (data) => send(data.subarray());
  return connection;
}
