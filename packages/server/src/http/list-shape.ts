import type { Filter } from "@steppe/api";
import { type ReadView, type TableName, tables } from "@steppe/state";

import type { AnyRow, ListSource } from "./list-source.js";

/** The parts of a list request that say which rows it has, and in which order. */
export interface ListQuery {
  /** `*` is all of them. */
  readonly namespace: string;
  readonly prefix: string;
  readonly filter: Filter | undefined;
  readonly reverse: boolean;
  /** Rows that the caller may see in a list of all namespaces; undefined is all. */
  readonly visible: ((namespace: string) => boolean) | undefined;
}

/** A list source with a query: how its rows are found, ordered and told apart. */
export class ListShape {
  readonly source: ListSource;
  readonly reverse: boolean;
  /** Its rows are walked in the order of `byCreate`, not of the primary key. */
  readonly byCreate: boolean;
  readonly #query: ListQuery;
  readonly #scanPrefix: string;
  readonly #checks: readonly ((row: AnyRow) => boolean)[];

  constructor(source: ListSource, query: ListQuery) {
    this.source = source;
    this.reverse = query.reverse;
    this.#query = query;
    this.byCreate = source.order === "created" && query.prefix === "";
    const everywhere = query.namespace === "*";
    this.#scanPrefix = this.byCreate
      ? ""
      : source.order !== "namespace"
        ? query.prefix
        : everywhere
          ? ""
          : `${query.namespace}\0${query.prefix}`;
    this.#checks = this.#makeChecks(everywhere);
  }

  /** The key that the list is ordered by. */
  orderKey(row: AnyRow): string {
    return this.byCreate ? createOrderKey(this.source.table, row) : keyOf(this.source.table, row);
  }

  /** Rows from this order key on (inclusive; "" is the beginning) in key order, or from it down. */
  scan(view: ReadView, from: string, reverse = false): Iterable<AnyRow> {
    const options = { prefix: this.#scanPrefix, from: from === "" ? undefined : from, reverse };
    const { table } = this.source;
    return this.byCreate ? view.scanIndex(table, "byCreate" as never, options) : view.scan(table, options);
  }

  /** Whether a scanned row is in the list. @throws what evaluating the filter throws */
  includes(row: AnyRow): boolean {
    for (const check of this.#checks) if (!check(row)) return false;
    return true;
  }

  joinedRow(view: ReadView, row: AnyRow): AnyRow | undefined {
    const { join, table } = this.source;
    return join === undefined ? undefined : view.get(join, keyOf(table, row));
  }

  /** The tables whose last change is the list's index. */
  get tables(): TableName[] {
    const { table, join } = this.source;
    return join === undefined ? [table] : [table, join];
  }

  /** What the next page starts with. */
  tokenOf(row: AnyRow): string {
    if (this.byCreate) {
      const { CreateIndex, ID } = row as unknown as { CreateIndex: number; ID: string };
      return `${CreateIndex}.${ID}`;
    }
    return keyOf(this.source.table, row).replace("\0", ".");
  }

  /** The order key that a token stands for. A token need not name a row that exists. */
  keyOfToken(token: string): string {
    const dot = token.indexOf(".");
    if (this.byCreate)
      return dot > 0 && dot <= INDEX_DIGITS ? token.padStart(token.length + INDEX_DIGITS - dot, "0") : token;
    // Names of namespaces have no dots, ids of jobs may.
    return this.source.order === "namespace" ? token.replace(".", "\0") : token;
  }

  // The order is the one in which clients meet errors: an expression is evaluated on what prefix and namespace leave over,
  // and before rows that the caller may not see are taken out.
  #makeChecks(everywhere: boolean): ((row: AnyRow) => boolean)[] {
    const { source } = this;
    const { namespace, prefix, filter, visible } = this.#query;
    const checks: ((row: AnyRow) => boolean)[] = [];
    const namespaced = source.namespaced ?? source.order !== "id";
    if (namespaced && !everywhere && source.order !== "namespace")
      checks.push((row) => (row as { Namespace?: string }).Namespace === namespace);
    if (everywhere && source.order === "namespace" && prefix !== "")
      checks.push((row) => (row as { ID?: string }).ID?.startsWith(prefix) ?? false);
    if (source.where !== undefined) checks.push((row) => source.where?.(row) ?? true);
    if (filter !== undefined)
      checks.push(
        source.datum === undefined ? (row) => filter.matches(row) : (row) => filter.matches(source.datum?.(row) ?? row),
      );
    if (namespaced && everywhere && visible !== undefined)
      checks.push((row) => visible((row as { Namespace?: string }).Namespace ?? ""));
    return checks;
  }
}

/** As many digits as the state gives a CreateIndex in `byCreate`. */
const INDEX_DIGITS = 20;

function keyOf(table: TableName, row: AnyRow): string {
  return (tables[table].key as (row: AnyRow) => string)(row);
}

function createOrderKey(table: TableName, row: AnyRow): string {
  const { byCreate } = tables[table].indexes as unknown as { byCreate: { value(row: AnyRow): string } };
  return byCreate.value(row);
}
