import { assert } from "@steppe/shared";
import type { Entry } from "raft-ts";

/** What an entry costs in memory besides its data: the object, the view of its bytes, its slot. */
const ENTRY_OVERHEAD_BYTES = 128;

/**
 * The newest entries of the log, in memory, bounded by bytes.
 *
 * Invariant: `#entries[#head + i]` has index `#firstIndex + i`. Slots before `#head` are dead; they are cut off once they
 * outnumber the living, so that dropping entries from the front costs O(1) on average.
 */
export class EntryTail {
  readonly #maxBytes: number;
  #entries: (Entry | undefined)[] = [];
  #head = 0;
  #firstIndex: number;
  #bytes = 0;

  constructor(maxBytes: number, nextIndex: number) {
    this.#maxBytes = maxBytes;
    this.#firstIndex = nextIndex;
  }

  /** The index of the oldest entry held; `nextIndex` if there is none. */
  get firstIndex(): number {
    return this.#firstIndex;
  }

  /** The index behind the newest entry held. */
  get nextIndex(): number {
    return this.#firstIndex + this.#entries.length - this.#head;
  }

  get(index: number): Entry | undefined {
    return index < this.#firstIndex ? undefined : this.#entries[this.#head + index - this.#firstIndex];
  }

  /** Appends the entry at `nextIndex`, and drops the oldest while there is too much; the newest entry always stays. */
  push(entry: Entry): void {
    assert(entry.index === this.nextIndex, `entry ${entry.index} does not follow ${this.nextIndex - 1}`);
    this.#entries.push(entry);
    this.#bytes += entry.data.byteLength + ENTRY_OVERHEAD_BYTES;
    while (this.#bytes > this.#maxBytes && this.#entries.length - this.#head > 1) this.#shift();
    this.#cutDead();
  }

  /** Drops the entries from `index` on. */
  truncateFrom(index: number): void {
    while (this.nextIndex > Math.max(index, this.#firstIndex)) {
      const entry = this.#entries.pop();
      this.#bytes -= (entry?.data.byteLength ?? 0) + ENTRY_OVERHEAD_BYTES;
    }
    if (index < this.#firstIndex) this.reset(index);
  }

  /** Drops the entries up to and including `index`. */
  dropThrough(index: number): void {
    while (this.#firstIndex <= index && this.#head < this.#entries.length) this.#shift();
    this.#cutDead();
    if (this.#firstIndex <= index) this.reset(index + 1);
  }

  /** Forgets everything; the next entry will be the one at `nextIndex`. */
  reset(nextIndex: number): void {
    this.#entries = [];
    this.#head = 0;
    this.#bytes = 0;
    this.#firstIndex = nextIndex;
  }

  #shift(): void {
    this.#bytes -= (this.#entries[this.#head]?.data.byteLength ?? 0) + ENTRY_OVERHEAD_BYTES;
    this.#entries[this.#head] = undefined;
    this.#head++;
    this.#firstIndex++;
  }

  #cutDead(): void {
    if (this.#head < 64 || this.#head * 2 < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#head = 0;
  }
}
