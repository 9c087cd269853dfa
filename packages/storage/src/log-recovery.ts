import { errorMessage } from "@steppe/shared";
import type { ConfState, HardState, SnapshotMetadata } from "raft-ts";

import type { EntryTail } from "./entry-tail.js";
import { storageErrors } from "./errors.js";
import type { Database } from "./level-database.js";
import { type Chunk, decodeChunk, entryKey, keyIndex } from "./log-codec.js";

/** The last entry that was cut off: its term is still needed to compare logs. */
export interface CompactionPoint {
  readonly index: number;
  readonly term: number;
}

/** A membership, the entry that made it, and what the server wants to remember with it (JSON): the members' addresses. */
export interface LogConfiguration {
  readonly index: number;
  readonly confState: ConfState;
  readonly context: unknown;
}

/** Stored before the state machine is replaced by a snapshot, so that a crash in between can be told from a damage. */
export interface PendingRestore {
  readonly metadata: SnapshotMetadata;
  readonly configuration: LogConfiguration;
}

/** Everything that a log database holds, apart from the entries themselves. */
export interface StoredLog {
  readonly hardState: HardState | undefined;
  readonly configuration: LogConfiguration | undefined;
  readonly pendingRestore: PendingRestore | undefined;
  readonly point: CompactionPoint;
  /** The first indexes of the chunks that hold the entries behind `point`. */
  readonly chunks: number[];
  readonly bytes: number;
}

/** Behind all entries: their keys begin with a zero byte, as indexes are below 2^53. */
export const metaKeys = {
  hardState: Buffer.from("m:hardState"),
  configuration: Buffer.from("m:configuration"),
  point: Buffer.from("m:compactionPoint"),
  pendingRestore: Buffer.from("m:pendingRestore"),
} as const;

const FIRST_META_KEY = Buffer.from("m:");

/**
 * Reads a whole log and fills `tail` with its end. Throws `logHole` and `logCorrupt` if an entry is missing or damaged, and
 * `logTruncated` if entries are missing that were committed. A torn end (of a batch that was never acknowledged) is not seen
 * here: LevelDB has cut it off.
 */
export async function loadLog(path: string, database: Database, tail: EntryTail): Promise<StoredLog> {
  const [hardState, configuration, pendingRestore, storedPoint] = await Promise.all([
    loadRecord<HardState>(path, database, metaKeys.hardState),
    loadRecord<LogConfiguration>(path, database, metaKeys.configuration),
    loadRecord<PendingRestore>(path, database, metaKeys.pendingRestore),
    loadRecord<CompactionPoint>(path, database, metaKeys.point),
  ]);
  const point = storedPoint ?? { index: 0, term: 0 };
  tail.reset(point.index + 1);
  const { chunks, bytes } = await loadChunks(path, database, tail, point);
  const last = tail.nextIndex - 1;
  if (hardState !== undefined && hardState.commit > last) {
    throw storageErrors.logTruncated({ path, last, commit: hardState.commit });
  }
  return { hardState, configuration, pendingRestore, point, chunks, bytes };
}

async function loadRecord<T>(path: string, database: Database, key: Uint8Array): Promise<T | undefined> {
  const value = await database.get(key);
  if (value === undefined) return undefined;
  try {
    return JSON.parse(Buffer.from(value).toString()) as T;
  } catch (error) {
    throw storageErrors.logReadFailed(
      { path, reason: `the record ${Buffer.from(key).toString()}: ${errorMessage(error)}` },
      error,
    );
  }
}

async function loadChunks(
  path: string,
  database: Database,
  tail: EntryTail,
  point: CompactionPoint,
): Promise<{ chunks: number[]; bytes: number }> {
  const start = await firstChunk(database, point.index + 1);
  // A compaction that was cut short leaves chunks which nobody needs, possibly with holes.
  if (start > 0) await database.clear({ lt: entryKey(start) });
  const chunks: number[] = [];
  let bytes = 0;
  const iterator = database.iterator({ gte: entryKey(start), lt: FIRST_META_KEY, highWaterMarkBytes: 1024 * 1024 });
  try {
    for (let batch = await iterator.nextv(1000); batch.length > 0; batch = await iterator.nextv(1000)) {
      for (const [key, value] of batch) {
        const first = keyIndex(key);
        if (admitChunk(path, tail, point, first, decodeStored(path, value, first))) {
          chunks.push(first);
          bytes += value.byteLength;
        }
      }
    }
  } finally {
    await iterator.close();
  }
  return { chunks, bytes };
}

/** The first index of the last chunk that begins at or before `index`; 0 if there is none. */
async function firstChunk(database: Database, index: number): Promise<number> {
  const iterator = database.keys({ lte: entryKey(index), reverse: true, limit: 1 });
  try {
    const key = await iterator.next();
    return key === undefined ? 0 : keyIndex(key);
  } finally {
    await iterator.close();
  }
}

function decodeStored(path: string, value: Uint8Array, first: number): Chunk {
  try {
    return decodeChunk(value, first);
  } catch (error) {
    throw storageErrors.logCorrupt({ path, index: first, reason: errorMessage(error) }, error);
  }
}

/** Adds a chunk's entries to the tail, from where they replace what is there. False if the snapshot covers all of them. */
function admitChunk(path: string, tail: EntryTail, point: CompactionPoint, first: number, chunk: Chunk): boolean {
  const last = first + chunk.entries.length - 1;
  if (last <= point.index) return false;
  if (first > tail.nextIndex) throw storageErrors.logHole({ path, from: tail.nextIndex, to: first - 1 });
  if (first > point.index) {
    const previousTerm = first - 1 === point.index ? point.term : tail.get(first - 1)?.term;
    if (previousTerm !== undefined && previousTerm !== chunk.previousTerm) {
      throw storageErrors.logHole({ path, from: first - 1, to: first - 1 });
    }
    tail.truncateFrom(first);
  }
  for (const entry of chunk.entries) if (entry.index > point.index) tail.push(entry);
  return true;
}
