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

/** Those who wait for one key. */
class Slot {
  readonly watchers = new Set<Watcher>();

  constructor(
    /** Where the slot goes from when nobody is left; a whole table's stays. */
    private readonly slots?: Map<string, Slot>,
    private readonly value = "",
  ) {}

  delete(watcher: Watcher): void {
    this.watchers.delete(watcher);
    if (this.watchers.size === 0) this.slots?.delete(this.value);
  }
}

interface Watcher {
  readonly slots: readonly Slot[];
  readonly wake: (abandoned: boolean) => void;
  state: "waiting" | "woken" | "cancelled";
}

/** Who waits for one table, by what they wait for: all of it, rows by key, or values by index. */
class TableWatchers {
  readonly table = new Slot();
  readonly rows = new Map<string, Slot>();
  readonly values = new Map<string, Map<string, Slot>>();

  slot(kind: string, value: string): Slot {
    if (kind === "") return this.table;
    let slots = kind === "=" ? this.rows : this.values.get(kind);
    if (!slots) this.values.set(kind, (slots = new Map<string, Slot>()));
    let slot = slots.get(value);
    if (!slot) slots.set(value, (slot = new Slot(slots, value)));
    return slot;
  }

  *all(): Generator<Slot> {
    yield this.table;
    yield* this.rows.values();
    for (const byValue of this.values.values()) yield* byValue.values();
  }
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
    const watcher: Watcher = { slots: Array.from(new Set(keys), (key) => this.slotOf(key)), wake, state: "waiting" };
    for (const slot of watcher.slots) slot.watchers.add(watcher);
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
    this.wakeAll(touched, false);
  }

  /** Wakes everybody: what they read is not what the state went on from. */
  abandonAll(): void {
    const all = new Set<Watcher>();
    for (const waiting of this.byTable.values()) for (const slot of waiting.all()) addAll(all, slot);
    this.wakeAll(all, true);
  }

  /** All are taken out before any is woken: a woken reader may watch again at once, and may cancel others that are about to be woken. */
  private wakeAll(watchers: ReadonlySet<Watcher>, abandoned: boolean): void {
    for (const watcher of watchers) this.remove(watcher);
    for (const watcher of watchers) if (watcher.state === "woken") watcher.wake(abandoned);
  }

  private remove(watcher: Watcher): void {
    if (watcher.state !== "waiting") return;
    watcher.state = "woken";
    for (const slot of watcher.slots) slot.delete(watcher);
    this.count--;
  }

  private slotOf(key: string): Slot {
    const [table, kind, value] = splitWatchKey(key);
    let waiting = this.byTable.get(table);
    if (!waiting) this.byTable.set(table, (waiting = new TableWatchers()));
    return waiting.slot(kind, value);
  }
}

function addAll(touched: Set<Watcher>, slot: Slot | undefined): void {
  if (slot) for (const watcher of slot.watchers) touched.add(watcher);
}

function collect(waiting: TableWatchers, change: Change, data: TableData, touched: Set<Watcher>): void {
  addAll(touched, waiting.table);
  addAll(touched, waiting.rows.get(change.key));
  for (const [name, byValue] of waiting.values) {
    if (byValue.size === 0) continue;
    const { value } = data.index(name).spec;
    const before = change.before && value(change.before as AnyRow);
    const after = change.after && value(change.after as AnyRow);
    if (before !== undefined) addAll(touched, byValue.get(before));
    if (after !== undefined && after !== before) addAll(touched, byValue.get(after));
  }
}

function splitWatchKey(key: string): [table: string, kind: string, value: string] {
  const first = key.indexOf("\0");
  if (first < 0) return [key, "", ""];
  const second = key.indexOf("\0", first + 1);
  return [key.slice(0, first), key.slice(first + 1, second), key.slice(second + 1)];
}
