import type { RowOf, TableName } from "@steppe/state";

/**
 * Says where a list comes from; the pipeline does the rest: namespaces, prefix, filter, order, paging, index, blocking,
 * serialization, caches. A list handler returns one of these, having read nothing but the query.
 *
 * Everything a source does must follow from the table's row, the joined row and `variant`: entries are kept as bytes until
 * one of them changes.
 */
export interface ListSource<T extends TableName = never, J extends TableName = never> {
  readonly table: [T] extends [never] ? TableName : T;
  /**
   * - `namespace`: primary key order of a table keyed by `Namespace\0ID`; tokens are `namespace.id`.
   * - `id`: primary key order of a table keyed by `ID`; tokens are the id.
   * - `created`: order of the index `byCreate`; tokens are `createIndex.id`. With a prefix of ids it is `id`.
   */
  readonly order: "namespace" | "id" | "created";
  /** Rows have a `Namespace`: those of the request's are listed. Default true, except for order `id`. */
  readonly namespaced?: boolean;
  /** A table with the same primary key whose row goes into the entry (a job's summary). */
  readonly join?: [J] extends [never] ? TableName : J;
  /** What a client sees of a row. */
  stub(
    row: RowOf<[T] extends [never] ? TableName : T>,
    joined: RowOf<[J] extends [never] ? TableName : J> | undefined,
  ): unknown;
  /** What a filter expression sees of a row; default the row. */
  datum?(row: RowOf<[T] extends [never] ? TableName : T>): unknown;
  /** Rows for which this is false are not in the list (an endpoint's own parameters, such as `job` and `status`). */
  where?(row: RowOf<[T] extends [never] ? TableName : T>): boolean;
  /** Tells apart sources of one endpoint whose `stub`, `datum` or `where` differ: part of the key of what is kept. */
  readonly variant?: string;
}

/** Types a list source by its tables: `listSource({ table: "jobs", join: "jobSummaries", ... })`. */
export function listSource<T extends TableName, J extends TableName = never>(source: ListSource<T, J>): ListSource {
  return source as unknown as ListSource;
}
