/**
 * Conditions of one kind on one thing, which begin and end in any order: the latest that has not ended is in force,
 * and when it ends the one before it is again.
 */

export class Layers<T> {
  readonly #usual: T;
  readonly #set: (value: T) => void;
  readonly #layers: { readonly value: T }[] = [];

  /** `usual` is in force when nothing else is. `set` is told what is in force from now on. */
  constructor(usual: T, set: (value: T) => void) {
    this.#usual = usual;
    this.#set = set;
  }

  /** Puts a value in force, until the function it returns is called. */
  begin(value: T): () => void {
    const layer = { value };
    this.#layers.push(layer);
    this.#set(value);
    return () => {
      const position = this.#layers.indexOf(layer);
      if (position < 0) return;
      const wasInForce = position === this.#layers.length - 1;
      this.#layers.splice(position, 1);
      if (wasInForce) this.#set(this.#layers.at(-1)?.value ?? this.#usual);
    };
  }
}
