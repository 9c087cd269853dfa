import type { RowOf, TableName } from "@steppe/state";

/** A row of any table. */
export type AnyRow = { readonly [T in TableName]: RowOf<T> }[TableName];

/**
 * Says where a list comes from; the pipeline does the rest: namespaces, prefix, filter, order, paging, index, blocking,
 * serialization, caches. A list handler returns one of these, having read nothing but the query.
 *
 * Everything a source does must follow from the table's row, the joined row and `variant`: entries are kept as bytes until
 * one of them changes.
 */
export interface ListSource<Row = AnyRow, Joined = AnyRow> {
  readonly table: TableName;
  /**
   * - `namespace`: primary key order of a table keyed by `Namespace\0ID`; tokens are `namespace.id`.
   * - `id`: primary key order of a table keyed by `ID`; tokens are the id.
   * - `created`: order of the index `byCreate`; tokens are `createIndex.id`. With a prefix of ids it is `id`.
   */
  readonly order: "namespace" | "id" | "created";
  /** Rows have a `Namespace`: those of the request's are listed. Default true, except for order `id`. */
  readonly namespaced?: boolean;
  /** A table with the same primary key whose row goes into the entry (a job's summary). */
  readonly join?: TableName;
  /** What a client sees of a row. */
  stub(row: Row, joined: Joined | undefined): unknown;
  /** What a filter expression sees of a row; default the row. */
  datum?(row: Row): object;
  /** Rows for which this is false are not in the list (an endpoint's own parameters, such as `job` and `status`). */
  where?(row: Row): boolean;
  /** Tells apart sources of one endpoint whose `stub`, `datum` or `where` differ: part of the key of what is kept. */
  readonly variant?: string;
}

/** Types a list source by its tables: `listSource({ table: "jobs", join: "jobSummaries", order: "namespace", stub: ... })`. */
export function listSource<T extends TableName, J extends TableName = never>(
  source: ListSource<RowOf<T>, RowOf<J>> & { readonly table: T; readonly join?: J },
): ListSource {
  return source as unknown as ListSource;
}
