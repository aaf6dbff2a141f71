/** Whether all members of a mesh agree, asked after every event: so it looks first at what did not hold the last time. */

import type { SimNode } from '@skein/sim';

/** A question: does every one of these hold every one of these to be reachable, and nobody else to be alive? */
export function agreementOf(nodes: readonly SimNode[]): () => boolean {
  let observer = 0;
  let subject = 0;
  const holds = (): boolean => {
    const id = nodes[subject]?.id;
    return id !== undefined && nodes[observer]?.view().member(id)?.reachable === true;
  };
  return () => {
    if (!holds()) return false;
    for (observer = 0; observer < nodes.length; observer++) {
      for (subject = 0; subject < nodes.length; subject++) if (!holds()) return false;
    }
    observer = 0;
    subject = 0;
    return nodes.every((node) => node.view().aliveCount === nodes.length);
  };
}
