import type { RangeOptions } from "./ordered-map.js";
import type { IndexOf, RowOf, TableName } from "./tables.js";

/** What a command, and what follows from its writes, may do with the tables: see `Transaction`, which is the one that does it. */
export interface Txn {
  /** The index of the entry that is applied. */
  readonly index: number;
  get<T extends TableName>(table: T, key: string): RowOf<T> | undefined;
  byIndex<T extends TableName>(table: T, index: IndexOf<T>, value: string): RowOf<T>[];
  /** The rows in key order, as an array: safe to walk while writing. */
  list<T extends TableName>(table: T, options?: RangeOptions): RowOf<T>[];
  count(table: TableName): number;
  /**
   * Writes a row, which belongs to the state from then on: in a stamped table its CreateIndex (kept, or this entry's) and ModifyIndex are
   * set, and it is frozen. Pass a fresh object (out of the command, or a copy), never a changed row of the state.
   */
  put<T extends TableName>(table: T, row: RowOf<T>): RowOf<T>;
  /** Deletes a row; true if there was one. */
  delete(table: TableName, key: string): boolean;
}
