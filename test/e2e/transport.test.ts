/** The libp2p transport on loopback. */

import { createIdentity, createTransport } from '@skein/transport';
import type { Identity, Transport } from '@skein/transport';
import { transportContract } from '../contracts/transport.ts';

const identities = new WeakMap<Transport, Identity>();

transportContract('libp2p', async ({ mesh = 'm', token, epoch = 1, identityOf }) => {
  const identity = (identityOf && identities.get(identityOf)) ?? (await createIdentity());
  const transport = await createTransport({ identity: identity.bytes, mesh, token, listen: ['127.0.0.1:0'], epoch: () => epoch });
  identities.set(transport, identity);
  return transport;
});
