import { assert } from "@steppe/shared";
import { OrderedMap, type RangeOptions } from "./ordered-map.js";
import type { ReadView } from "./read-view.js";
import {
  type IndexOf,
  type IndexSpec,
  type RowOf,
  type TableName,
  tableNames,
  tables as tableSpecs,
  type TableSpec,
} from "./tables.js";

/** Any row. Tables are generic; the types are put back at the edge, in `ReadView` and `Transaction`. */
export type AnyRow = { CreateIndex?: number; ModifyIndex?: number };

/**
 * One secondary index: from `value NUL key`, or the value alone where values are unique, to the row's key. It does not hold the rows, so a
 * row that keeps its values can be replaced without touching any index: that is what most writes do.
 */
class IndexData {
  /** The index of the last entry that took a row out of this index, or from one value to another. */
  removedIndex = 0;
  /** The transaction at work has done so. */
  private removing = false;

  constructor(
    readonly spec: IndexSpec<AnyRow>,
    private readonly keys: OrderedMap<string> = new OrderedMap(),
  ) {}

  clone(): IndexData {
    const copy = new IndexData(this.spec, this.keys.clone());
    copy.removedIndex = this.removedIndex;
    return copy;
  }

  /** Moves a row from where `before` stood to where `after` stands. */
  replace(key: string, before: AnyRow | undefined, after: AnyRow | undefined): void {
    if (before && after && this.spec.fixed) return;
    const oldValue = before && this.spec.value(before);
    const newValue = after && this.spec.value(after);
    if (oldValue === newValue) return;
    if (oldValue !== undefined) {
      this.keys.delete(this.entryKey(oldValue, key));
      this.removing = true;
    }
    if (newValue !== undefined) this.keys.set(this.entryKey(newValue, key), key);
  }

  private entryKey(value: string, key: string): string {
    return this.spec.unique ? value : `${value}\0${key}`;
  }

  settle(atIndex: number | undefined): void {
    if (this.removing && atIndex !== undefined) this.removedIndex = atIndex;
    this.removing = false;
  }

  /** The keys of the rows with this value, in order. */
  withValue(value: string): string[] {
    if (!this.spec.unique) return this.keys.withPrefix(`${value}\0`);
    const key = this.keys.get(value);
    return key === undefined ? [] : [key];
  }

  /** `[entry, key of the row]` in order; the pair is used again for each step. */
  range(options: RangeOptions = {}): Iterable<[string, string]> {
    // Going down, entries of the value `from` itself come after it in key order: start above all of them.
    if (options.reverse && options.from !== undefined && !this.spec.unique) {
      return this.keys.entries({ ...options, from: `${options.from}\x01` });
    }
    return this.keys.entries(options);
  }
}

/** Rows and indexes of one table. */
export class TableData {
  /** The index of the last entry that changed the table; 0 if none did. */
  changedIndex = 0;
  /** The row of the last look-up: a transaction asks for the same row several times in a row. */
  private lastKey: string | undefined;
  private lastRow: AnyRow | undefined;

  constructor(
    readonly spec: TableSpec<AnyRow>,
    readonly rows: OrderedMap<AnyRow> = new OrderedMap(),
    readonly indexes: Readonly<Record<string, IndexData>> = Object.fromEntries(
      Object.entries(spec.indexes).map(([name, indexSpec]) => [name, new IndexData(indexSpec)]),
    ),
    private readonly indexList: readonly IndexData[] = Object.values(indexes),
  ) {}

  clone(): TableData {
    const indexes: Record<string, IndexData> = {};
    for (const name in this.indexes) indexes[name] = (this.indexes[name] as IndexData).clone();
    const copy = new TableData(this.spec, this.rows.clone(), indexes);
    copy.changedIndex = this.changedIndex;
    return copy;
  }

  get(key: string): AnyRow | undefined {
    if (key === this.lastKey) return this.lastRow;
    this.lastKey = key;
    return (this.lastRow = this.rows.get(key));
  }

  /** Puts `after` in the place of `before`. Either may be missing. A transaction then calls `settle`. */
  replace(key: string, before: AnyRow | undefined, after: AnyRow | undefined): void {
    this.lastKey = key;
    this.lastRow = after;
    if (after) this.rows.set(key, after);
    else this.rows.delete(key);
    for (const index of this.indexList) index.replace(key, before, after);
  }

  /** Ends a transaction's writes: at the index of its entry, or at undefined if nothing changed in the end. */
  settle(atIndex: number | undefined): void {
    if (atIndex !== undefined) this.changedIndex = atIndex;
    for (const index of this.indexList) index.settle(atIndex);
  }

  /** Rows with this value in key order. */
  withValue(index: string, value: string): AnyRow[] {
    const found: AnyRow[] = [];
    for (const key of this.index(index).withValue(value)) found.push(this.rows.get(key) as AnyRow);
    return found;
  }

  index(name: string): IndexData {
    const index = this.indexes[name];
    assert(index, `Table ${this.spec.name} has no index ${name}.`);
    return index;
  }
}

/** All tables, live or as they were at an entry. */
export class TableSet implements ReadView {
  index = 0;

  constructor(
    readonly tables: Readonly<Record<TableName, TableData>> = Object.fromEntries(
      tableNames.map((name) => [name, new TableData(tableSpecs[name] as unknown as TableSpec<AnyRow>)]),
    ) as Record<TableName, TableData>,
  ) {}

  /** O(number of tables and indexes). Neither sees what is later written to the other. */
  clone(): TableSet {
    const copies = {} as Record<TableName, TableData>;
    for (const name of tableNames) copies[name] = this.tables[name].clone();
    const copy = new TableSet(copies);
    copy.index = this.index;
    return copy;
  }

  get<T extends TableName>(table: T, key: string): RowOf<T> | undefined {
    return this.tables[table].get(key) as RowOf<T> | undefined;
  }

  *scan<T extends TableName>(table: T, options?: RangeOptions): Generator<RowOf<T>> {
    for (const entry of this.tables[table].rows.entries(options)) yield entry[1] as RowOf<T>;
  }

  byIndex<T extends TableName>(table: T, index: IndexOf<T>, value: string): RowOf<T>[] {
    return this.tables[table].withValue(index, value) as RowOf<T>[];
  }

  *scanIndex<T extends TableName>(table: T, index: IndexOf<T>, options?: RangeOptions): Generator<RowOf<T>> {
    const data = this.tables[table];
    for (const entry of data.index(index).range(options)) yield data.rows.get(entry[1]) as RowOf<T>;
  }

  count(table: TableName): number {
    return this.tables[table].rows.size;
  }

  tableIndex(...names: TableName[]): number {
    let highest = 1;
    for (const name of names) highest = Math.max(highest, this.tables[name].changedIndex);
    return highest;
  }

  rowIndex(table: TableName, key: string): number {
    return this.tables[table].get(key)?.ModifyIndex ?? this.tableIndex(table);
  }

  valueIndex<T extends TableName>(table: T, index: IndexOf<T>, value: string): number {
    const data = this.tables[table];
    let highest = Math.max(1, data.index(index).removedIndex);
    for (const row of data.withValue(index, value)) highest = Math.max(highest, row.ModifyIndex ?? 0);
    return highest;
  }

  /**
   * The numbers beside the rows that must survive a restart: `<table>` is the index of its last change, `<table>/<index>` that of the last
   * entry that took a row out of the index. Numbers of 0 are left out.
   */
  tableIndexes(): Record<string, number> {
    const numbers: Record<string, number> = {};
    for (const name of tableNames) {
      const data = this.tables[name];
      if (data.changedIndex > 0) numbers[name] = data.changedIndex;
      for (const index in data.indexes) {
        const removed = data.index(index).removedIndex;
        if (removed > 0) numbers[`${name}/${index}`] = removed;
      }
    }
    return numbers;
  }

  setTableIndexes(numbers: Readonly<Record<string, number>>): void {
    for (const name of tableNames) {
      const data = this.tables[name];
      data.changedIndex = numbers[name] ?? 0;
      for (const index in data.indexes) data.index(index).removedIndex = numbers[`${name}/${index}`] ?? 0;
    }
  }
}
