/**
 * The one table of errors that users meet. A code is stable: programs may match it, the documentation lists it.
 * A message names the offending thing and the next step; `status` is the HTTP status the API answers with.
 */

export const errorTable = {
  'unknown-instance': { status: 404, meaning: 'No instance with this id is registered on this agent.' },
  'unknown-check': { status: 404, meaning: 'No check with this id is registered on this agent.' },
  'unknown-node': { status: 404, meaning: 'No member with this name or id is known.' },
  'unknown-config': { status: 404, meaning: 'No config entry of this kind and name exists.' },
  'not-a-ttl-check': { status: 500, meaning: 'Only TTL checks take updates from clients.' },
  'invalid-registration': { status: 400, meaning: 'A registration breaks a rule; the message names the field.' },
  'invalid-config': { status: 400, meaning: 'A config entry breaks a rule; the message names the key.' },
  'limit-exceeded': { status: 413, meaning: 'A documented limit would be exceeded; nothing was changed.' },
  'clock-ahead': { status: 503, meaning: 'This agent holds config that is dated later than the others take.' },
  'invalid-address': { status: 400, meaning: 'An address is not host:port.' },
  'node-alive': { status: 400, meaning: 'The member is alive, so it cannot be made to leave by force.' },
  leaving: { status: 503, meaning: 'This agent is leaving the mesh and takes no more writes.' },
} as const satisfies Record<string, { status: number; meaning: string }>;

export type MeshErrorCode = keyof typeof errorTable;
