/**
 * The two messages of the gRPC health checking protocol (`grpc.health.v1`), in protobuf's encoding and in gRPC's frame
 * of five bytes: too little for a library that would be larger than the agent.
 */

export const servingStatuses = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const;

const frameBytes = 5;

/** Frames a `HealthCheckRequest`: field 1 is the name of the service; the empty name is left out, as proto3 has it. */
export function healthCheckRequest(service: string): Uint8Array {
  const name = new TextEncoder().encode(service);
  const message = name.length === 0 ? [] : [0x0a, ...varint(name.length), ...name];
  const framed = new Uint8Array(frameBytes + message.length);
  new DataView(framed.buffer).setUint32(1, message.length);
  framed.set(message, frameBytes);
  return framed;
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return [...bytes, rest];
}

/** The status in a framed `HealthCheckResponse`. Throws an `Error` that says what is wrong with the bytes. */
export function servingStatusOf(framed: Uint8Array): string {
  if (framed.length < frameBytes) throw new Error('the answer has no message');
  if (framed[0] !== 0) throw new Error('the answer is compressed, which nobody asked for');
  const length = new DataView(framed.buffer, framed.byteOffset).getUint32(1);
  if (framed.length !== frameBytes + length) throw new Error('the answer is not one whole message');
  const reader = new Fields(framed.subarray(frameBytes));
  let status = 0;
  while (!reader.isAtEnd) {
    const field = reader.field();
    if (field.number === 1 && field.value !== undefined) status = field.value;
  }
  return servingStatuses[status] ?? `status ${status}`;
}

/** Walks the fields of a protobuf message, skipping those that nobody here knows. */
class Fields {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** `value` of a varint field; undefined for one of another wire type, which is skipped. */
  field(): { readonly number: number; readonly value: number | undefined } {
    const key = this.#varint();
    const number = Math.floor(key / 8);
    switch (key % 8) {
      case 0:
        return { number, value: this.#varint() };
      case 1:
        return this.#skip(number, 8);
      case 2:
        return this.#skip(number, this.#varint());
      case 5:
        return this.#skip(number, 4);
      default:
        throw new Error('the answer is not a protobuf message');
    }
  }

  #skip(number: number, length: number): { readonly number: number; readonly value: undefined } {
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new Error('the answer is not a whole protobuf message');
    return { number, value: undefined };
  }

  /** As a number: exact below 2^53, and beyond it no status, nor a length that fits. */
  #varint(): number {
    let value = 0;
    for (let scale = 1, count = 0; count < 10; count++, scale *= 128) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new Error('the answer is not a whole protobuf message');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw new Error('the answer is not a protobuf message');
  }
}
