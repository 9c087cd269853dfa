import type { AnyRow, TableSet } from "./table-data.js";
import { tableNames } from "./tables.js";

/**
 * A 64-bit hash (two 32-bit lanes) over JSON values that depends on content only: not on the order of an object's keys, and not on keys
 * whose value is undefined. For comparing servers, not against forgery.
 */
class ContentHash {
  private low = 0x811c9dc5;
  private high = 0x9747b28c;

  text(value: string): void {
    let { low, high } = this;
    for (let i = 0; i < value.length; i++) {
      const unit = value.charCodeAt(i);
      low = Math.imul(low ^ unit, 0x01000193);
      high = Math.imul(high ^ unit, 0x5bd1e995) ^ (high >>> 15);
    }
    // A length after each text keeps "ab","c" from being "a","bc".
    this.low = Math.imul(low ^ value.length, 0x01000193);
    this.high = Math.imul(high ^ value.length, 0x5bd1e995) ^ (high >>> 13);
  }

  value(value: unknown): void {
    if (Array.isArray(value)) {
      this.text("[");
      for (const item of value) this.value(item);
      this.text("]");
    } else if (typeof value === "object" && value !== null) {
      this.text("{");
      const fields = value as Record<string, unknown>;
      for (const key of Object.keys(fields).sort()) {
        if (fields[key] === undefined) continue;
        this.text(key);
        this.value(fields[key]);
      }
      this.text("}");
    } else if (typeof value === "string") {
      this.text(`"${value}`);
    } else {
      // As JSON has it: no difference between 0 and -0.
      this.text(JSON.stringify(value) ?? "null");
    }
  }

  lanes(): RowHash {
    return { low: this.low >>> 0, high: this.high >>> 0 };
  }
}

export interface RowHash {
  readonly low: number;
  readonly high: number;
}

/** Rows never change, so each is hashed once in its life: a second look at the same state costs only what changed in between. */
const rowHashes = new WeakMap<AnyRow, RowHash>();

/** The hash of a row whose content is final; `tables` only says what is stored of it. */
export function rowHash(tables: TableSet, table: (typeof tableNames)[number], row: AnyRow): RowHash {
  let hash = rowHashes.get(row);
  if (!hash) rowHashes.set(row, (hash = freshRowHash(tables, table, row)));
  return hash;
}

/** The same for a row that may still change: nothing is remembered. */
export function freshRowHash(tables: TableSet, table: (typeof tableNames)[number], row: AnyRow): RowHash {
  const { persisted } = tables.tables[table].spec;
  const content = new ContentHash();
  content.value(persisted ? persisted(row) : row);
  return content.lanes();
}

/** 16 hexadecimal digits over all rows in key order and the tables' indexes. */
export function stateHash(tables: TableSet): string {
  const whole = new ContentHash();
  whole.value(tables.tableIndexes());
  for (const name of tableNames) {
    whole.text(name);
    for (const [key, row] of tables.tables[name].rows.entries()) {
      const { low, high } = rowHash(tables, name, row);
      whole.text(key);
      whole.text(`${low},${high}`);
    }
  }
  const { low, high } = whole.lanes();
  return high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
}
