/** What messages say of the mesh, pushed or in an exchange. */

import type { Gossip, Input, Message } from '@skein/core';

export function factsOf(message: Message): Gossip | undefined {
  return message.type === 'gossip' ? message : message.type === 'sync-facts' ? message.facts : undefined;
}

/** The facts that an input brings. */
export function factsIn(input: Input): Gossip | undefined {
  return input.type === 'message' ? factsOf(input.message) : undefined;
}
