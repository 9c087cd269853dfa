import { must } from "@steppe/shared";
import type { ReadView } from "@steppe/state";

import { type DeflatedPart, deflatePart, deflatePartAsync, joinParts, storedPart } from "./gzip-member.js";
import type { ListShape } from "./list-shape.js";
import type { AnyRow } from "./list-source.js";

/** Rows per segment (up to twice as many): a write costs one segment's bytes and compression, a list the joining of all. */
const SEGMENT_ROWS = 128;
/** Segments that are compressed at once; more go to the thread pool. About 0.3 ms each. */
const DEFLATE_NOW_MAX = 8;

const OPEN = storedPart("[");
const COMMA = storedPart(",");
const CLOSE = storedPart("]");
const EMPTY_LIST: ListBytes = { pieces: [Buffer.from("[]")], lengthBytes: 2 };
const OPEN_BYTES = Buffer.from("[");
const COMMA_BYTES = Buffer.from(",");
const CLOSE_BYTES = Buffer.from("]");
/** Lists up to this length are one piece. */
const ONE_PIECE_MAX = 64 * 1024;

/** A list's bytes. A long list stays in pieces: to join megabytes after every write would cost more than all else. */
export interface ListBytes {
  readonly pieces: readonly Buffer[];
  readonly lengthBytes: number;
}

/** The rows from `startKey` to the next segment's, and what is made of them. */
interface Segment {
  readonly startKey: string;
  /** What was read changed since; nothing else below may be used then. */
  dirty: boolean;
  /** Rows in key order, those that are left out of the list as well. */
  rows: readonly AnyRow[];
  joined: readonly (AnyRow | undefined)[];
  /** The entry of each row within `block`: [start, end); equal where the row is left out. */
  bounds: Uint32Array;
  /** A comma, and the entries with commas between them, in the order of the list; empty where there are none. */
  block: Buffer;
  part: DeflatedPart | undefined;
}

/**
 * A whole list as bytes, kept from one request to the next. It is cut into segments of about 128 rows; a write marks the one that
 * holds its row, and only that is read, serialized (row by row: bytes of rows that are the same are copied) and compressed again.
 *
 * Invariant: a segment that is not dirty holds exactly the rows of its range of keys, as they are in the state now.
 */
export class ListCache {
  readonly shape: ListShape;
  /** Position in the log of changes up to which segments were marked. */
  position: number;
  #segments: Segment[] = [dirtySegment("")];
  #dirtyCount = 1;
  #plain: ListBytes | undefined;
  #gzip: Buffer | undefined;
  #gzipPending: Promise<Buffer> | undefined;
  #lengthBytes = 0;

  constructor(shape: ListShape, position: number) {
    this.shape = shape;
    this.position = position;
  }

  /** The length of the entries with a comma before each, of the segments that were fresh at the last refresh. */
  get lengthBytes(): number {
    return this.#lengthBytes;
  }

  /** About how much memory it takes. */
  get sizeBytes(): number {
    return this.#lengthBytes + (this.#gzip?.length ?? 0) * 2 + this.#segments.length * 4096;
  }

  /** The segment that holds this key of the list's order must be made again. */
  markDirty(orderKey: string): void {
    const segment = must(this.#segments[this.#find(orderKey)], "segments cover all keys");
    if (segment.dirty) return;
    segment.dirty = true;
    this.#dirtyCount++;
  }

  /** Nothing that is kept holds any more (state was restored, or too much has changed). */
  clear(): void {
    this.#segments = [dirtySegment("")];
    this.#dirtyCount = 1;
    this.#drop();
  }

  /**
   * Makes dirty segments again, for at most about `untilMs` of the clock; false when some are left.
   * @throws what a filter's evaluation throws; the segment stays dirty
   */
  refresh(view: ReadView, monotonicMs: () => number, untilMs: number): boolean {
    if (this.#dirtyCount === 0) return true;
    this.#drop();
    for (let at = 0; at < this.#segments.length; at++) {
      const segment = must(this.#segments[at], "position within segments");
      if (!segment.dirty) continue;
      const made = this.#remake(view, segment, this.#segments[at + 1]?.startKey, monotonicMs, untilMs);
      this.#segments.splice(at, 1, ...made);
      at += made.length - 1;
      if (monotonicMs() > untilMs) break;
    }
    this.#dirtyCount = 0;
    this.#lengthBytes = 0;
    for (const { dirty, block } of this.#segments) {
      if (dirty) this.#dirtyCount++;
      this.#lengthBytes += block.length;
    }
    return this.#dirtyCount === 0;
  }

  /** The list as JSON; all segments must be fresh. */
  plain(): ListBytes {
    return (this.#plain ??= this.#join());
  }

  /** The list as one gzip member: at once where little has to be compressed. All segments must be fresh. */
  gzip(): Buffer | Promise<Buffer> {
    return this.#gzip ?? this.#gzipPending ?? this.#compress();
  }

  /** The bytes of the segments that hold any, in the order of the list: for those who print it another way. */
  parts(): readonly Buffer[] {
    return this.#inOrder().map((segment) => segment.block.subarray(1));
  }

  #drop(): void {
    this.#plain = undefined;
    this.#gzip = undefined;
    this.#gzipPending = undefined;
  }

  #inOrder(): Segment[] {
    const filled = this.#segments.filter((segment) => segment.block.length > 0);
    return this.shape.reverse ? filled.reverse() : filled;
  }

  #join(): ListBytes {
    const blocks = this.#inOrder().map(({ block }) => block);
    const first = blocks[0];
    if (first === undefined) return EMPTY_LIST;
    // The first block's comma gives way to the bracket.
    const pieces = [OPEN_BYTES, first.subarray(1), ...blocks.slice(1), CLOSE_BYTES];
    const lengthBytes = this.#lengthBytes + 1;
    return { pieces: lengthBytes <= ONE_PIECE_MAX ? [Buffer.concat(pieces, lengthBytes)] : pieces, lengthBytes };
  }

  #compress(): Buffer | Promise<Buffer> {
    const segments = this.#inOrder();
    const missing = segments.filter(({ part }) => part === undefined);
    if (missing.length <= DEFLATE_NOW_MAX) {
      for (const segment of missing) segment.part = deflatePart(segment.block.subarray(1));
      return (this.#gzip = joinSegments(segments));
    }
    // While the thread pool works, the list may go on to another state: this answer is the one of now.
    const captured = segments.map((segment) => ({ segment, bytes: segment.block.subarray(1) }));
    const pending = Promise.all(
      captured.map(async ({ segment, bytes }) => {
        const part = segment.part ?? (await deflatePartAsync(bytes));
        if (segment.part === undefined && !segment.dirty) segment.part = part;
        return part;
      }),
    ).then((parts) => {
      const member = joinParts(withCommas(parts));
      if (this.#gzipPending === pending) this.#gzip = member;
      return member;
    });
    return (this.#gzipPending = pending);
  }

  /** The last segment whose first key is not above this one. */
  #find(orderKey: string): number {
    let low = 0;
    let high = this.#segments.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (must(this.#segments[middle], "middle within segments").startKey <= orderKey) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Reads the range of a segment again, and cuts it where it has grown; what time does not allow stays dirty. */
  #remake(
    view: ReadView,
    old: Segment,
    endKey: string | undefined,
    monotonicMs: () => number,
    untilMs: number,
  ): Segment[] {
    const made: Segment[] = [];
    // Twice a segment before it is cut: what has grown by one row is not cut again at the next.
    let rows: AnyRow[] = [];
    let startKey = old.startKey;
    for (const row of this.shape.scan(view, old.startKey)) {
      if (endKey !== undefined && this.shape.orderKey(row) >= endKey) break;
      rows.push(row);
      if (rows.length < 2 * SEGMENT_ROWS) continue;
      made.push(this.#build(view, old, startKey, rows.slice(0, SEGMENT_ROWS)));
      rows = rows.slice(SEGMENT_ROWS);
      startKey = this.shape.orderKey(must(rows[0], "half of the rows is left"));
      if (monotonicMs() > untilMs) {
        made.push(dirtySegment(startKey));
        return made;
      }
    }
    if (rows.length > 0 || startKey === "") made.push(this.#build(view, old, startKey, rows));
    return made;
  }

  #build(view: ReadView, old: Segment, startKey: string, rows: readonly AnyRow[]): Segment {
    const { shape } = this;
    const known = new Map(old.rows.map((row, position) => [row, position]));
    const joined: (AnyRow | undefined)[] = [];
    const bounds = new Uint32Array(rows.length * 2);
    const pieces: Buffer[] = [];
    let length = 0;
    for (let step = 0; step < rows.length; step++) {
      const at = shape.reverse ? rows.length - 1 - step : step;
      const row = must(rows[at], "position within rows");
      const before = known.get(row);
      const entry = this.#entry(view, row, old, before, joined, at);
      bounds[2 * at] = bounds[2 * at + 1] = length;
      if (entry === undefined) continue;
      pieces.push(COMMA_BYTES, entry);
      bounds[2 * at] = length + 1;
      length += 1 + entry.length;
      bounds[2 * at + 1] = length;
    }
    return { startKey, dirty: false, rows, joined, bounds, block: Buffer.concat(pieces, length), part: undefined };
  }

  /** The bytes of a row's entry: copied where row and joined row are those that they were made of. */
  #entry(
    view: ReadView,
    row: AnyRow,
    old: Segment,
    before: number | undefined,
    joined: (AnyRow | undefined)[],
    at: number,
  ): Buffer | undefined {
    const { shape } = this;
    if (before !== undefined) {
      const start = old.bounds[2 * before] ?? 0;
      const end = old.bounds[2 * before + 1] ?? 0;
      if (start === end) return undefined;
      joined[at] = shape.joinedRow(view, row);
      if (joined[at] === old.joined[before]) return old.block.subarray(start, end);
    } else {
      if (!shape.includes(row)) return undefined;
      joined[at] = shape.joinedRow(view, row);
    }
    return Buffer.from(JSON.stringify(shape.source.stub(row, joined[at])));
  }
}

function dirtySegment(startKey: string): Segment {
  return {
    startKey,
    dirty: true,
    rows: [],
    joined: [],
    bounds: new Uint32Array(0),
    block: Buffer.alloc(0),
    part: undefined,
  };
}

function joinSegments(segments: readonly Segment[]): Buffer {
  return joinParts(withCommas(segments.map(({ part }) => must(part, "compressed above"))));
}

function withCommas(parts: readonly DeflatedPart[]): DeflatedPart[] {
  const all = [OPEN];
  for (const [position, part] of parts.entries()) {
    if (position > 0) all.push(COMMA);
    all.push(part);
  }
  all.push(CLOSE);
  return all;
}
