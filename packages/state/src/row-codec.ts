import { must } from "@steppe/shared";
import { type Allocation, allocJobKey, type Job, jobKey, versionKey } from "./rows.js";
import { type AnyRow, type TableData, TableSet } from "./table-data.js";
import type { TableName } from "./tables.js";
import { freeze, type FreezeMode } from "./transaction.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The row's JSON text, without what memory only refers to. */
export function rowText(live: TableSet, table: TableName, row: AnyRow): string {
  const { persisted } = live.tables[table].spec;
  return JSON.stringify(persisted ? persisted(row) : row);
}

export const encodeText = (text: string): Uint8Array => encoder.encode(text);
export const decodeText = (bytes: Uint8Array): string => decoder.decode(bytes);

/** What tables that are loaded stand for. */
export interface LoadTarget {
  readonly index: number;
  readonly tableIndexes: Readonly<Record<string, number>>;
  /** A table whose rows are left out. */
  readonly without?: TableName;
  /** Looks at each row before it is frozen, while an allocation's job still is the reference that is stored. */
  readonly amend?: (table: TableName, row: AnyRow) => void;
}

/**
 * Builds tables from rows that come in any order. Allocations find the rows of their jobs in `finish`, when all are there, and nothing is
 * frozen before.
 */
export class TableLoader {
  private readonly tables = new TableSet();

  constructor(private readonly freezeMode: FreezeMode) {}

  /** Adds a row by its JSON text. Throws SyntaxError if it is none. */
  add(table: TableName, text: string): void {
    const row = JSON.parse(text) as AnyRow;
    const data = this.tables.tables[table];
    data.replace(data.spec.key(row), undefined, row);
  }

  /** Connects, freezes and stamps, in steps of bounded work; the last step returns the tables. */
  *finish({ index, tableIndexes, without, amend }: LoadTarget): Generator<void, TableSet> {
    let steps = 0;
    if (without !== undefined) this.empty(without);
    for (const [name, data] of Object.entries(this.tables.tables) as [TableName, TableData][]) {
      for (const [, row] of data.rows.entries()) {
        amend?.(name, row);
        if (data.spec.name === "allocations") attachJob(this.tables, row as unknown as Allocation);
        freeze(row, this.freezeMode);
        if (++steps % 500 === 0) yield;
      }
      data.settle(undefined);
    }
    this.tables.index = index;
    this.tables.setTableIndexes(tableIndexes);
    return this.tables;
  }

  private empty(table: TableName): void {
    const data = this.tables.tables[table];
    for (const [key, row] of data.rows.clone().entries()) data.replace(key, row, undefined);
  }
}

/** The row of one version of a job, wherever it is now. `createIndex` undefined takes the job that has the ID now. */
export function jobOfVersion(
  read: Pick<TableSet, "get">,
  namespace: string,
  jobID: string,
  version: number,
  createIndex?: number,
): Job | undefined {
  const current = read.get("jobs", jobKey(namespace, jobID));
  if (current && (createIndex === undefined || current.CreateIndex === createIndex)) {
    const found =
      current.Version === version ? current : read.get("jobVersions", versionKey(namespace, jobID, version));
    if (found) return found;
  }
  const wanted = createIndex ?? current?.CreateIndex;
  if (wanted === undefined) return undefined;
  return read.get("allocJobs", allocJobKey({ Namespace: namespace, ID: jobID, CreateIndex: wanted, Version: version }));
}

function attachJob(tables: TableSet, row: Allocation): void {
  const { CreateIndex, Version } = row.Job;
  row.Job = must(
    jobOfVersion(tables, row.Namespace, row.JobID, Version, CreateIndex),
    `Allocation ${row.ID} refers to version ${Version} of job ${row.JobID} (created at ${CreateIndex}), which is not stored.`,
  );
}
