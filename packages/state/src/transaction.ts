import { assert } from "@steppe/shared";
import { DerivedChanges, hooks } from "./derived.js";
import type { JobTally } from "./job-tally.js";
import type { RangeOptions } from "./ordered-map.js";
import type { AnyRow, TableSet } from "./table-data.js";
import type { IndexOf, RowOf, TableName } from "./tables.js";
import type { Txn } from "./txn.js";

/** One row before and after an entry; at most one per row and entry. A new row has no `before`, a deleted one no `after`. */
export type Change<T extends TableName = TableName> = {
  [K in T]: {
    readonly table: K;
    readonly key: string;
    readonly before: RowOf<K> | undefined;
    readonly after: RowOf<K> | undefined;
  };
}[T];

type MutableChange = { table: TableName; key: string; before: AnyRow | undefined; after: AnyRow | undefined };

/** Whether rows are frozen all the way down (tests do), only the row itself, or not at all. */
export type FreezeMode = "none" | "shallow" | "deep";

/**
 * The writes of one entry. They go straight into the live tables, so later reads of the same command see them; `rollback` takes all of
 * them back. Rows that follow from others (summaries, job status, counters of deployments) are brought up to date once, in `finish`.
 */
export class Transaction implements Txn {
  private readonly changes = new Map<TableName, Map<string, MutableChange>>();
  private readonly derived = new DerivedChanges();

  constructor(
    /** The index of the entry that is applied. */
    readonly index: number,
    private readonly live: TableSet,
    private readonly tally: JobTally,
    private readonly freezeMode: FreezeMode = "shallow",
  ) {}

  get<T extends TableName>(table: T, key: string): RowOf<T> | undefined {
    return this.live.get(table, key);
  }

  byIndex<T extends TableName>(table: T, index: IndexOf<T>, value: string): RowOf<T>[] {
    return this.live.byIndex(table, index, value);
  }

  list<T extends TableName>(table: T, options?: RangeOptions): RowOf<T>[] {
    return [...this.live.scan(table, options)];
  }

  count(table: TableName): number {
    return this.live.count(table);
  }

  put<T extends TableName>(table: T, row: RowOf<T>): RowOf<T> {
    const data = this.live.tables[table];
    const key = data.spec.key(row as AnyRow);
    const before = data.get(key);
    assert(before !== (row as AnyRow), `Row ${key} of ${table} is written in place.`);
    if (data.spec.stamped) {
      (row as AnyRow).CreateIndex = before?.CreateIndex ?? this.index;
      (row as AnyRow).ModifyIndex = this.index;
    }
    freeze(row as object, this.freezeMode);
    this.write(table, key, before, row as AnyRow);
    return row;
  }

  delete(table: TableName, key: string): boolean {
    const before = this.live.tables[table].get(key);
    if (!before) return false;
    this.write(table, key, before, undefined);
    return true;
  }

  /** Brings derived rows up to date, stamps the tables, and returns what changed. No writes may follow. */
  finish(): Change[] {
    this.derived.finish(this, this.tally);
    const changes: MutableChange[] = [];
    for (const [table, byKey] of this.changes) {
      const before = changes.length;
      for (const change of byKey.values()) if (change.before !== change.after) changes.push(change);
      this.live.tables[table].settle(changes.length > before ? this.index : undefined);
    }
    this.tally.add(this.derived.jobs);
    return changes as Change[];
  }

  /** Takes back everything, as if the entry had written nothing. */
  rollback(): void {
    for (const [table, byKey] of this.changes) {
      const data = this.live.tables[table];
      for (const { key, before, after } of byKey.values()) {
        // In two steps: a row that was deleted and put again is another row, with other values even in fixed indexes.
        data.replace(key, after, undefined);
        data.replace(key, undefined, before);
      }
      data.settle(undefined);
    }
  }

  private write(table: TableName, key: string, before: AnyRow | undefined, after: AnyRow | undefined): void {
    this.live.tables[table].replace(key, before, after);
    let byKey = this.changes.get(table);
    if (!byKey) this.changes.set(table, (byKey = new Map<string, MutableChange>()));
    const change = byKey.get(key);
    if (change) change.after = after;
    else byKey.set(key, { table, key, before, after });
    hooks[table]?.(this.derived, before, after, this);
  }
}

/** Freezes a row as the mode asks for. */
export function freeze(row: object, mode: FreezeMode): void {
  if (mode === "deep") deepFreeze(row);
  else if (mode === "shallow") Object.freeze(row);
}

/** Freezes a value of JSON all the way down; what is frozen already is taken to be so all the way down. */
export function deepFreeze(value: object): void {
  if (Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const child of Object.values(value) as unknown[])
    if (typeof child === "object" && child !== null) deepFreeze(child);
}
