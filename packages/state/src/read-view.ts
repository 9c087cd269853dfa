import type { RangeOptions } from "./ordered-map.js";
import type { IndexOf, RowOf, TableName } from "./tables.js";

export type { RangeOptions };

/** What readers see of the state: the live one, a snapshot of it, or one that records what was read. Rows are immutable. */
export interface ReadView {
  /** The index of the last entry that is in this view. */
  readonly index: number;
  get<T extends TableName>(table: T, key: string): RowOf<T> | undefined;
  /** Rows in key order. Walk a snapshot, not the live state, where something else may run between two steps. */
  scan<T extends TableName>(table: T, options?: RangeOptions): Iterable<RowOf<T>>;
  /** Rows with exactly this value, in key order. */
  byIndex<T extends TableName>(table: T, index: IndexOf<T>, value: string): RowOf<T>[];
  /** Rows in the order of an index. `prefix` and `from` are compared with its values. */
  scanIndex<T extends TableName>(table: T, index: IndexOf<T>, options?: RangeOptions): Iterable<RowOf<T>>;
  count(table: TableName): number;
  /** The index of the last change to any of the tables, at least 1: the X-Nomad-Index of a list. */
  tableIndex(...tables: TableName[]): number;
  /** The row's ModifyIndex, or the table's index where there is no such row: the X-Nomad-Index of one object. */
  rowIndex(table: TableName, key: string): number;
  /**
   * The highest ModifyIndex of the rows with this value, or the index of the last entry that took any row out of this index where that is
   * higher (at least 1): the X-Nomad-Index of a list such as a job's allocations. Writes to other rows do not move it.
   */
  valueIndex<T extends TableName>(table: T, index: IndexOf<T>, value: string): number;
}
