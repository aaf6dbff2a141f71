/** Refusals of the agent itself: what keeps it from starting, or a write from being kept. */

/** What each code means. Codes are stable; the message names the offending thing and the next step. */
export const agentErrors = {
  'invalid-setting': 'A setting is unknown or has a value that is not allowed.',
  'token-required': 'A bind address beyond loopback needs a join token.',
  'port-in-use': 'An address to listen on is taken or does not exist on this host.',
  'data-dir-locked': 'Another agent uses the data directory.',
  'data-dir-unusable': 'The data directory, or the identity in it, cannot be read or written.',
  'storage-failed': 'The disk refuses writes: the change is active but would not survive a restart yet.',
  'invalid-event': 'An event breaks a rule; the message names the field.',
} as const;

export type AgentErrorCode = keyof typeof agentErrors;

export class AgentError extends Error {
  override readonly name: string = 'AgentError';
  readonly code: AgentErrorCode;

  constructor(code: AgentErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
