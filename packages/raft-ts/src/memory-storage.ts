import { RaftError } from "./errors.js";
import { countWithin, type Storage } from "./storage.js";
import type { ConfState, Entry, HardState, Snapshot } from "./types.js";

export const emptyHardState: HardState = Object.freeze({ term: 0, vote: 0, commit: 0 });

export const emptyConfState: ConfState = Object.freeze({
  voters: [],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
});

export const emptySnapshot: Snapshot = Object.freeze({
  data: new Uint8Array(0),
  metadata: Object.freeze({ confState: emptyConfState, index: 0, term: 0 }),
});

/** A Storage in memory: for tests, simulations, and as the cache in front of a disk. */
export class MemoryStorage implements Storage {
  private hardState: HardState = emptyHardState;
  private latest: Snapshot = emptySnapshot;
  // The entry at offset is not there any more, only its term: what firstIndex() - 1 is compared with.
  private offset = 0;
  private offsetTerm = 0;
  // Entries of offset + 1 and on, after `head` dead ones: dropping a prefix must not move the rest each time.
  private log: Entry[] = [];
  private head = 0;

  initialState(): { hardState: HardState; confState: ConfState } {
    return { hardState: this.hardState, confState: this.latest.metadata.confState };
  }

  setHardState(hardState: HardState): void {
    this.hardState = hardState;
  }

  firstIndex(): number {
    return this.offset + 1;
  }

  lastIndex(): number {
    return this.offset + this.log.length - this.head;
  }

  term(index: number): number {
    if (index < this.offset) throw new RaftError("compacted");
    if (index === this.offset) return this.offsetTerm;
    const entry = this.log[this.head + index - this.offset - 1];
    if (entry === undefined) throw new RaftError("unavailable");
    return entry.term;
  }

  entries(lo: number, hi: number, maxSizeBytes: number): Entry[] {
    if (lo <= this.offset) throw new RaftError("compacted");
    if (hi > this.lastIndex() + 1) throw new RaftError("unavailable");
    const from = this.head + lo - this.offset - 1;
    return this.log.slice(from, from + countWithin(this.log, from, from + hi - lo, maxSizeBytes));
  }

  snapshot(): Snapshot {
    return this.latest;
  }

  /** Replaces everything by a snapshot, as received from a leader. */
  applySnapshot(snapshot: Snapshot): void {
    if (snapshot.metadata.index <= this.latest.metadata.index) throw new RaftError("snapshotOutOfDate");
    this.latest = snapshot;
    this.offset = snapshot.metadata.index;
    this.offsetTerm = snapshot.metadata.term;
    this.log = [];
    this.head = 0;
  }

  /** Records a snapshot of the state machine at an index of the log; the log itself stays, see compact(). */
  createSnapshot(index: number, confState: ConfState, data: Uint8Array): Snapshot {
    if (index <= this.latest.metadata.index) throw new RaftError("snapshotOutOfDate");
    this.latest = { data, metadata: { confState, index, term: this.term(index) } };
    return this.latest;
  }

  /** Drops all entries up to and including index, which must be applied, and covered by a snapshot. */
  compact(index: number): void {
    if (index <= this.offset) throw new RaftError("compacted");
    if (index > this.lastIndex()) throw new RaftError("unavailable");
    this.offsetTerm = this.term(index);
    this.head += index - this.offset;
    this.offset = index;
    if (this.head * 2 > this.log.length) {
      this.log = this.log.slice(this.head);
      this.head = 0;
    }
  }

  /** Appends entries, replacing what is stored from the first one's index on. Entries already compacted are skipped. */
  append(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    if (first.index > this.lastIndex() + 1) throw new RaftError("unavailable", "missing entries before those appended");
    const skip = Math.max(0, this.offset + 1 - first.index);
    if (skip >= entries.length) return;
    this.log.length = this.head + first.index + skip - this.offset - 1;
    for (let i = skip; i < entries.length; i++) this.log.push(entries[i]!);
  }
}
