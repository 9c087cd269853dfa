import { describe, expect, test } from "@jest/globals";
import { EntryType, InvariantError, MemoryStorage, entrySize, type Entry } from "../src/index.js";
import { RaftLog, UNKNOWN_TERM } from "../src/log.js";
import { UnstableLog } from "../src/unstable-log.js";

function entry(term: number, index: number, bytes = 1): Entry {
  return { term, index, type: EntryType.normal, data: new Uint8Array(bytes) };
}

function logOf(stored: readonly Entry[], unstable: readonly Entry[], maxApplying = Infinity): RaftLog {
  const storage = new MemoryStorage();
  storage.append(stored);
  const log = new RaftLog(storage, maxApplying, undefined);
  log.append(unstable);
  return log;
}

const indexes = (entries: readonly Entry[]): number[] => entries.map(({ index }) => index);

describe("RaftLog", () => {
  test("joins stored and unstable entries", () => {
    const log = logOf([entry(1, 1), entry(1, 2)], [entry(2, 3), entry(2, 4)]);
    expect([log.firstIndex(), log.lastIndex()]).toEqual([1, 4]);
    expect([0, 1, 2, 3, 4, 5].map((index) => log.term(index))).toEqual([0, 1, 1, 2, 2, UNKNOWN_TERM]);
    expect(indexes(log.slice(1, 5, Infinity))).toEqual([1, 2, 3, 4]);
    const size = entrySize(entry(1, 1));
    expect(indexes(log.slice(1, 5, 3 * size))).toEqual([1, 2, 3]);
    expect(indexes(log.slice(2, 5, 0))).toEqual([2]);
    expect(indexes(log.slice(3, 5, 0))).toEqual([3]);
  });

  test("judges candidates by last term, then by length", () => {
    const log = logOf([], [entry(1, 1), entry(3, 2)]);
    expect(log.isUpToDate(3, 2)).toBe(true);
    expect(log.isUpToDate(4, 1)).toBe(true);
    expect(log.isUpToDate(3, 1)).toBe(false);
    expect(log.isUpToDate(2, 9)).toBe(false);
  });

  test("appends only what it has not, and replaces from the first conflict on", () => {
    const log = logOf([], [entry(1, 1), entry(1, 2), entry(1, 3)]);
    expect(log.maybeAppend(2, 3, [], 0)).toBe(false);
    expect(log.maybeAppend(1, 1, [entry(1, 2)], 0)).toBe(true);
    expect(log.lastIndex()).toBe(3);
    expect(log.maybeAppend(1, 1, [entry(1, 2), entry(2, 3), entry(2, 4)], 9)).toBe(true);
    expect([2, 3, 4].map((index) => log.term(index))).toEqual([1, 2, 2]);
    // Never beyond what agrees with the leader's log.
    expect(log.committed).toBe(4);
  });

  test("refuses to replace what is committed", () => {
    const log = logOf([], [entry(1, 1), entry(1, 2)]);
    log.commitTo(2);
    expect(() => log.maybeAppend(1, 1, [entry(2, 2)], 0)).toThrow(InvariantError);
    expect(() => log.commitTo(3)).toThrow(InvariantError);
  });

  test("finds where logs can agree, a term at a time", () => {
    const log = logOf([], [entry(1, 1), entry(2, 2), entry(2, 3), entry(5, 4), entry(5, 5)]);
    expect(log.findConflictByTerm(5, 4)).toEqual({ term: 2, index: 3 });
    expect(log.findConflictByTerm(5, 1)).toEqual({ term: 1, index: 1 });
    expect(log.findConflictByTerm(5, 9)).toEqual({ term: 5, index: 5 });
  });

  test("hands out committed entries once, within the limit", () => {
    const log = logOf(
      [],
      [1, 2, 3, 4].map((index) => entry(1, index)),
      2 * entrySize(entry(1, 1)),
    );
    log.commitTo(4);
    expect(log.nextCommittedEntries(false)).toEqual([]);
    const first = log.nextCommittedEntries(true);
    expect(indexes(first)).toEqual([1, 2]);
    log.acceptApplying(2, 2 * entrySize(first[0]!), true);
    expect(log.hasNextCommittedEntries(true)).toBe(false);
    log.appliedTo(2, 2 * entrySize(first[0]!));
    expect(indexes(log.nextCommittedEntries(true))).toEqual([3, 4]);
  });
});

describe("UnstableLog", () => {
  test("ignores the acknowledgement of entries that were replaced", () => {
    const unstable = new UnstableLog(1);
    unstable.truncateAndAppend([entry(1, 1), entry(1, 2)]);
    unstable.accept();
    unstable.truncateAndAppend([entry(2, 2)]);
    expect(indexes(unstable.nextEntries())).toEqual([2]);
    expect(unstable.stableTo({ term: 1, index: 2 })).toBe(false);
    expect(unstable.length).toBe(2);
    expect(unstable.stableTo({ term: 1, index: 1 })).toBe(true);
    expect(unstable.offset).toBe(2);
    expect(unstable.stableTo({ term: 2, index: 2 })).toBe(true);
    expect(unstable.length).toBe(0);
  });

  test("keeps its entries while prefixes are dropped", () => {
    const unstable = new UnstableLog(1);
    for (let index = 1; index <= 1000; index++) {
      unstable.truncateAndAppend([entry(1, index)]);
      if (index % 3 === 0) unstable.stableTo({ term: 1, index: index - 2 });
    }
    expect(unstable.offset).toBe(998);
    expect(indexes(unstable.slice(998, 1001))).toEqual([998, 999, 1000]);
  });

  test("refuses a gap", () => {
    expect(() => new UnstableLog(1).truncateAndAppend([entry(1, 2)])).toThrow(InvariantError);
  });
});

describe("MemoryStorage", () => {
  test("compacts, and remembers the last compacted term", () => {
    const storage = new MemoryStorage();
    storage.append([entry(1, 1), entry(2, 2), entry(2, 3)]);
    storage.compact(2);
    expect([storage.firstIndex(), storage.lastIndex(), storage.term(2)]).toEqual([3, 3, 2]);
    expect(() => storage.term(1)).toThrow(expect.objectContaining({ code: "compacted" }));
    expect(() => storage.entries(2, 4, Infinity)).toThrow(expect.objectContaining({ code: "compacted" }));
    expect(() => storage.term(4)).toThrow(expect.objectContaining({ code: "unavailable" }));
    storage.append([entry(3, 3), entry(3, 4)]);
    expect(storage.term(3)).toBe(3);
    expect(() => storage.append([entry(3, 9)])).toThrow(expect.objectContaining({ code: "unavailable" }));
  });
});
