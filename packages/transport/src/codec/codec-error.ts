/** The only error the codec throws. Inside this package it becomes a counted refusal, never an unhandled exception. */

export type CodecReason =
  /** The bytes end in the middle of a field, or a length points past its message. */
  | 'truncated'
  /** A tag, wire type or varint that protobuf does not allow here. */
  | 'malformed'
  /** A number that is not a safe integer, or out of its range. */
  | 'bad-number'
  /** Text that is not UTF-8. */
  | 'bad-text'
  /** An enum value that this version does not know. */
  | 'unknown-value'
  /** A field that must be there is not, or is empty. */
  | 'missing'
  /** A field, or a key of a map, that may appear once appears twice. */
  | 'repeated'
  /** A documented limit on a length or count is exceeded. */
  | 'too-long'
  | 'too-many'
  /** A known message on the wrong lane, or in the wrong place. */
  | 'misplaced';

export class CodecError extends Error {
  override readonly name: string = 'CodecError';
  readonly reason: CodecReason;
  /** The field at fault, as `Message.field`. */
  at = '';

  constructor(reason: CodecReason, detail: string) {
    super(detail);
    this.reason = reason;
  }
}
