import type { RangeOptions, ReadView } from "./read-view.js";
import type { IndexOf, RowOf, TableName } from "./tables.js";
import { indexWatch, rowWatch, tableWatch } from "./watchers.js";

/** A view that remembers what was read through it. */
export interface TrackedView extends ReadView {
  /** The watch keys of everything that was read so far, for `StateStore.watch`. */
  readonly watchKeys: Set<string>;
}

/**
 * Records what a handler reads: scans, `count` and `tableIndex` record the whole table; `get` and `rowIndex` one row; `byIndex` and
 * `valueIndex` one value. Once a whole table is recorded, its rows and values add nothing. `index` is not recorded.
 */
export function tracked(view: ReadView): TrackedView {
  return new RecordingView(view);
}

class RecordingView implements TrackedView {
  readonly watchKeys = new Set<string>();

  constructor(private readonly view: ReadView) {}

  get index(): number {
    return this.view.index;
  }

  get<T extends TableName>(table: T, key: string): RowOf<T> | undefined {
    this.record(table, rowWatch(table, key));
    return this.view.get(table, key);
  }

  scan<T extends TableName>(table: T, options?: RangeOptions): Iterable<RowOf<T>> {
    this.watchKeys.add(tableWatch(table));
    return this.view.scan(table, options);
  }

  byIndex<T extends TableName>(table: T, index: IndexOf<T>, value: string): RowOf<T>[] {
    this.record(table, indexWatch(table, index, value));
    return this.view.byIndex(table, index, value);
  }

  scanIndex<T extends TableName>(table: T, index: IndexOf<T>, options?: RangeOptions): Iterable<RowOf<T>> {
    this.watchKeys.add(tableWatch(table));
    return this.view.scanIndex(table, index, options);
  }

  count(table: TableName): number {
    this.watchKeys.add(tableWatch(table));
    return this.view.count(table);
  }

  tableIndex(...tables: TableName[]): number {
    for (const table of tables) this.watchKeys.add(tableWatch(table));
    return this.view.tableIndex(...tables);
  }

  rowIndex(table: TableName, key: string): number {
    this.record(table, rowWatch(table, key));
    return this.view.rowIndex(table, key);
  }

  valueIndex<T extends TableName>(table: T, index: IndexOf<T>, value: string): number {
    this.record(table, indexWatch(table, index, value));
    return this.view.valueIndex(table, index, value);
  }

  private record(table: TableName, key: string): void {
    if (!this.watchKeys.has(tableWatch(table))) this.watchKeys.add(key);
  }
}
