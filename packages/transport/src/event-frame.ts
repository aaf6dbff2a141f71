/**
 * Application events on GossipSub: signed by their origin, so that no relay can forge one or change it. The signature
 * covers the mesh name, so that an event of one mesh means nothing in another.
 */

import type { NodeId } from '@skein/core';
import { limits } from '@skein/core';
import { CodecError } from './codec/codec-error.ts';
import { bytes, id, text, uint } from './codec/fields.ts';
import { decode, encode, shape } from './codec/shape.ts';
import type { Signer, Verifier } from './ed25519.ts';
import type { MeshMessage } from './transport.ts';

/** Limits of an application event. */
export const eventLimits = {
  /** The whole event, encoded and signed. */
  bytes: 65_536,
  /** UTF-16 units. */
  nameLength: limits.nameLength,
  filterLength: 512,
} as const;

const purpose = 'event';

interface Body {
  readonly mesh: string;
  readonly origin: NodeId;
  readonly epoch: number;
  readonly counter: number;
  readonly name: string;
  readonly payload: Uint8Array;
  readonly nodeFilter: string;
  readonly serviceFilter: string;
  readonly tagFilter: string;
  readonly stamp: number;
}

const bodyShape = shape<Body>('Event', {
  mesh: id(1, limits.nameLength),
  origin: id<NodeId>(2, limits.nameLength),
  epoch: uint(3),
  counter: uint(4),
  name: id(5, eventLimits.nameLength),
  payload: bytes(6, eventLimits.bytes),
  nodeFilter: text(7, eventLimits.filterLength),
  serviceFilter: text(8, eventLimits.filterLength),
  tagFilter: text(9, eventLimits.filterLength),
  stamp: uint(10),
});

const signedShape = shape<{ readonly body: Uint8Array; readonly signature: Uint8Array }>('SignedEvent', {
  body: bytes(1, eventLimits.bytes),
  signature: bytes(2, 128),
});

export interface EventOrigin {
  readonly mesh: string;
  readonly origin: NodeId;
  readonly epoch: number;
  readonly counter: number;
}

/** Encodes and signs an event of our own. Returns undefined when it is over a limit. */
export function encodeEvent(
  origin: EventOrigin,
  event: Omit<MeshMessage, 'id' | 'origin'>,
  signer: Signer,
): { readonly bytes: Uint8Array; readonly message: MeshMessage } | undefined {
  const { stamp, name, payload, nodeFilter, serviceFilter, tagFilter } = event;
  const body = encode(bodyShape, { ...origin, name, payload, nodeFilter, serviceFilter, tagFilter, stamp });
  const bytes = encode(signedShape, { body, signature: signer.sign(purpose, body) });
  if (bytes.length > eventLimits.bytes || !decodes(body)) return undefined;
  return {
    bytes,
    message: { id: eventId(origin), origin: origin.origin, stamp, name, payload, nodeFilter, serviceFilter, tagFilter },
  };
}

/** Decodes and verifies an event. Returns the reason of a refusal otherwise. */
export function decodeEvent(mesh: string, data: Uint8Array, verifier: Verifier): MeshMessage | string {
  if (data.length > eventLimits.bytes) return `${data.length} bytes, at most ${eventLimits.bytes} are allowed`;
  try {
    const { body, signature } = decode(signedShape, data);
    const event = decode(bodyShape, body);
    if (event.mesh !== mesh) return `an event of mesh "${event.mesh}"`;
    if (!verifier.verify(purpose, event.origin, body, signature)) return `not signed by its origin ${event.origin}`;
    const { origin, stamp, name, payload, nodeFilter, serviceFilter, tagFilter } = event;
    return { id: eventId(event), origin, stamp, name, payload, nodeFilter, serviceFilter, tagFilter };
  } catch (error) {
    if (error instanceof CodecError) return `${error.reason}: ${error.at} ${error.message}`;
    throw error;
  }
}

function decodes(body: Uint8Array): boolean {
  try {
    decode(bodyShape, body);
    return true;
  } catch {
    return false;
  }
}

function eventId({ origin, epoch, counter }: Omit<EventOrigin, 'mesh'>): string {
  return `${origin}.${epoch}.${counter}`;
}
