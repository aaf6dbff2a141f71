/** Reads the messages of clients. Strict: what is not a well-formed query is refused, and what is none is dropped. */

import { keyOf, skipName } from './name.ts';
import { rcodes, recordTypes } from './record.ts';

/** RFC 6891, of a query. */
export interface Edns {
  /** Bytes that the client takes over UDP. */
  readonly udpSize: number;
  readonly version: number;
  readonly isDnssecOk: boolean;
}

export interface Query {
  readonly id: number;
  /** The second word of the header. */
  readonly flags: number;
  /** The name asked for; see `DomainName.key`. */
  readonly key: string;
  readonly type: number;
  readonly class: number;
  /** Where the question ends in the message; it begins behind the header. */
  readonly questionEnd: number;
  readonly edns: Edns | undefined;
  /** What is wrong with it, when anything is. */
  readonly fault: number | undefined;
}

export const headerBytes = 12;
export const flagBits = {
  response: 0x8000,
  authoritative: 0x0400,
  truncated: 0x0200,
  recurse: 0x0100,
  recursive: 0x0080,
  unchecked: 0x0010,
} as const;
/** Answers, and names that clients ask, need no more. */
export const queryBytesMax = 4096;
const nameBytesMax = 255;

/** Undefined: no answer is due, since it is no query. Answering an answer could go on forever. */
export function decodeQuery(message: Buffer): Query | undefined {
  if (message.length < headerBytes) return undefined;
  const flags = word(message, 2);
  if ((flags & flagBits.response) !== 0) return undefined;
  const id = word(message, 0);
  const refused = (fault: number): Query => ({
    id,
    flags,
    key: '',
    type: 0,
    class: 0,
    questionEnd: headerBytes,
    edns: undefined,
    fault,
  });
  if ((flags & 0x7800) !== 0) return refused(rcodes.NOTIMP);
  const nameEnd = word(message, 4) === 1 && message.length <= queryBytesMax ? plainNameEnd(message) : undefined;
  if (nameEnd === undefined || nameEnd + 4 > message.length) return refused(rcodes.FORMERR);
  const type = word(message, nameEnd);
  const extra = decodeExtra(message, nameEnd + 4, type);
  return {
    id,
    flags,
    key: keyOf(message, headerBytes, nameEnd),
    type,
    class: word(message, nameEnd + 2),
    questionEnd: nameEnd + 4,
    edns: extra.edns,
    fault: extra.fault ?? ((extra.edns?.version ?? 0) > 0 ? rcodes.BADVERS : undefined),
  };
}

/** The name of a question is the first of a message: there is nothing that it could point to. */
function plainNameEnd(message: Buffer): number | undefined {
  for (let at = headerBytes; at < headerBytes + nameBytesMax;) {
    const size = message[at];
    if (size === undefined || size > 63) return undefined;
    if (size === 0) return at + 1;
    at += 1 + size;
  }
  return undefined;
}

interface Extra {
  readonly edns?: Edns;
  readonly fault?: number;
}

const formatError: Extra = { fault: rcodes.FORMERR };
const noExtra: Extra = {};

/** What follows the question: nothing but additional records, of which the one of EDNS counts, and no byte more. */
function decodeExtra(message: Buffer, start: number, type: number): Extra {
  // A request for an incremental transfer carries the SOA that it has; it is refused for what it is.
  if (type === recordTypes.IXFR) return noExtra;
  if (word(message, 6) !== 0 || word(message, 8) !== 0) return formatError;
  const count = word(message, 10);
  if (count === 0) return start === message.length ? noExtra : formatError;
  let edns: Edns | undefined;
  let at = start;
  for (let n = 0; n < count; n++) {
    const nameEnd = skipName(message, at);
    if (nameEnd === undefined || nameEnd + 10 > message.length) return formatError;
    const dataEnd = nameEnd + 10 + word(message, nameEnd + 8);
    if (dataEnd > message.length) return formatError;
    if (word(message, nameEnd) === recordTypes.OPT) {
      if (edns !== undefined || nameEnd !== at + 1 || !areOptions(message, nameEnd + 10, dataEnd)) return formatError;
      const [udpSize, version] = [word(message, nameEnd + 2), message[nameEnd + 5] ?? 0];
      edns = { udpSize, version, isDnssecOk: ((message[nameEnd + 6] ?? 0) & 0x80) !== 0 };
    }
    at = dataEnd;
  }
  if (at !== message.length) return formatError;
  return edns === undefined ? noExtra : { edns };
}

/** Whether the options fill their record exactly. What they say is for whom it concerns. */
function areOptions(message: Buffer, start: number, end: number): boolean {
  let at = start;
  while (at + 4 <= end) at += 4 + word(message, at + 2);
  return at === end;
}

function word(message: Buffer, at: number): number {
  return ((message[at] ?? 0) << 8) | (message[at + 1] ?? 0);
}
