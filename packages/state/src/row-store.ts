/** A row on its way to or from disk. `value` is the row's JSON text; null deletes the row. */
export interface RowWrite {
  readonly table: string;
  readonly key: string;
  readonly value: string | null;
}

/** Everything a store holds. */
export interface LoadedRows {
  /** The index of the last entry whose writes are all in the rows; 0 if nothing was ever stored. */
  readonly appliedIndex: number;
  /** See `TableSet.tableIndexes`. */
  readonly tableIndexes: Readonly<Record<string, number>>;
  /** All rows, in any order, in batches of the store's choosing. */
  readonly rows: AsyncIterable<RowWrite[]>;
}

/** Where rows are kept between restarts: LevelDB in `@steppe/storage`, a map in tests. */
export interface RowStore {
  /** Writes rows, index and tables' indexes as one atomic batch. It need not be synced: the Raft log is what makes entries durable. */
  write(batch: RowWrite[], appliedIndex: number, tableIndexes: Readonly<Record<string, number>>): Promise<void>;
  load(): LoadedRows;
  /** Replaces everything: a crash leaves the old rows or the new ones. No write runs meanwhile. */
  replaceAll(
    rows: AsyncIterable<RowWrite>,
    appliedIndex: number,
    tableIndexes: Readonly<Record<string, number>>,
  ): Promise<void>;
}

/** A `RowStore` in memory, for tests and simulations. */
export class MemoryRowStore implements RowStore {
  private rows = new Map<string, RowWrite>();
  private appliedIndex = 0;
  private tableIndexes: Readonly<Record<string, number>> = {};

  write(
    batch: Iterable<RowWrite>,
    appliedIndex: number,
    tableIndexes: Readonly<Record<string, number>>,
  ): Promise<void> {
    for (const row of batch) {
      if (row.value) this.rows.set(`${row.table}\0${row.key}`, row);
      else this.rows.delete(`${row.table}\0${row.key}`);
    }
    this.appliedIndex = appliedIndex;
    this.tableIndexes = tableIndexes;
    return Promise.resolve();
  }

  load(): LoadedRows {
    return { appliedIndex: this.appliedIndex, tableIndexes: this.tableIndexes, rows: this.storedRows() };
  }

  private async *storedRows(): AsyncGenerator<RowWrite[]> {
    yield await Promise.resolve([...this.rows.values()]);
  }

  async replaceAll(
    rows: AsyncIterable<RowWrite>,
    appliedIndex: number,
    tableIndexes: Readonly<Record<string, number>>,
  ): Promise<void> {
    const all: RowWrite[] = [];
    for await (const row of rows) all.push(row);
    this.rows = new Map();
    await this.write(all, appliedIndex, tableIndexes);
  }
}
