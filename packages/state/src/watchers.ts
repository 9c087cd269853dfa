import type { AnyRow, TableData } from "./table-data.js";
import type { TableName } from "./tables.js";
import type { Change } from "./transaction.js";

/**
 * A watch key names something that can be read: a whole table (`jobs`), one row by its key (`jobs NUL = NUL key`), or one value of an index
 * (`allocations NUL byJob NUL value`).
 */
export const tableWatch = (table: TableName): string => table;
export const rowWatch = (table: TableName, key: string): string => `${table}\0=\0${key}`;
export const indexWatch = (table: TableName, index: string, value: string): string => `${table}\0${index}\0${value}`;

interface Watcher {
  readonly keys: readonly string[];
  readonly wake: (abandoned: boolean) => void;
  state: "waiting" | "woken" | "cancelled";
}

/** Who waits for one table, by what they wait for. */
interface TableWatchers {
  readonly table: Set<Watcher>;
  readonly rows: Map<string, Set<Watcher>>;
  readonly values: Map<string, Map<string, Set<Watcher>>>;
}

/**
 * Readers that wait for a change. Each watcher is woken once, at the end of the first entry that touches any of its keys. Matching starts
 * from the changed rows, so an entry costs what it changed and not how many wait; with nobody waiting it costs nothing.
 */
export class Watchers {
  private readonly byTable = new Map<string, TableWatchers>();
  private count = 0;

  get size(): number {
    return this.count;
  }

  /** Returns a function that stops waiting. */
  add(keys: Iterable<string>, wake: (abandoned: boolean) => void): () => void {
    const watcher: Watcher = { keys: [...new Set(keys)], wake, state: "waiting" };
    for (const key of watcher.keys) this.setFor(key, true)?.add(watcher);
    this.count++;
    return () => {
      this.remove(watcher);
      watcher.state = "cancelled";
    };
  }

  /** Wakes those who wait for any of these changes. */
  fire(changes: readonly Change[], tables: Readonly<Record<TableName, TableData>>): void {
    if (this.count === 0) return;
    const touched = new Set<Watcher>();
    for (const change of changes) {
      const waiting = this.byTable.get(change.table);
      if (waiting) collect(waiting, change, tables[change.table], touched);
    }
    // All are taken out before any is woken: a woken reader may watch again at once, for the next change.
    for (const watcher of touched) this.remove(watcher);
    for (const watcher of touched) wake(watcher, false);
  }

  /** Wakes everybody: what they read is not what the state went on from. */
  abandonAll(): void {
    const all = new Set<Watcher>();
    for (const { table, rows, values } of this.byTable.values()) {
      for (const set of [
        table,
        ...rows.values(),
        ...[...values.values()].flatMap((byValue) => [...byValue.values()]),
      ]) {
        for (const watcher of set) all.add(watcher);
      }
    }
    for (const watcher of all) this.remove(watcher);
    for (const watcher of all) wake(watcher, true);
  }

  private remove(watcher: Watcher): void {
    if (watcher.state !== "waiting") return;
    watcher.state = "woken";
    for (const key of watcher.keys) {
      this.setFor(key, false)?.delete(watcher);
      this.prune(key);
    }
    this.count--;
  }

  private setFor(key: string, create: boolean): Set<Watcher> | undefined {
    const [table, kind, value] = splitWatchKey(key);
    let waiting = this.byTable.get(table);
    if (!waiting) {
      if (!create) return undefined;
      waiting = { table: new Set(), rows: new Map(), values: new Map() };
      this.byTable.set(table, waiting);
    }
    if (kind === "") return waiting.table;
    let sets = kind === "=" ? waiting.rows : waiting.values.get(kind);
    if (!sets) {
      if (!create) return undefined;
      sets = new Map();
      waiting.values.set(kind, sets);
    }
    let set = sets.get(value);
    if (!set && create) {
      set = new Set();
      sets.set(value, set);
    }
    return set;
  }

  /** Drops what nobody waits for any more, so that keys of rows long gone do not pile up. */
  private prune(key: string): void {
    const [table, kind, value] = splitWatchKey(key);
    const waiting = this.byTable.get(table);
    if (!waiting) return;
    const sets = kind === "=" ? waiting.rows : waiting.values.get(kind);
    if (sets?.get(value)?.size === 0) sets.delete(value);
    if (sets?.size === 0) waiting.values.delete(kind);
    if (waiting.table.size === 0 && waiting.rows.size === 0 && waiting.values.size === 0) this.byTable.delete(table);
  }
}

/** One that was woken may cancel others that are about to be. */
function wake(watcher: Watcher, abandoned: boolean): void {
  if (watcher.state === "woken") watcher.wake(abandoned);
}

function collect(waiting: TableWatchers, change: Change, data: TableData, touched: Set<Watcher>): void {
  for (const watcher of waiting.table) touched.add(watcher);
  const row = waiting.rows.get(change.key);
  if (row) for (const watcher of row) touched.add(watcher);
  for (const [name, byValue] of waiting.values) {
    const { value } = data.index(name).spec;
    const before = change.before && value(change.before as AnyRow);
    const after = change.after && value(change.after as AnyRow);
    if (before !== undefined) for (const watcher of byValue.get(before) ?? []) touched.add(watcher);
    if (after !== undefined && after !== before) for (const watcher of byValue.get(after) ?? []) touched.add(watcher);
  }
}

function splitWatchKey(key: string): [table: string, kind: string, value: string] {
  const first = key.indexOf("\0");
  if (first < 0) return [key, "", ""];
  const second = key.indexOf("\0", first + 1);
  return [key.slice(0, first), key.slice(first + 1, second), key.slice(second + 1)];
}
