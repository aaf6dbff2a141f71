/** Carries messages between peers over libp2p. Nothing else in Skein imports libp2p. Read next: `libp2p-transport.ts`. */

import './polyfill.ts';

export * from './transport.ts';
export { TransportError } from './errors.ts';
export type { TransportErrorCode } from './errors.ts';
export { eventLimits } from './event-frame.ts';
export { createIdentity, loadIdentity } from './identity.ts';
export type { Identity } from './identity.ts';
export { createTransport, protocolRange } from './libp2p-transport.ts';
export type { TransportOptions } from './libp2p-transport.ts';
export { createNotary } from './notary.ts';
