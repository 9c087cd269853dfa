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

  take(index: number): void {
    this.#taken.add(index);
  }
}
