/** Names of the deadlines that membership has for each member. `MeshNode` tells by the part before the slash whose they are. */

import type { NodeId } from '../identity.ts';

export const suspectKey = (id: NodeId): string => `suspect/${id}`;
export const testKey = (id: NodeId): string => `test/${id}`;
export const holdKey = (id: NodeId): string => `hold/${id}`;
export const reapKey = (id: NodeId): string => `reap/${id}`;
