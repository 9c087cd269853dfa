import type { ConfState, Entry, HardState, Snapshot } from "./types.js";

/**
 * The stored log, as the algorithm reads it. Synchronous: the driver keeps in memory (or reads synchronously) what is
 * asked for here. Only the driver writes; it does so when a Ready, or a msgStorageAppend, says so.
 *
 * The log has a prefix that is cut off: entries up to firstIndex() - 1 are covered by the snapshot, of which only the
 * term of the last one is still known.
 */
export interface Storage {
  /** What was last persisted. Both are empty (zeros, empty lists) on a node which never ran. */
  initialState(): { readonly hardState: HardState; readonly confState: ConfState };

  /**
   * Entries in [lo, hi), as many from the start as fit into maxSizeBytes by `entrySize`, but at least one.
   * Throws `compacted` if lo < firstIndex(), and `unavailable` if hi > lastIndex() + 1.
   */
  entries(lo: number, hi: number, maxSizeBytes: number): Entry[];

  /** The term of an entry in [firstIndex() - 1, lastIndex()]. Throws `compacted` below and `unavailable` above. */
  term(index: number): number;

  /** The first index whose entry is available. 1 for a new log, and the snapshot's index + 1 after compaction. */
  firstIndex(): number;

  /** The last index of the log; firstIndex() - 1 if it holds no entry. */
  lastIndex(): number;

  /**
   * A snapshot at least as new as the compacted prefix, for a follower that needs what was cut off. Throws
   * `snapshotTemporarilyUnavailable` while one is being made: the leader asks again later.
   */
  snapshot(): Snapshot;
}

/** What an entry costs besides its data when messages and batches are limited by size: roughly its framing. */
const ENTRY_OVERHEAD_BYTES = 16;

export function entrySize(entry: Entry): number {
  return entry.data.byteLength + ENTRY_OVERHEAD_BYTES;
}

export function entriesSize(entries: readonly Entry[]): number {
  let size = 0;
  for (const entry of entries) size += entry.data.byteLength + ENTRY_OVERHEAD_BYTES;
  return size;
}

/** How many entries of [from, to) fit into maxSizeBytes: at least one, lest an entry above the limit block the log. */
export function countWithin(entries: readonly Entry[], from: number, to: number, maxSizeBytes: number): number {
  if (maxSizeBytes >= Number.MAX_SAFE_INTEGER) return to - from;
  let size = 0;
  for (let i = from; i < to; i++) {
    size += entrySize(entries[i]!);
    if (size > maxSizeBytes && i > from) return i - from;
  }
  return to - from;
}
