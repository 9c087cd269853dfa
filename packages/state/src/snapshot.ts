import { assert } from "@steppe/shared";
import { decodeText, encodeText, type LoadTarget, rowText, TableLoader } from "./row-codec.js";
import type { TableSet } from "./table-data.js";
import { type TableName, tableNames, tables } from "./tables.js";
import type { FreezeMode } from "./transaction.js";

/** Chunks of a snapshot are at most this long. */
export const SNAPSHOT_CHUNK_BYTES = 256 * 1024;

/** Raised when the format changes in a way that older servers cannot read. */
const FORMAT_VERSION = 1;

/**
 * A snapshot is a stream of lines in UTF-8, cut into chunks anywhere: a header `{"format","version","appliedIndex","tableIndexes"}`, then
 * per table `#name` and one line of JSON per row, and last `#end COUNT`, by which a stream that was cut short is known.
 */
interface Header {
  format: "steppe-state";
  version: number;
  appliedIndex: number;
  tableIndexes: Record<string, number>;
}

/** Encodes a picture of the tables. Each step does about one chunk of work (1 to 2 ms); let the event loop run between steps. */
export function* encodeSnapshot(picture: TableSet): Generator<Uint8Array> {
  let count = 0;
  let text = "";
  for (const line of lines(picture, () => count++)) {
    text += line;
    if (text.length < SNAPSHOT_CHUNK_BYTES / 2) continue;
    yield* pieces(encodeText(text));
    text = "";
  }
  yield* pieces(encodeText(`${text}#end ${count}\n`));
}

function* lines(picture: TableSet, counted: () => void): Generator<string> {
  const header: Header = {
    format: "steppe-state",
    version: FORMAT_VERSION,
    appliedIndex: picture.index,
    tableIndexes: picture.tableIndexes(),
  };
  yield `${JSON.stringify(header)}\n`;
  for (const name of tableNames) {
    yield `#${name}\n`;
    for (const [, row] of picture.tables[name].rows.entries()) {
      counted();
      yield `${rowText(picture, name, row)}\n`;
    }
  }
}

function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += SNAPSHOT_CHUNK_BYTES)
    yield bytes.subarray(start, start + SNAPSHOT_CHUNK_BYTES);
}

/** Builds tables from a snapshot's chunks. Throws `InvariantError` if the stream is not a complete snapshot of this format. */
export class SnapshotDecoder {
  private readonly loader: TableLoader;
  private rest: Uint8Array[] = [];
  private header: Header | undefined;
  private table: TableName | undefined;
  private count = 0;
  private ended = false;

  constructor(freezeMode: FreezeMode) {
    this.loader = new TableLoader(freezeMode);
  }

  /** Takes the next chunk. */
  add(chunk: Uint8Array): void {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      this.line(this.complete(chunk.subarray(start, end)));
      start = end + 1;
    }
    // The caller may use the chunk's memory again.
    if (start < chunk.length) this.rest.push(chunk.slice(start));
  }

  /** The finished tables, in steps of bounded work; at the snapshot's own index unless told. */
  *finish(changes: Partial<LoadTarget> = {}): Generator<void, TableSet> {
    assert(this.header && this.ended && this.rest.length === 0, "The snapshot is cut short.");
    const { appliedIndex: index, tableIndexes } = this.header;
    return yield* this.loader.finish({ index, tableIndexes, ...changes });
  }

  private complete(tail: Uint8Array): string {
    if (this.rest.length === 0) return decodeText(tail);
    const parts = [...this.rest, tail];
    this.rest = [];
    const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
    let offset = 0;
    for (const part of parts) {
      whole.set(part, offset);
      offset += part.length;
    }
    return decodeText(whole);
  }

  private line(text: string): void {
    assert(!this.ended, "The snapshot goes on after its end.");
    if (!this.header) {
      const header = JSON.parse(text) as Header;
      assert(header.format === "steppe-state", "This is not a snapshot of the state.");
      assert(
        header.version === FORMAT_VERSION,
        `The snapshot has format ${header.version}; this server reads ${FORMAT_VERSION}.`,
      );
      this.header = header;
    } else if (text.startsWith("#end ")) {
      assert(Number(text.slice(5)) === this.count, "The snapshot lacks rows.");
      this.ended = true;
    } else if (text.startsWith("#")) {
      assert(Object.hasOwn(tables, text.slice(1)), `The snapshot has an unknown table ${text.slice(1)}.`);
      this.table = text.slice(1) as TableName;
    } else {
      assert(this.table, "The snapshot has a row outside of any table.");
      this.loader.add(this.table, text);
      this.count++;
    }
  }
}

const NEWLINE = 10;
