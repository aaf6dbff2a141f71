/** Errors that callers of the transport see. Codes are stable. */

export type TransportErrorCode =
  /** A listen address is in use. */
  | 'port-in-use'
  /** An address does not parse, or is not one of this host. */
  | 'bad-address'
  /** Listening failed for another reason, such as a missing permission. */
  | 'listen-failed'
  /** The bytes are not an identity. */
  | 'bad-identity'
  /** An event is larger than `eventLimits.bytes`, or one of its fields is too long. */
  | 'event-too-large'
  /** The transport is not started, or was stopped. */
  | 'not-running';

export class TransportError extends Error {
  override readonly name: string = 'TransportError';
  readonly code: TransportErrorCode;

  constructor(code: TransportErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
