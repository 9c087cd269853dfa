import { assert, errorMessage, must, SteppeError } from "@steppe/shared";
import {
  type ConfState,
  emptyConfState,
  emptyHardState,
  type Entry,
  entrySize,
  type HardState,
  RaftError,
  type Snapshot,
  type SnapshotMetadata,
  type Storage,
} from "raft-ts";

import { EntryTail } from "./entry-tail.js";
import { storageErrors } from "./errors.js";
import { type Database, openDatabase } from "./level-database.js";
import { type Chunk, decodeChunk, encodeChunk, encodedEntriesBytes, entryKey } from "./log-codec.js";
import {
  type CompactionPoint,
  type LogConfiguration,
  loadLog,
  metaKeys,
  type PendingRestore,
  type StoredLog,
} from "./log-recovery.js";

/** What one call of `append` makes durable, all of it or nothing. */
export interface LogAppend {
  readonly hardState?: HardState | undefined;
  /** Consecutive. They replace everything that is stored from the first one's index on. */
  readonly entries?: readonly Entry[];
  /** A snapshot that replaces the log: everything up to its index is covered by it, and everything behind it is dropped. */
  readonly snapshot?: SnapshotMetadata | undefined;
  /** The membership, and what the server wants to remember with it. */
  readonly configuration?: LogConfiguration | undefined;
  /** A restore of the state machine that is about to begin (or, with null, that ended otherwise). */
  readonly pendingRestore?: PendingRestore | null | undefined;
}

export interface LogStoreOptions {
  /** How much of the log's end is kept in memory. Default 8 MiB. */
  memoryBytes?: number;
}

/** Entries of one append are stored together, in values of about this size: one LevelDB record costs as much as 4 KB of data. */
const CHUNK_BYTES = 256 * 1024;
const DEFAULT_MEMORY_BYTES = 8 * 1024 * 1024;
const EMPTY = new Uint8Array(0);

/** Opens the Raft log in the directory `path`. Throws `logHole`, `logCorrupt`, `logTruncated`, `databaseInUse`, `databaseUnusable`. */
export async function openLogStore(path: string, options: LogStoreOptions = {}): Promise<LogStore> {
  const database = await openDatabase(path, { writeBufferBytes: 8 * 1024 * 1024 });
  const tail = new EntryTail(options.memoryBytes ?? DEFAULT_MEMORY_BYTES, 1);
  try {
    return new LogStore(path, database, tail, await loadLog(path, database, tail));
  } catch (error) {
    await database.close();
    if (error instanceof SteppeError) throw error;
    throw storageErrors.logReadFailed({ path, reason: errorMessage(error) }, error);
  }
}

/**
 * The Raft log, hard state and membership of one server, on LevelDB; what raft-ts reads is answered from memory, or with
 * one synchronous read for an old entry.
 *
 * Invariants:
 * - What the readers see is on disk: memory changes only after the synced batch is written.
 * - `#chunks` are the first indexes of the stored chunks, ascending. A chunk reaches up to its own end or to the next
 *   chunk, whichever comes first: an overwritten suffix is hidden, not rewritten.
 * - The chunks cover all of (`#point.index`, `lastIndex()`].
 * - Writes run one after another; after a failed one nothing more is written.
 */
export class LogStore implements Storage {
  readonly path: string;
  readonly #database: Database;
  readonly #tail: EntryTail;
  readonly #chunks: number[];
  #hardState: HardState;
  #configuration: LogConfiguration;
  #point: CompactionPoint;
  #pendingRestore: PendingRestore | undefined;
  #writes: Promise<void> = Promise.resolve();
  #failure: SteppeError | undefined;
  #appendedBytes = 0;
  #compactedBytes = 0;
  // The chunk that was read last: a follower that lags asks for the entries of one chunk in turn.
  #readChunk: { first: number; chunk: Chunk } | undefined;

  constructor(path: string, database: Database, tail: EntryTail, stored: StoredLog) {
    this.path = path;
    this.#database = database;
    this.#tail = tail;
    this.#chunks = stored.chunks;
    this.#hardState = stored.hardState ?? emptyHardState;
    this.#configuration = stored.configuration ?? { index: 0, confState: emptyConfState, context: null };
    this.#point = stored.point;
    this.#pendingRestore = stored.pendingRestore;
    this.#appendedBytes = stored.bytes;
  }

  initialState(): { hardState: HardState; confState: ConfState } {
    return { hardState: this.#hardState, confState: this.#configuration.confState };
  }

  firstIndex(): number {
    return this.#point.index + 1;
  }

  lastIndex(): number {
    return this.#tail.nextIndex - 1;
  }

  term(index: number): number {
    if (index < this.#point.index) throw new RaftError("compacted");
    if (index === this.#point.index) return this.#point.term;
    if (index > this.lastIndex()) throw new RaftError("unavailable");
    return (this.#tail.get(index) ?? this.#storedEntry(index)).term;
  }

  entries(lo: number, hi: number, maxSizeBytes: number): Entry[] {
    if (lo <= this.#point.index) throw new RaftError("compacted");
    if (hi > this.lastIndex() + 1) throw new RaftError("unavailable");
    const found: Entry[] = [];
    let sizeBytes = 0;
    for (let index = lo; index < hi; index++) {
      const entry = this.#tail.get(index) ?? this.#storedEntry(index);
      sizeBytes += entrySize(entry);
      if (sizeBytes > maxSizeBytes && found.length > 0) break;
      found.push(entry);
    }
    return found;
  }

  /** The compacted prefix as a snapshot without data: the driver streams the state machine itself. */
  snapshot(): Snapshot {
    return { data: EMPTY, metadata: { ...this.#point, confState: this.#configuration.confState } };
  }

  /** The membership as last stored. */
  get configuration(): LogConfiguration {
    return this.#configuration;
  }

  /** Set if the process ended while the state machine was being replaced by a snapshot. */
  get pendingRestore(): PendingRestore | undefined {
    return this.#pendingRestore;
  }

  /** About how many bytes of entries are stored since the last compaction. */
  get bytesSinceCompaction(): number {
    return this.#appendedBytes - this.#compactedBytes;
  }

  /**
   * Makes all of it durable in one synced LevelDB batch, and resolves when it is. Rejects with `logWriteFailed`, after which
   * nothing can be written any more: what is on disk is unknown until the log is opened again.
   */
  append(write: LogAppend): Promise<void> {
    return this.#enqueue(() => this.#append(write));
  }

  /**
   * Drops the entries up to and including `index`, which the state machine must have on disk. Resolves when they are gone.
   */
  compact(index: number): Promise<void> {
    return this.#enqueue(() => this.#compact(index));
  }

  async close(): Promise<void> {
    // A failed write was reported to its caller; here only its end matters.
    await this.#writes;
    await this.#database.close();
  }

  #enqueue(write: () => Promise<void>): Promise<void> {
    const result = this.#writes.then(async () => {
      if (this.#failure !== undefined) throw this.#failure;
      try {
        await write();
      } catch (error) {
        this.#failure = storageErrors.logWriteFailed({ path: this.path, reason: errorMessage(error) }, error);
        throw this.#failure;
      }
    });
    this.#writes = result.catch(() => {
      // The caller of append or compact holds `result` and must handle it; `#failure` stops all later writes.
    });
    return result;
  }

  async #append({ hardState, entries = [], snapshot, configuration, pendingRestore }: LogAppend): Promise<void> {
    const first = entries[0]?.index;
    const dropped = snapshot === undefined ? this.#chunksBehind(first ?? Infinity) : this.#chunks.slice();
    const pieces = splitIntoChunks(entries);
    const batch = this.#database.batch();
    if (hardState !== undefined) batch.put(metaKeys.hardState, encodeJSON(hardState));
    if (configuration !== undefined) batch.put(metaKeys.configuration, encodeJSON(configuration));
    if (pendingRestore === null) batch.del(metaKeys.pendingRestore);
    else if (pendingRestore !== undefined) batch.put(metaKeys.pendingRestore, encodeJSON(pendingRestore));
    if (snapshot !== undefined) batch.put(metaKeys.point, encodeJSON({ index: snapshot.index, term: snapshot.term }));
    for (const chunk of dropped) batch.del(entryKey(chunk));
    let previousTerm =
      first === undefined ? 0 : snapshot?.index === first - 1 ? snapshot.term : this.#previousTerm(first);
    for (const { from, to } of pieces) {
      batch.put(entryKey(entries[from]!.index), encodeChunk(entries, from, to, previousTerm));
      previousTerm = entries[to - 1]!.term;
    }
    await batch.write({ sync: true });

    if (hardState !== undefined) this.#hardState = hardState;
    if (configuration !== undefined) this.#configuration = configuration;
    if (pendingRestore !== undefined) this.#pendingRestore = pendingRestore ?? undefined;
    if (snapshot !== undefined) this.#adoptSnapshot(snapshot);
    this.#adoptEntries(entries, pieces);
  }

  #adoptSnapshot(snapshot: SnapshotMetadata): void {
    this.#point = { index: snapshot.index, term: snapshot.term };
    this.#chunks.length = 0;
    this.#tail.reset(snapshot.index + 1);
    this.#readChunk = undefined;
    this.#compactedBytes = this.#appendedBytes;
  }

  #adoptEntries(entries: readonly Entry[], pieces: readonly { from: number; to: number }[]): void {
    const first = entries[0];
    if (first === undefined) return;
    this.#readChunk = undefined;
    while (this.#chunks.length > 0 && this.#chunks.at(-1)! >= first.index) this.#chunks.pop();
    for (const { from } of pieces) this.#chunks.push(entries[from]!.index);
    this.#tail.truncateFrom(first.index);
    for (const entry of entries) this.#tail.push(entry);
    this.#appendedBytes += encodedEntriesBytes(entries);
  }

  /** The stored chunks that begin behind `index`; one that begins at it is overwritten anyway. */
  #chunksBehind(index: number): number[] {
    let from = this.#chunks.length;
    while (from > 0 && this.#chunks[from - 1]! > index) from--;
    return this.#chunks.slice(from);
  }

  #previousTerm(first: number): number {
    assert(first > this.#point.index, `entry ${first} is compacted already`);
    assert(first <= this.lastIndex() + 1, `entry ${first} would leave a hole behind ${this.lastIndex()}`);
    return this.term(first - 1);
  }

  async #compact(index: number): Promise<void> {
    if (index <= this.#point.index) return;
    assert(index <= this.lastIndex(), `cannot compact to ${index}, behind the last entry ${this.lastIndex()}`);
    const point = { index, term: this.term(index) };
    // No sync: should the machine lose power now, the log is merely longer than it needs to be.
    await this.#database.put(metaKeys.point, encodeJSON(point));
    const bytesBefore = this.bytesSinceCompaction;
    const entriesBefore = this.lastIndex() - this.#point.index;
    const kept = this.#lastChunkAtOrBefore(index + 1);
    if (kept > 0) await this.#database.clear({ gte: entryKey(this.#chunks[0]!), lt: entryKey(this.#chunks[kept]!) });
    this.#chunks.splice(0, kept);
    // An estimate: every entry counts as the average one.
    const compactedShare = (index - this.#point.index) / entriesBefore;
    this.#compactedBytes += Math.round(bytesBefore * compactedShare);
    this.#point = point;
    this.#tail.dropThrough(index);
  }

  /** The position in `#chunks` of the chunk that holds `index` (or would, were it appended). */
  #lastChunkAtOrBefore(index: number): number {
    let low = 0;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#chunks[middle]! <= index) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** An entry that is no longer in memory. A failed read breaks the log's promise, and stops the server. */
  #storedEntry(index: number): Entry {
    const first = must(this.#chunks[this.#lastChunkAtOrBefore(index)], "the log is empty");
    if (this.#readChunk?.first !== first) {
      try {
        const value = must(this.#database.getSync(entryKey(first)), `the entries that start at ${first} are gone`);
        this.#readChunk = { first, chunk: decodeChunk(value, first) };
      } catch (error) {
        throw storageErrors.logReadFailed({ path: this.path, reason: errorMessage(error) }, error);
      }
    }
    return must(this.#readChunk.chunk.entries[index - first], `entry ${index} is not where it should be`);
  }
}

/** Cuts consecutive entries into runs of about CHUNK_BYTES. */
function splitIntoChunks(entries: readonly Entry[]): { from: number; to: number }[] {
  const pieces: { from: number; to: number }[] = [];
  let from = 0;
  let bytes = 0;
  for (let i = 0; i < entries.length; i++) {
    bytes += entries[i]!.data.byteLength;
    if (bytes >= CHUNK_BYTES || i === entries.length - 1) {
      pieces.push({ from, to: i + 1 });
      from = i + 1;
      bytes = 0;
    }
  }
  return pieces;
}

function encodeJSON(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
