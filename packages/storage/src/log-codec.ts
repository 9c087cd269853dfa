import { crc32 } from "node:zlib";

import type { Entry } from "raft-ts";

// The encoding of a run of consecutive entries, on disk and (by the server's transport) on the wire. Numbers are big-endian.
//
// run:   entry*                                       indexes are implied: the first is known, the rest follow
// entry: type u8, term u48, length u32, data
// chunk: crc32 u32 of all that follows, term u48 of the entry before the first, count u32, run

const ENTRY_HEADER_BYTES = 1 + 6 + 4;
const CHUNK_HEADER_BYTES = 4 + 6 + 4;
const MAX_TERM = 2 ** 48 - 1;

/** The bytes that `writeEntries` will need for `entries[from..to)`. */
export function encodedEntriesBytes(entries: readonly Entry[], from = 0, to = entries.length): number {
  let bytes = 0;
  for (let i = from; i < to; i++) bytes += ENTRY_HEADER_BYTES + entries[i]!.data.byteLength;
  return bytes;
}

/** Writes `entries[from..to)` at `offset` of the target and returns the offset behind them. */
export function writeEntries(
  target: Buffer,
  offset: number,
  entries: readonly Entry[],
  from = 0,
  to = entries.length,
): number {
  let at = offset;
  for (let i = from; i < to; i++) {
    const { type, term, data } = entries[i]!;
    if (term > MAX_TERM) throw new RangeError(`term ${term} does not fit into 48 bits`);
    target[at] = type;
    target.writeUIntBE(term, at + 1, 6);
    target.writeUInt32BE(data.byteLength, at + 7);
    target.set(data, at + ENTRY_HEADER_BYTES);
    at += ENTRY_HEADER_BYTES + data.byteLength;
  }
  return at;
}

/**
 * Reads `count` entries that begin at `offset`; the first has index `firstIndex`. Their data are views into `source`, not
 * copies. Throws RangeError if the bytes do not hold that many.
 */
export function readEntries(source: Buffer, offset: number, firstIndex: number, count: number): Entry[] {
  const entries: Entry[] = [];
  let at = offset;
  for (let i = 0; i < count; i++) {
    const type = source.readUInt8(at);
    const term = source.readUIntBE(at + 1, 6);
    const start = at + ENTRY_HEADER_BYTES;
    at = start + source.readUInt32BE(at + 7);
    if (type > 2) throw new RangeError(`unknown entry type ${type}`);
    if (at > source.byteLength) throw new RangeError("an entry is cut short");
    entries.push({ type: type as Entry["type"], term, index: firstIndex + i, data: source.subarray(start, at) });
  }
  if (at !== source.byteLength) throw new RangeError("bytes are left over behind the last entry");
  return entries;
}

/** A stored run of entries together with what it takes to trust it. */
export interface Chunk {
  /** The term of the entry before the first: by Log Matching, equality proves that the chunk continues its predecessor. */
  readonly previousTerm: number;
  readonly entries: Entry[];
}

/** Encodes `entries[from..to)` as one stored value. */
export function encodeChunk(entries: readonly Entry[], from: number, to: number, previousTerm: number): Buffer {
  const value = Buffer.allocUnsafe(CHUNK_HEADER_BYTES + encodedEntriesBytes(entries, from, to));
  value.writeUIntBE(previousTerm, 4, 6);
  value.writeUInt32BE(to - from, 10);
  writeEntries(value, CHUNK_HEADER_BYTES, entries, from, to);
  // LevelDB checks sums when it replays its log, but not when it reads its tables: hence one of our own.
  value.writeUInt32BE(crc32(value.subarray(4)), 0);
  return value;
}

/** Decodes a stored value whose first entry has index `firstIndex`. Throws RangeError if it is not what was written. */
export function decodeChunk(value: Uint8Array, firstIndex: number): Chunk {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (bytes.byteLength < CHUNK_HEADER_BYTES) throw new RangeError("the value is too short");
  if (crc32(bytes.subarray(4)) !== bytes.readUInt32BE(0)) throw new RangeError("the checksum does not match");
  const count = bytes.readUInt32BE(10);
  if (count === 0) throw new RangeError("the value holds no entry");
  return { previousTerm: bytes.readUIntBE(4, 6), entries: readEntries(bytes, CHUNK_HEADER_BYTES, firstIndex, count) };
}

/** Entries sort by index as their keys sort by bytes. */
export function entryKey(index: number): Buffer {
  const key = Buffer.allocUnsafe(8);
  key.writeUInt32BE(Math.floor(index / 2 ** 32), 0);
  key.writeUInt32BE(index % 2 ** 32, 4);
  return key;
}

export function keyIndex(key: Uint8Array): number {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  return view.getUint32(0) * 2 ** 32 + view.getUint32(4);
}
