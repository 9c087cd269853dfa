import { freshRowHash, rowHash } from "./content-hash.js";
import { errors } from "./errors.js";
import { JobTally } from "./job-tally.js";
import { encodeText } from "./row-codec.js";
import { SnapshotDecoder } from "./snapshot.js";
import type { AnyRow, TableSet } from "./table-data.js";
import { type TableName, tableNames } from "./tables.js";
import type { FreezeMode } from "./transaction.js";

/** The whole state, as it is to be. */
export interface Replacement {
  readonly tables: TableSet;
  readonly tally: JobTally;
}

/**
 * Builds the tables that a restore at entry `index` puts in the place of `live`, in steps of bounded work. A row that is new, or differs
 * from the one that is there, counts as written by that entry, and all tables as changed by it: no index that a client knows goes back.
 * CreateIndex stays what it was in the snapshot: rows refer to each other by it. Throws `InvariantError` if the parts are no snapshot.
 */
export function* replacementTables(
  live: TableSet,
  parts: Iterable<string>,
  index: number,
  freezeMode: FreezeMode,
): Generator<void, Replacement> {
  const decoder = new SnapshotDecoder(freezeMode);
  for (const lines of parts) {
    decoder.add(encodeText(lines));
    yield;
  }
  const tables = yield* decoder.finish({
    index,
    tableIndexes: allAt(live, index),
    // Parts of a restore that was under way when the snapshot was taken.
    without: "restoreParts",
    amend: (table, row) => stamp(live, table, row, index),
  });
  return { tables, tally: yield* JobTally.of(tables) };
}

function stamp(live: TableSet, table: TableName, row: AnyRow, index: number): void {
  const { spec } = live.tables[table];
  if (!spec.stamped) return;
  const present = live.tables[table].rows.get(spec.key(row));
  if (present) {
    const [before, after] = [rowHash(live, table, present), freshRowHash(live, table, row)];
    if (before.low === after.low && before.high === after.high) return;
  }
  row.ModifyIndex = index;
  // By this one node agents tell whether the servers have changed an allocation.
  if ("AllocModifyIndex" in row) row.AllocModifyIndex = index;
}

function allAt(live: TableSet, index: number): Record<string, number> {
  const numbers: Record<string, number> = {};
  for (const name of tableNames) {
    numbers[name] = index;
    for (const secondary of Object.keys(live.tables[name].indexes)) numbers[`${name}/${secondary}`] = index;
  }
  return numbers;
}

/**
 * Reads a snapshot to its end, and keeps nothing of it. Resolves with the entry that it is of. Rejects with `snapshotInvalid` (400) if
 * it could not be restored.
 */
export async function checkSnapshot(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  yieldNow: () => Promise<void>,
): Promise<{ index: number }> {
  const decoder = new SnapshotDecoder("none");
  for await (const chunk of chunks) {
    attempt(() => decoder.add(chunk));
    await yieldNow();
  }
  const steps = decoder.finish();
  for (;;) {
    const step = attempt(() => steps.next());
    if (step.done) return { index: step.value.index };
    await yieldNow();
  }
}

/** What is wrong with a file that somebody sent is that one's fault, and no broken invariant of this server. */
function attempt<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw errors.snapshotInvalid({ reason: error instanceof Error ? error.message : String(error) }, error);
  }
}
