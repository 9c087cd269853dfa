import { rowText } from "./row-codec.js";
import type { LoadedRows, RowStore, RowWrite } from "./row-store.js";
import type { TableSet } from "./table-data.js";
import { type TableName, tableNames } from "./tables.js";
import type { Change } from "./transaction.js";

/** Work between two yields: encoding this much JSON takes 1 to 2 ms. */
const SLICE_CHARACTERS = 256 * 1024;

type DirtyKeys = Map<TableName, Set<string>>;

/**
 * Brings rows to disk behind the state. Only the keys of changed rows are remembered; a row that changes ten times between two flushes is
 * written once, as it is when the flush begins. One flush runs at a time.
 */
export class Persistence {
  durableIndex = 0;
  private dirty: DirtyKeys = new Map();
  private replaced = false;
  private running: Promise<void> | undefined;
  private next: Promise<void> | undefined;

  constructor(
    private readonly rowStore: RowStore | undefined,
    private readonly yieldNow: () => Promise<void>,
  ) {}

  markDirty(changes: readonly Change[]): void {
    if (!this.rowStore) return;
    for (const { table, key } of changes) addKey(this.dirty, table, key);
  }

  /** All rows are others now: the next flush writes them beside the old ones, which a crash leaves as they were. */
  markReplaced(): void {
    this.dirty = new Map();
    this.replaced = true;
  }

  flush(picture: () => TableSet): Promise<void> {
    if (!this.running) {
      this.running = this.writeDirty(picture()).finally(() => {
        this.running = undefined;
      });
      return this.running;
    }
    this.next ??= this.afterRunning().then(() => {
      this.next = undefined;
      return this.flush(picture);
    });
    return this.next;
  }

  /** Resolves when no flush runs; whether the last one failed is for its own callers. */
  private async afterRunning(): Promise<void> {
    await this.running?.then(undefined, () => undefined);
  }

  private async writeDirty(picture: TableSet): Promise<void> {
    const { rowStore } = this;
    const dirty = this.dirty;
    const { replaced } = this;
    this.dirty = new Map();
    this.replaced = false;
    if (rowStore && (replaced || dirty.size > 0 || this.durableIndex < picture.index)) {
      try {
        if (replaced) await rowStore.replaceAll(this.allRows(picture), picture.index, picture.tableIndexes());
        else await rowStore.write(await this.encode(picture, dirty), picture.index, picture.tableIndexes());
      } catch (error) {
        this.replaced ||= replaced;
        // Nothing of the batch was written: it is due again with the next flush.
        for (const [table, keys] of this.dirty) for (const key of keys) addKey(dirty, table, key);
        this.dirty = dirty;
        throw error;
      }
    }
    this.durableIndex = picture.index;
  }

  private async encode(picture: TableSet, dirty: DirtyKeys): Promise<RowWrite[]> {
    const batch: RowWrite[] = [];
    let characters = 0;
    for (const [table, keys] of dirty) {
      for (const key of keys) {
        const row = picture.tables[table].rows.get(key);
        const text = row && rowText(picture, table, row);
        batch.push({ table, key, value: text ?? null });
        characters += text?.length ?? 0;
        if (characters > SLICE_CHARACTERS) {
          characters = 0;
          await this.yieldNow();
        }
      }
    }
    return batch;
  }

  /** What is stored; undefined if nothing ever was. Once it is in memory, nothing waits for a flush. */
  load(): LoadedRows | undefined {
    const loaded = this.rowStore?.load();
    if (!loaded || loaded.appliedIndex === 0) return undefined;
    this.dirty = new Map();
    this.durableIndex = loaded.appliedIndex;
    return loaded;
  }

  /** Replaces everything on disk. Rows that were waiting for a flush are of the old state: they are dropped. */
  async replaceAll(tables: TableSet): Promise<void> {
    await this.afterRunning();
    const replacing =
      this.rowStore?.replaceAll(this.allRows(tables), tables.index, tables.tableIndexes()) ?? Promise.resolve();
    // A flush that is asked for meanwhile waits for this.
    this.running = replacing.finally(() => {
      this.running = undefined;
    });
    await this.running;
    this.dirty = new Map();
    this.replaced = false;
    this.durableIndex = tables.index;
  }

  private async *allRows(tables: TableSet): AsyncGenerator<RowWrite> {
    let characters = 0;
    for (const table of tableNames) {
      for (const [key, row] of tables.tables[table].rows.entries()) {
        const text = rowText(tables, table, row);
        yield { table, key, value: text };
        characters += text.length;
        if (characters < SLICE_CHARACTERS) continue;
        characters = 0;
        await this.yieldNow();
      }
    }
  }
}

function addKey(dirty: DirtyKeys, table: TableName, key: string): void {
  const keys = dirty.get(table);
  if (keys) keys.add(key);
  else dirty.set(table, new Set([key]));
}
