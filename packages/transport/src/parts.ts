/** The parts of the transport, for tests that take one of them alone. Not for programs. */

export { formatAddress, listensOn, parseAddress, resolveHost } from './addresses.ts';
export { Admission } from './admission.ts';
export type { AdmissionStep, Terms } from './admission.ts';
export { CodecError } from './codec/codec-error.ts';
export { decodeGreeting, decodeMessage, encodeGreeting, encodeMessage } from './codec/frame.ts';
export type { Decoded } from './codec/frame.ts';
export type { Greeting, Hello } from './codec/greetings.ts';
export { encodeSignable } from './codec/values.ts';
export { Signer, Verifier } from './ed25519.ts';
export { decodeEvent, encodeEvent } from './event-frame.ts';
export { encodeFrames, FrameReader } from './framing.ts';
export { Dialer } from './dialer.ts';
export { Links } from './links.ts';
export { guardedYamux } from './muxer.ts';
export { leanNoise } from './noise.ts';
export { noiseCrypto } from './noise-crypto.ts';
export { openScheme, tokenScheme } from './proof.ts';
export type { ProofScheme } from './proof.ts';
export { RateLimiter } from './rate-limiter.ts';
export { Refusals } from './refusals.ts';
export { wireProtocol } from './session.ts';
export { syncProtocol } from './sync-lane.ts';
export { WireStream } from './wire-stream.ts';
