import { invariant } from "./errors.js";
import type { Entry, EntryId, Snapshot } from "./types.js";

/**
 * The end of the log which is not known to be stored yet, and possibly a snapshot that is to be stored before it.
 *
 * The entry of index `offset` is the first. Of these entries those below `offsetInProgress` have been handed to the
 * driver. Invariant: offset <= offsetInProgress <= nextIndex. Entries here mask those of the storage at the same
 * indexes, and everything from `offset` on in the storage is void.
 *
 * The buffer begins with `head` dead places: storing a prefix, which happens for every batch, then moves nothing.
 */
export class UnstableLog {
  snapshot: Snapshot | undefined;
  snapshotInProgress = false;
  offset: number;
  offsetInProgress: number;
  private buffer: Entry[] = [];
  private head = 0;

  constructor(offset: number) {
    this.offset = offset;
    this.offsetInProgress = offset;
  }

  get length(): number {
    return this.buffer.length - this.head;
  }

  /** One past the last index, if there is an entry. */
  get nextIndex(): number {
    return this.offset + this.buffer.length - this.head;
  }

  /** The last index here, or undefined if the storage has to tell. */
  lastIndex(): number | undefined {
    if (this.length > 0) return this.nextIndex - 1;
    return this.snapshot?.metadata.index;
  }

  /** The term of an index, or undefined if it is not here. */
  term(index: number): number | undefined {
    if (index < this.offset) {
      return this.snapshot?.metadata.index === index ? this.snapshot.metadata.term : undefined;
    }
    return this.buffer[this.head + index - this.offset]?.term;
  }

  /** Entries in [lo, hi), which must be here. */
  slice(lo: number, hi: number): Entry[] {
    invariant(lo <= hi && lo >= this.offset && hi <= this.nextIndex, "raft: slice outside of the unstable log");
    return this.buffer.slice(this.head + lo - this.offset, this.head + hi - this.offset);
  }

  hasNextEntries(): boolean {
    return this.nextIndex > this.offsetInProgress;
  }

  /** The entries that the driver has not been given yet. */
  nextEntries(): Entry[] {
    return this.buffer.slice(this.head + this.offsetInProgress - this.offset);
  }

  nextSnapshot(): Snapshot | undefined {
    return this.snapshotInProgress ? undefined : this.snapshot;
  }

  /** Everything has been given to the driver. */
  accept(): void {
    if (this.length > 0) this.offsetInProgress = this.nextIndex;
    if (this.snapshot !== undefined) this.snapshotInProgress = true;
  }

  /**
   * The storage holds everything up to this entry. It may have been overwritten here in the meantime, by an entry of
   * another term: then what was stored is void, and the newer one will be written over it. False if so.
   */
  stableTo(id: EntryId): boolean {
    if (id.index < this.offset || this.term(id.index) !== id.term) return false;
    this.head += id.index + 1 - this.offset;
    this.offset = id.index + 1;
    this.offsetInProgress = Math.max(this.offsetInProgress, this.offset);
    if (this.head === this.buffer.length) {
      this.buffer = [];
      this.head = 0;
    } else if (this.head > 64 && this.head * 2 > this.buffer.length) {
      // At most every second entry is moved once: O(1) for each, and dead entries are not kept for long.
      this.buffer = this.buffer.slice(this.head);
      this.head = 0;
    }
    return true;
  }

  stableSnapshotTo(index: number): void {
    if (this.snapshot?.metadata.index !== index) return;
    this.snapshot = undefined;
    this.snapshotInProgress = false;
  }

  restore(snapshot: Snapshot): void {
    this.offset = snapshot.metadata.index + 1;
    this.offsetInProgress = this.offset;
    this.buffer = [];
    this.head = 0;
    this.snapshot = snapshot;
    this.snapshotInProgress = false;
  }

  /** Appends entries, dropping all from the first one's index on. */
  truncateAndAppend(entries: readonly Entry[]): void {
    const first = entries[0]!.index;
    invariant(first <= this.nextIndex, "raft: a gap in the unstable log");
    if (first <= this.offset) {
      this.buffer = [];
      this.head = 0;
      this.offset = first;
      this.offsetInProgress = first;
    } else if (first < this.nextIndex) {
      this.buffer.length = this.head + first - this.offset;
      // What is rewritten has to be stored again.
      this.offsetInProgress = Math.min(this.offsetInProgress, first);
    }
    for (let i = 0; i < entries.length; i++) this.buffer.push(entries[i]!);
  }
}
