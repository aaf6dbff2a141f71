/**
 * Admission: the hello exchange of one connection, as a state machine without input or output.
 * `codec/greetings.ts` has the order of frames. Until it ends well the peer does not exist.
 */

import { randomBytes } from 'node:crypto';
import type { NodeId } from '@skein/core';
import { equals } from 'uint8arrays/equals';
import type { Greeting, Hello, Refusal } from './codec/greetings.ts';
import { nonceBytes } from './codec/greetings.ts';
import type { ProofContext, ProofScheme } from './proof.ts';

/** Stable names of refusals in a hello. Both sides see them. */
export type AdmissionReason =
  | 'wrong-token'
  | 'token-required'
  | 'other-mesh'
  | 'version-mismatch'
  | 'self'
  | 'bad-hello'
  | 'hello-timeout'
  /** There is a link to this peer already, or one is being made from the other side. */
  | 'duplicate'
  /** The hello is of an earlier boot of this peer than the link that exists. */
  | 'stale-epoch';

/** What this node says of itself, and asks of others. */
export interface Terms {
  readonly self: NodeId;
  readonly mesh: string;
  readonly epoch: number;
  readonly wallMs: number;
  readonly protocolMin: number;
  readonly protocolMax: number;
  readonly scheme: ProofScheme;
}

export interface RefusalNotice {
  readonly reason: string;
  readonly detail: string;
}

export type AdmissionStep =
  | { readonly next: 'wait'; readonly send: Greeting }
  | { readonly next: 'admitted'; readonly send: Greeting | undefined; readonly theirs: Pick<Hello, 'epoch' | 'wallMs'> }
  /** `send` is undefined when the peer refused us. */
  | ({ readonly next: 'refused'; readonly send: Refusal | undefined } & RefusalNotice);

/** Asked by a listener before it says welcome: a reason to refuse a peer whose proof holds. */
export type Arbiter = (epoch: number) => RefusalNotice | undefined;

export class Admission {
  readonly #role: 'dialler' | 'listener';
  readonly #terms: Terms;
  readonly #peer: NodeId;
  readonly #arbiter: Arbiter;
  readonly #hello: Hello;
  #theirs: Hello | undefined;

  /** `peer` is the id that the connection was authenticated with. */
  constructor(role: 'dialler' | 'listener', terms: Terms, peer: NodeId, arbiter: Arbiter) {
    this.#role = role;
    this.#terms = terms;
    this.#peer = peer;
    this.#arbiter = arbiter;
    this.#hello = {
      type: 'hello',
      protocolMin: terms.protocolMin,
      protocolMax: terms.protocolMax,
      mesh: terms.mesh,
      id: terms.self,
      epoch: terms.epoch,
      nonce: new Uint8Array(randomBytes(nonceBytes)),
      scheme: terms.scheme.name,
      wallMs: terms.wallMs,
    };
  }

  /** A dialler's first frame. */
  begin(): Greeting {
    return this.#hello;
  }

  take(greeting: Greeting): AdmissionStep {
    if (greeting.type === 'refusal') {
      return { next: 'refused', send: undefined, reason: greeting.reason, detail: `the peer refused: ${greeting.detail}` };
    }
    if (this.#theirs === undefined) {
      return greeting.type === 'hello' ? this.#takeHello(greeting) : refuse('bad-hello', `${greeting.type} before hello`);
    }
    if (this.#role === 'listener' && greeting.type === 'proof') return this.#takeProof(this.#theirs, greeting.proof);
    if (this.#role === 'dialler' && greeting.type === 'welcome') return this.#takeWelcome(this.#theirs, greeting.proof);
    return refuse('bad-hello', `${greeting.type} out of turn`);
  }

  #takeHello(theirs: Hello): AdmissionStep {
    const objection = this.#objection(theirs);
    if (objection !== undefined) return objection;
    this.#theirs = theirs;
    if (this.#role === 'listener') return { next: 'wait', send: this.#hello };
    return { next: 'wait', send: { type: 'proof', proof: this.#terms.scheme.prove(this.#context('dialler', theirs)) } };
  }

  #objection(theirs: Hello): AdmissionStep | undefined {
    const { self, mesh, scheme, protocolMin, protocolMax } = this.#terms;
    if (theirs.id === self) return refuse('self', 'this is the same node');
    if (theirs.id !== this.#peer) return refuse('bad-hello', 'the hello names another id than the connection has');
    if (theirs.nonce.length !== nonceBytes || equals(theirs.nonce, this.#hello.nonce)) {
      return refuse('bad-hello', 'the nonce is not usable');
    }
    if (theirs.protocolMin > protocolMax || theirs.protocolMax < protocolMin) {
      const range = `${theirs.protocolMin} to ${theirs.protocolMax}`;
      return refuse('version-mismatch', `it speaks protocol ${range}, this node ${protocolMin} to ${protocolMax}`);
    }
    if (theirs.mesh !== mesh) return otherMesh(theirs.mesh, mesh);
    if (theirs.scheme !== scheme.name) {
      return refuse('token-required', `it offers proof by "${theirs.scheme}", this node wants "${scheme.name}"`);
    }
    return undefined;
  }

  #takeProof(theirs: Hello, proof: Uint8Array): AdmissionStep {
    const { scheme } = this.#terms;
    if (!scheme.check(this.#context('dialler', theirs), proof)) return refuse('wrong-token', 'the join tokens differ');
    const objection = this.#arbiter(theirs.epoch);
    if (objection !== undefined) return refuse(objection.reason, objection.detail);
    const welcome: Greeting = { type: 'welcome', proof: scheme.prove(this.#context('listener', theirs)) };
    return { next: 'admitted', send: welcome, theirs };
  }

  #takeWelcome(theirs: Hello, proof: Uint8Array): AdmissionStep {
    const holds = this.#terms.scheme.check(this.#context('listener', theirs), proof);
    if (!holds) return refuse('wrong-token', 'the join tokens differ');
    return { next: 'admitted', send: undefined, theirs };
  }

  #context(role: ProofContext['role'], theirs: Hello): ProofContext {
    const dialling = this.#role === 'dialler';
    const ours = this.#hello;
    return {
      role,
      mesh: this.#terms.mesh,
      dialler: dialling ? this.#terms.self : this.#peer,
      listener: dialling ? this.#peer : this.#terms.self,
      diallerNonce: dialling ? ours.nonce : theirs.nonce,
      listenerNonce: dialling ? theirs.nonce : ours.nonce,
    };
  }
}

/** Whoever has not proven itself is not told the name of our mesh. */
function otherMesh(theirs: string, ours: string): AdmissionStep {
  const told = { reason: 'other-mesh', detail: `this node belongs to another mesh than "${theirs}"` };
  const detail = `the hello is for mesh "${theirs}", this node belongs to "${ours}"`;
  return { next: 'refused', reason: told.reason, detail, send: { type: 'refusal', ...told } };
}

function refuse(reason: string, detail: string): AdmissionStep {
  return { next: 'refused', reason, detail, send: { type: 'refusal', reason, detail } };
}
