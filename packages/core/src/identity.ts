/** Names of things. Branded, so that a service id cannot be passed where a node id is expected. */

declare const brand: unique symbol;

/** A node's identity: the text form of its libp2p peer id (Ed25519), which embeds its public key. */
export type NodeId = string & { readonly [brand]: 'NodeId' };

/** The id of one registered instance, unique on its owner. */
export type InstanceId = string & { readonly [brand]: 'InstanceId' };

/** The id of one check, unique on its owner. */
export type CheckId = string & { readonly [brand]: 'CheckId' };

export function nodeId(text: string): NodeId {
  return text as NodeId;
}

export function instanceId(text: string): InstanceId {
  return text as InstanceId;
}

export function checkId(text: string): CheckId {
  return text as CheckId;
}
