import { assert, InvariantError, must, SteppeError } from "@steppe/shared";
import { commandIdOf, decodeCommand } from "./command-codec.js";
import { commandById } from "./commands/index.js";
import { stateHash } from "./content-hash.js";
import { JobTally } from "./job-tally.js";
import { Persistence } from "./persistence.js";
import type { RangeOptions, ReadView } from "./read-view.js";
import { type Replacement, replacementTables } from "./replacement.js";
import { TableLoader } from "./row-codec.js";
import type { RowStore } from "./row-store.js";
import { SEED_INDEX, seed } from "./seed.js";
import { encodeSnapshot, SnapshotDecoder } from "./snapshot.js";
import { TableSet } from "./table-data.js";
import { type IndexOf, type RowOf, type TableName, tables as tableSpecs } from "./tables.js";
import { type Change, type FreezeMode, Transaction } from "./transaction.js";
import { Watchers } from "./watchers.js";

export interface StateStoreOptions {
  /** Where rows are kept between restarts; without one, state lives in memory only. */
  rowStore?: RowStore;
  /** Lets the event loop run, as `setImmediate` in a promise does: called between slices of long work. Nothing unless told. */
  yieldNow?: () => Promise<void>;
  /** `deep` freezes rows all the way down, for tests; `none` saves 2 us a row where every microsecond counts. `shallow` unless told. */
  freeze?: FreezeMode;
}

/** An entry of the Raft log. Empty `data` only moves the applied index. */
export interface AppliedEntry {
  readonly index: number;
  readonly term: number;
  readonly data: Uint8Array;
}

export type ChangeListener = (changes: readonly Change[], entryIndex: number) => void;

/**
 * The replicated state machine. Entries are applied in the order of the log, each in one transaction, synchronously and in memory; the same
 * entries give the same state on every server. Disk follows behind through `flush`: what is lost of it in a crash is replayed from the log.
 */
export class StateStore implements ReadView {
  private live = new TableSet();
  private tally = new JobTally();
  /** A picture of `live` that is handed out again until the next entry; making one costs a copied path per tree on the next write. */
  private picture: TableSet | undefined;
  /** Tables for an entry that is about to replace the state. */
  private prepared: Replacement | undefined;
  private readonly watchers = new Watchers();
  private readonly listeners = new Set<ChangeListener>();
  private readonly restoreListeners = new Set<() => void>();
  private readonly persistence: Persistence;
  private readonly yieldNow: () => Promise<void>;
  private readonly freezeMode: FreezeMode;

  constructor(options: StateStoreOptions = {}) {
    this.yieldNow = options.yieldNow ?? (() => Promise.resolve());
    this.freezeMode = options.freeze ?? "shallow";
    this.persistence = new Persistence(options.rowStore, this.yieldNow);
    const txn = new Transaction(SEED_INDEX, this.live, this.tally, this.freezeMode);
    seed(txn);
    this.persistence.markDirty(txn.finish());
  }

  /** The index of the last entry that was applied. */
  get appliedIndex(): number {
    return this.live.index;
  }

  /** The index up to which rows are on disk: a restart replays the log from the entry after it. */
  get durableIndex(): number {
    return this.persistence.durableIndex;
  }

  /**
   * Applies entries in order and returns one result per entry: what the command returns, or the `SteppeError` it was refused with (nothing
   * was written then). Entries that are applied already are skipped. Throws `InvariantError` (or any other error) where going on could
   * make this server differ from others: the process must end.
   */
  apply(entries: readonly AppliedEntry[]): unknown[] {
    return entries.map((entry) => this.applyEntry(entry));
  }

  private applyEntry(entry: AppliedEntry): unknown {
    if (entry.index <= this.live.index) return undefined;
    this.picture = undefined;
    if (entry.data.length === 0) {
      this.live.index = entry.index;
      return undefined;
    }
    const { id, payload } = decodeCommand(entry.data);
    const command = commandById(id);
    const txn = new Transaction(entry.index, this.live, this.tally, this.freezeMode);
    let result: unknown;
    try {
      result = command.apply(txn, payload);
    } catch (error) {
      if (!(error instanceof SteppeError))
        throw new InvariantError(`Entry ${entry.index} (${command.name}) cannot be applied: ${String(error)}`, {
          cause: error,
        });
      txn.rollback();
      this.live.index = entry.index;
      return error;
    }
    if (command.replacement) {
      this.replaceWhole(entry.index, must(command.replacement(this.live, payload), "`apply` has not refused"));
      return result;
    }
    const changes = txn.finish();
    this.live.index = entry.index;
    this.persistence.markDirty(changes);
    for (const listener of this.listeners) listener(changes, entry.index);
    this.watchers.fire(changes, this.live.tables);
    return result;
  }

  /** An entry that replaces the whole state: `apply` would be at it for long, so `prepare` it first. */
  isLong({ data }: AppliedEntry): boolean {
    return data.length > 0 && commandById(commandIdOf(data)).replacement !== undefined;
  }

  /** Does most of a long entry's work, in slices. Everything before it must be applied, and nothing more until it is. */
  async prepare(entry: AppliedEntry): Promise<void> {
    if (entry.index <= this.live.index) return;
    const { id, payload } = decodeCommand(entry.data);
    const parts = commandById(id).replacement?.(this.live, payload);
    if (parts) this.prepared = await this.inSlices(replacementTables(this.live, parts, entry.index, this.freezeMode));
  }

  private replaceWhole(index: number, parts: Iterable<string>): void {
    const { prepared } = this;
    this.prepared = undefined;
    const { tables, tally } =
      prepared?.tables.index === index
        ? prepared
        : allAtOnce(replacementTables(this.live, parts, index, this.freezeMode));
    this.persistence.markReplaced();
    this.replace(tables, tally);
  }

  /** Calls the listener with what each entry changed, after it was applied. Returns a function that ends that. */
  subscribe(listener: ChangeListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Calls the listener after a restore, when everything may be different. Returns a function that ends that. */
  onRestore(listener: () => void): () => void {
    this.restoreListeners.add(listener);
    return () => this.restoreListeners.delete(listener);
  }

  /**
   * Calls `wake` once: at the end of the first entry that changes anything the keys name (see `tracked`), or with `abandoned` true when the
   * state is replaced. Returns a function that stops waiting.
   */
  watch(keys: Iterable<string>, wake: (abandoned: boolean) => void): () => void {
    return this.watchers.add(keys, wake);
  }

  /** How many watchers wait. */
  get watcherCount(): number {
    return this.watchers.size;
  }

  /** An immutable picture of the state as it is now, at no cost. */
  snapshotView(): ReadView {
    return this.freezePicture();
  }

  private freezePicture(): TableSet {
    return (this.picture ??= this.live.clone());
  }

  /** Writes what changed since the last flush, and the applied index, as one batch. Calls that come meanwhile share the next batch. */
  flush(): Promise<void> {
    return this.persistence.flush(() => this.freezePicture());
  }

  /** Reads what the row store holds, for a start. Then replay the log from `appliedIndex + 1`. */
  async load(): Promise<void> {
    const stored = this.persistence.load();
    if (!stored) return;
    const loader = new TableLoader(this.freezeMode);
    for await (const batch of stored.rows) {
      for (const { table, value } of batch) {
        assert(Object.hasOwn(tableSpecs, table), `The row store has a table ${table}: a newer version wrote it.`);
        if (value !== null) loader.add(table as TableName, value);
      }
      await this.yieldNow();
    }
    const tables = await this.inSlices(
      loader.finish({ index: stored.appliedIndex, tableIndexes: stored.tableIndexes }),
    );
    this.replace(tables, await this.inSlices(JobTally.of(tables)));
  }

  /** Encodes the state as it is now in chunks of at most 256 KiB; later entries do not change what comes out. */
  snapshotChunks(): AsyncGenerator<Uint8Array> & { readonly index: number } {
    const picture = this.freezePicture();
    return Object.assign(this.slicedChunks(picture), { index: picture.index });
  }

  private async *slicedChunks(picture: TableSet): AsyncGenerator<Uint8Array> {
    for (const chunk of encodeSnapshot(picture)) {
      yield chunk;
      await this.yieldNow();
    }
  }

  /**
   * Replaces the whole state, on disk and then at once in memory, by a snapshot's chunks. Watchers are abandoned, restore listeners called.
   * No entries may be applied until it resolves. If it rejects, memory is as before.
   */
  async restore(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> {
    const appliedIndex = this.live.index;
    const decoder = new SnapshotDecoder(this.freezeMode);
    for await (const chunk of chunks) {
      decoder.add(chunk);
      await this.yieldNow();
    }
    const restored = await this.inSlices(decoder.finish());
    const tally = await this.inSlices(JobTally.of(restored));
    await this.persistence.replaceAll(restored);
    assert(this.live.index === appliedIndex, "Entries were applied while a snapshot was restored.");
    this.replace(restored, tally);
  }

  private replace(tables: TableSet, tally: JobTally): void {
    this.live = tables;
    this.picture = undefined;
    this.tally = tally;
    this.watchers.abandonAll();
    // A copy: a listener may leave and come back while it is called, and would be called for ever.
    for (const listener of [...this.restoreListeners]) listener();
  }

  private async inSlices<T>(steps: Generator<void, T>): Promise<T> {
    for (let step = steps.next(); ; step = steps.next()) {
      if (step.done) return step.value;
      await this.yieldNow();
    }
  }

  /** Equal on all servers that have applied the same entries, whichever way they came by them. For tests and simulations. */
  hash(): string {
    return stateHash(this.live);
  }

  get index(): number {
    return this.live.index;
  }

  get<T extends TableName>(table: T, key: string): RowOf<T> | undefined {
    return this.live.get(table, key);
  }

  scan<T extends TableName>(table: T, options?: RangeOptions): Iterable<RowOf<T>> {
    return this.live.scan(table, options);
  }

  byIndex<T extends TableName>(table: T, index: IndexOf<T>, value: string): RowOf<T>[] {
    return this.live.byIndex(table, index, value);
  }

  scanIndex<T extends TableName>(table: T, index: IndexOf<T>, options?: RangeOptions): Iterable<RowOf<T>> {
    return this.live.scanIndex(table, index, options);
  }

  count(table: TableName): number {
    return this.live.count(table);
  }

  tableIndex(...tables: TableName[]): number {
    return this.live.tableIndex(...tables);
  }

  rowIndex(table: TableName, key: string): number {
    return this.live.rowIndex(table, key);
  }

  valueIndex<T extends TableName>(table: T, index: IndexOf<T>, value: string): number {
    return this.live.valueIndex(table, index, value);
  }
}

function allAtOnce<T>(steps: Generator<void, T>): T {
  for (let step = steps.next(); ; step = steps.next()) if (step.done) return step.value;
}
