/** Which name indexes of a group are taken. The lowest free ones are given out first, so that names stay dense. */
export class NameIndexes {
  readonly #taken = new Set<number>();
  #next = 0;

  constructor(taken: Iterable<number>) {
    for (const index of taken) if (index >= 0) this.#taken.add(index);
  }

  /** Takes the lowest free index. */
  next(): number {
    while (this.#taken.has(this.#next)) this.#next++;
    this.#taken.add(this.#next);
    return this.#next;
  }

  /** Takes a given index; false if it is taken already. */
  take(index: number): boolean {
    if (index < 0 || this.#taken.has(index)) return false;
    this.#taken.add(index);
    return true;
  }
}
