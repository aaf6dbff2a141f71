/**
 * What two nodes say before they accept anything else of each other:
 *
 *     dialler  hello   ->            nonce, mesh, protocol range, epoch
 *              <- hello   listener   the same
 *              proof   ->            the dialler proves itself first: a stranger that dials learns nothing to guess at
 *              <- welcome            the listener's proof; the dialler is admitted
 *
 * or `refusal` in place of any answer. A hello has one proof scheme, by name, so that another one (credentials,
 * one-time tokens) needs no other wire format.
 */

import type { NodeId } from '@skein/core';
import { limits } from '@skein/core';
import { bytes, id, text, uint } from './fields.ts';
import type { Shape } from './shape.ts';
import { converted, shape } from './shape.ts';

export interface Hello {
  readonly type: 'hello';
  readonly protocolMin: number;
  readonly protocolMax: number;
  readonly mesh: string;
  /** The sender's id. Must be the one that the connection was authenticated with. */
  readonly id: NodeId;
  readonly epoch: number;
  /** Random, used once. */
  readonly nonce: Uint8Array;
  /** How the sender will prove that it belongs to the mesh: `token` or `open`. */
  readonly scheme: string;
  /** The sender's wall clock, milliseconds since 1970; 0 where it does not say. */
  readonly wallMs: number;
}

export interface Proof {
  readonly type: 'proof';
  readonly proof: Uint8Array;
}

export interface Welcome {
  readonly type: 'welcome';
  readonly proof: Uint8Array;
}

export interface Refusal {
  readonly type: 'refusal';
  readonly reason: string;
  readonly detail: string;
}

export type Greeting = Hello | Proof | Welcome | Refusal;

/** The longest greeting frame. Less than a wire frame, since anybody may send one. */
export const greetingBytes = 4096;
export const nonceBytes = 32;
const proofBytes = 1024;
const detailLength = 256;

function typed<T extends Greeting>(type: T['type'], inner: Shape<Omit<T, 'type'>>): Shape<Greeting> {
  return converted(
    inner,
    (body) => ({ type, ...body }) as T,
    (greeting) => greeting,
  ) as unknown as Shape<Greeting>;
}

export const greetings: Readonly<Record<Greeting['type'], { readonly number: number; readonly shape: Shape<Greeting> }>> = {
  hello: {
    number: 1,
    shape: typed<Hello>(
      'hello',
      shape('Hello', {
        protocolMin: uint(1),
        protocolMax: uint(2),
        mesh: id(3, limits.nameLength),
        id: id<NodeId>(4, limits.nameLength),
        epoch: uint(5),
        nonce: bytes(6, nonceBytes),
        scheme: id(7, limits.nameLength),
        wallMs: uint(8),
      }),
    ),
  },
  proof: { number: 2, shape: typed<Proof>('proof', shape('Proof', { proof: bytes(1, proofBytes) })) },
  welcome: { number: 3, shape: typed<Welcome>('welcome', shape('Welcome', { proof: bytes(1, proofBytes) })) },
  refusal: {
    number: 4,
    shape: typed<Refusal>('refusal', shape('Refusal', { reason: id(1, limits.nameLength), detail: text(2, detailLength) })),
  },
};
