import { errorMessage, SteppeError } from "@steppe/shared";

import { storageErrors } from "./errors.js";
import { type Database, openDatabase } from "./level-database.js";

/** A row as text; `value` null deletes it. Neither `table` nor the start of `key` may hold "\0"; `key` may hold it inside. */
export interface RowWrite {
  readonly table: string;
  readonly key: string;
  readonly value: string | null;
}

/** What the rows stand for. */
export interface RowStoreMeta {
  /** The last entry of the Raft log whose effect the rows hold. */
  readonly appliedIndex: number;
  /** The last index that changed each table. */
  readonly tableIndexes: Readonly<Record<string, number>>;
}

export interface LoadedRows extends RowStoreMeta {
  /** All rows in batches, tables and keys ascending. To be read once, and before the next write. */
  readonly rows: AsyncIterable<RowWrite[]>;
}

interface StoredMeta extends RowStoreMeta {
  readonly generation: number;
}

const TEXTS = { keyEncoding: "utf8", valueEncoding: "utf8" } as const;
const META_KEY = Buffer.from("!meta");
/** How many rows go into one LevelDB batch of a restore. */
const RESTORE_BATCH_ROWS = 500;
/** How many rows are handed to LevelDB before the event loop gets its turn. */
const SLICE_ROWS = 500;

/** Opens the row store in the directory `path`. Throws `databaseInUse`, `databaseUnusable` or `rowsCorrupt`. */
export async function openRowStore(path: string): Promise<RowStore> {
  const database = await openDatabase(path, { writeBufferBytes: 8 * 1024 * 1024 });
  try {
    const stored = await database.get(META_KEY);
    const meta = stored === undefined ? { generation: 1, appliedIndex: 0, tableIndexes: {} } : parseMeta(path, stored);
    const store = new RowStore(path, database, meta);
    await store.dropOtherGenerations();
    return store;
  } catch (error) {
    await database.close();
    throw error;
  }
}

function parseMeta(path: string, stored: Uint8Array): StoredMeta {
  try {
    return JSON.parse(Buffer.from(stored).toString()) as StoredMeta;
  } catch (error) {
    throw storageErrors.rowsCorrupt({ path, reason: `the meta record: ${errorMessage(error)}` }, error);
  }
}

/**
 * The rows of the replicated state on LevelDB. The Raft log makes writes durable, so these batches are not synced: after a
 * crash the rows stand at some earlier applied index, all of one batch or nothing, and the log is applied from there.
 *
 * Keys are `generation/table\0key`. A restore writes a new generation beside the current one and makes it current in one
 * synced batch, so that a crash leaves either the old rows or the new.
 */
export class RowStore {
  readonly path: string;
  readonly #database: Database;
  #meta: StoredMeta;

  constructor(path: string, database: Database, meta: StoredMeta) {
    this.path = path;
    this.#database = database;
    this.#meta = meta;
  }

  /** The applied index of the last completed write. */
  get appliedIndex(): number {
    return this.#meta.appliedIndex;
  }

  /** Writes rows and the index they bring the store to, in one batch. Rejects with `rowsWriteFailed`. */
  async write(
    batch: Iterable<RowWrite>,
    appliedIndex: number,
    tableIndexes: Readonly<Record<string, number>>,
  ): Promise<void> {
    const meta = { generation: this.#meta.generation, appliedIndex, tableIndexes };
    await this.#attempt(async () => {
      await this.#writeRows(meta.generation, batch, meta);
      this.#meta = meta;
    });
  }

  /** What the store holds. */
  load(): LoadedRows {
    return { ...this.#meta, rows: this.#rows() };
  }

  /**
   * Replaces all rows by those of a snapshot, crash-safe, and resolves when they are on disk. No write may run meanwhile.
   */
  async replaceAll(
    rows: Iterable<RowWrite> | AsyncIterable<RowWrite>,
    appliedIndex: number,
    tableIndexes: Readonly<Record<string, number>>,
  ): Promise<void> {
    const meta = { generation: this.#meta.generation + 1, appliedIndex, tableIndexes };
    await this.#attempt(async () => {
      let pending: RowWrite[] = [];
      for await (const row of rows) {
        if (pending.push(row) < RESTORE_BATCH_ROWS) continue;
        await this.#writeRows(meta.generation, pending);
        pending = [];
      }
      await this.#writeRows(meta.generation, pending);
      await this.#flushToTables();
      await this.#database.put(META_KEY, encodeMeta(meta), { sync: true });
      this.#meta = meta;
      await this.dropOtherGenerations();
    });
  }

  /** Resolves when everything written so far would survive a loss of power. Needed before the Raft log is compacted. */
  async sync(): Promise<void> {
    await this.#attempt(() => this.#flushToTables());
  }

  /** Removes what a restore left behind: the rows it replaced, or its own if it was cut short. */
  async dropOtherGenerations(): Promise<void> {
    const current = this.#meta.generation;
    await this.#database.clear({ gt: META_KEY, lt: generationPrefix(current) });
    await this.#database.clear({ gte: generationPrefix(current + 1) });
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  /**
   * A synced write is not enough: it syncs LevelDB's current log file, but not one that was rotated out and is still being
   * written to a table. A manual compaction of an empty range waits for all of memory to be in (synced) tables.
   */
  #flushToTables(): Promise<void> {
    return this.#database.compactRange(Buffer.from([0xff]), Buffer.from([0xff, 0xff]));
  }

  /** Writes rows in one batch. Handing a row to LevelDB costs about 10 us, so many of them are handed over in slices. */
  async #writeRows(generation: number, rows: Iterable<RowWrite>, meta?: StoredMeta): Promise<void> {
    const batch = this.#database.batch();
    const prefix = generationPrefix(generation).toString();
    let count = 0;
    for (const { table, key, value } of rows) {
      // Texts go to LevelDB as they are: bytes of our own for each would cost more than all the rest.
      const stored = `${prefix}${table}\0${key}`;
      if (value === null) batch.del<string>(stored, { keyEncoding: "utf8" });
      else batch.put<string, string>(stored, value, TEXTS);
      if (++count % SLICE_ROWS === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    if (meta !== undefined) batch.put(META_KEY, encodeMeta(meta));
    await batch.write();
  }

  async *#rows(): AsyncGenerator<RowWrite[]> {
    const prefix = generationPrefix(this.#meta.generation);
    const iterator = this.#database.iterator<Uint8Array, string>({
      valueEncoding: "utf8",
      gte: prefix,
      lt: generationPrefix(this.#meta.generation + 1),
      highWaterMarkBytes: 1024 * 1024,
    });
    try {
      for (let batch = await iterator.nextv(1000); batch.length > 0; batch = await iterator.nextv(1000)) {
        yield batch.map(([stored, value]) => this.#decodeRow(stored, prefix.byteLength, value));
      }
    } finally {
      await iterator.close();
    }
  }

  #decodeRow(stored: Uint8Array, prefixBytes: number, value: string): RowWrite {
    const name = Buffer.from(
      stored.buffer,
      stored.byteOffset + prefixBytes,
      stored.byteLength - prefixBytes,
    ).toString();
    const end = name.indexOf("\0");
    if (end < 0)
      throw storageErrors.rowsCorrupt({ path: this.path, reason: `the key ${JSON.stringify(name)} names no table` });
    return { table: name.slice(0, end), key: name.slice(end + 1), value };
  }

  async #attempt(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      if (error instanceof SteppeError) throw error;
      throw storageErrors.rowsWriteFailed({ path: this.path, reason: errorMessage(error) }, error);
    }
  }
}

/** Fixed width, so that generations sort as numbers. */
function generationPrefix(generation: number): Buffer {
  return Buffer.from(`${generation.toString(16).padStart(8, "0")}/`);
}

function encodeMeta(meta: StoredMeta): Buffer {
  return Buffer.from(JSON.stringify(meta));
}
