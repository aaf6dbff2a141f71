/** A snapshot that many streams send: each piece is made once, when the first of them gets there, and kept for the others. */

export class SharedSnapshot {
  readonly index: number;
  /** How many bytes of deltas there had been when it was made. */
  readonly madeAtBytes: number;
  readonly #pieces: Uint8Array[] = [];
  #rest: Iterator<string> | undefined;
  #bytes = 0;

  constructor(index: number, madeAtBytes: number, pieces: Iterator<string>) {
    this.index = index;
    this.madeAtBytes = madeAtBytes;
    this.#rest = pieces;
  }

  /** The bytes of the pieces made so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Undefined after the last one. */
  piece(at: number): Uint8Array | undefined {
    while (at >= this.#pieces.length && this.#rest !== undefined) {
      const next = this.#rest.next();
      if (next.done === true) {
        this.#rest = undefined;
        break;
      }
      const piece = Buffer.from(next.value);
      this.#bytes += piece.length;
      this.#pieces.push(piece);
    }
    return this.#pieces[at];
  }
}
