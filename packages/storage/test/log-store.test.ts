import { readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, test } from "@jest/globals";
import { ClassicLevel } from "classic-level";
import { type Entry, EntryType } from "raft-ts";

import { entryKey } from "../src/log-codec.js";
import { type LogStore, openLogStore } from "../src/log-store.js";
import { withDirectory } from "./temporary-directory.js";

const LIMIT = Number.MAX_SAFE_INTEGER;

function entry(index: number, term: number, text = `entry ${index}.${term}`): Entry {
  return { index, term, type: EntryType.normal, data: Buffer.from(text) };
}

function range(from: number, to: number, term: number, text?: string): Entry[] {
  return Array.from({ length: to - from + 1 }, (_, i) => entry(from + i, term, text));
}

function texts(store: LogStore, lo: number, hi: number, maxBytes = LIMIT): string[] {
  return store
    .entries(lo, hi, maxBytes)
    .map(({ index, term, data }) => `${index}:${term}:${Buffer.from(data).toString()}`);
}

async function reopened(store: LogStore, options = {}): Promise<LogStore> {
  await store.close();
  return openLogStore(store.path, options);
}

/** Edits LevelDB directly, as damage does. */
async function damage(path: string, edit: (db: ClassicLevel<Uint8Array, Uint8Array>) => Promise<void>): Promise<void> {
  const db = new ClassicLevel<Uint8Array, Uint8Array>(path, { keyEncoding: "buffer", valueEncoding: "buffer" });
  await db.open();
  await edit(db);
  await db.close();
}

describe("LogStore", () => {
  test("is empty at first", () =>
    withDirectory(async (path) => {
      const store = await openLogStore(path);
      expect([store.firstIndex(), store.lastIndex(), store.term(0)]).toEqual([1, 0, 0]);
      expect(store.initialState().hardState).toEqual({ term: 0, vote: 0, commit: 0 });
      expect(() => store.entries(1, 2, LIMIT)).toThrow("unavailable");
      await store.close();
    }));

  test("keeps what it acknowledged", () =>
    withDirectory(async (path) => {
      let store = await openLogStore(path);
      const hardState = { term: 2, vote: 3, commit: 4 };
      const configuration = {
        index: 1,
        confState: { voters: [1, 2], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false },
        context: { peers: ["a"] },
      };
      await store.append({ hardState, entries: range(1, 5, 1), configuration });
      await store.append({ entries: [{ index: 6, term: 2, type: EntryType.confChange, data: Buffer.alloc(0) }] });
      const before = texts(store, 1, 7);
      store = await reopened(store);
      expect(texts(store, 1, 7)).toEqual(before);
      expect(store.entries(6, 7, LIMIT)[0]!.type).toBe(EntryType.confChange);
      expect(store.initialState()).toEqual({ hardState, confState: configuration.confState });
      expect(store.configuration).toEqual(configuration);
      await store.close();
    }));

  test("replaces a conflicting suffix, in memory and after reopening", () =>
    withDirectory(async (path) => {
      let store = await openLogStore(path);
      await store.append({ entries: range(1, 10, 1) });
      await store.append({ entries: range(11, 20, 1) });
      await store.append({ entries: range(6, 8, 2) });
      const expected = [...range(1, 5, 1), ...range(6, 8, 2)].map(
        (e) => `${e.index}:${e.term}:entry ${e.index}.${e.term}`,
      );
      for (let round = 0; round < 2; round++) {
        expect(store.lastIndex()).toBe(8);
        expect(texts(store, 1, 9)).toEqual(expected);
        expect(() => store.term(9)).toThrow("unavailable");
        store = await reopened(store, { memoryBytes: 1 });
      }
      // The tail holds one entry now: the rest comes from disk, past the overwritten end of the first chunk.
      await store.append({ entries: range(9, 12, 3) });
      expect(texts(store, 1, 9)).toEqual(expected);
      expect(store.term(9)).toBe(3);
      await store.close();
    }));

  test("reads old entries from disk within the size limit", () =>
    withDirectory(async (path) => {
      const store = await openLogStore(path, { memoryBytes: 2000 });
      const text = "x".repeat(100);
      for (let first = 1; first <= 100; first += 10) await store.append({ entries: range(first, first + 9, 1, text) });
      expect(store.entries(1, 101, LIMIT).map((e) => e.index)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
      expect(store.entries(5, 101, 116 * 3)).toHaveLength(3);
      expect(store.entries(5, 101, 1)).toHaveLength(1);
      await store.close();
    }));

  test("stores entries above the size of a chunk", () =>
    withDirectory(async (path) => {
      let store = await openLogStore(path);
      const big = "y".repeat(200_000);
      await store.append({ entries: range(1, 7, 1, big) });
      store = await reopened(store, { memoryBytes: 1 });
      expect(texts(store, 1, 8)).toEqual(range(1, 7, 1, big).map((e) => `${e.index}:1:${big}`));
      await store.close();
    }));

  test("compacts, and remembers the term of the last entry cut off", () =>
    withDirectory(async (path) => {
      let store = await openLogStore(path);
      for (let first = 1; first <= 40; first += 10) await store.append({ entries: range(first, first + 9, first) });
      const bytes = store.bytesSinceCompaction;
      await store.compact(25);
      expect(store.bytesSinceCompaction).toBeLessThan(bytes / 2);
      for (let round = 0; round < 2; round++) {
        expect([store.firstIndex(), store.lastIndex(), store.term(25)]).toEqual([26, 40, 21]);
        expect(() => store.term(24)).toThrow("compaction");
        expect(() => store.entries(25, 30, LIMIT)).toThrow("compaction");
        expect(store.entries(26, 41, LIMIT)).toHaveLength(15);
        expect(store.snapshot().metadata).toMatchObject({ index: 25, term: 21 });
        store = await reopened(store);
      }
      await store.compact(40);
      await store.compact(30);
      expect([store.firstIndex(), store.lastIndex()]).toEqual([41, 40]);
      await store.append({ entries: range(41, 42, 50) });
      store = await reopened(store);
      expect(texts(store, 41, 43)).toEqual(["41:50:entry 41.50", "42:50:entry 42.50"]);
      await store.close();
    }));

  test("a compaction that was cut short is finished on opening", () =>
    withDirectory(async (path) => {
      const store = await openLogStore(path);
      for (let first = 1; first <= 40; first += 10) await store.append({ entries: range(first, first + 9, 1) });
      await store.close();
      await damage(path, async (db) => {
        await db.put(Buffer.from("m:compactionPoint"), Buffer.from(JSON.stringify({ index: 35, term: 1 })));
        await db.del(entryKey(11));
      });
      const again = await openLogStore(path);
      expect(texts(again, 36, 38)).toEqual(["36:1:entry 36.1", "37:1:entry 37.1"]);
      await again.close();
    }));

  test("a snapshot replaces the whole log", () =>
    withDirectory(async (path) => {
      let store = await openLogStore(path);
      await store.append({ entries: range(1, 30, 1) });
      const confState = { voters: [7], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
      await store.append({
        hardState: { term: 5, vote: 0, commit: 20 },
        snapshot: { index: 20, term: 4, confState },
        configuration: { index: 20, confState, context: null },
        entries: range(21, 22, 5),
      });
      for (let round = 0; round < 2; round++) {
        expect([store.firstIndex(), store.lastIndex(), store.term(20), store.term(22)]).toEqual([21, 22, 4, 5]);
        expect(store.initialState().confState).toEqual(confState);
        store = await reopened(store);
      }
      await store.close();
    }));

  test("remembers a restore that is under way", () =>
    withDirectory(async (path) => {
      let store = await openLogStore(path);
      const confState = { voters: [7], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
      const pendingRestore = {
        metadata: { index: 9, term: 2, confState },
        configuration: { index: 8, confState, context: null },
      };
      await store.append({ pendingRestore });
      store = await reopened(store);
      expect(store.pendingRestore).toEqual(pendingRestore);
      await store.append({ pendingRestore: null });
      store = await reopened(store);
      expect(store.pendingRestore).toBeUndefined();
      await store.close();
    }));

  test("a torn end loses only what was never acknowledged", () =>
    withDirectory(async (path) => {
      const store = await openLogStore(path);
      await store.append({ hardState: { term: 1, vote: 1, commit: 5 }, entries: range(1, 5, 1) });
      await store.append({ entries: range(6, 9, 1) });
      await store.close();
      const log = join(
        path,
        (await readdir(path)).find((name) => name.endsWith(".log"))!,
      );
      await truncate(log, (await readFile(log)).byteLength - 7);
      const again = await openLogStore(path);
      expect(again.lastIndex()).toBe(5);
      await again.append({ entries: range(6, 6, 2) });
      await again.close();
    }));

  test("refuses to start when committed entries are gone", () =>
    withDirectory(async (path) => {
      const store = await openLogStore(path);
      await store.append({ entries: range(1, 5, 1) });
      await store.append({ hardState: { term: 1, vote: 1, commit: 9 }, entries: range(6, 9, 1) });
      await store.close();
      await damage(path, (db) => db.del(entryKey(6)));
      await expect(openLogStore(path)).rejects.toMatchObject({
        code: "logTruncated",
        message: expect.stringContaining("entry 9 was committed"),
      });
    }));

  test("refuses a hole, a changed byte and a chunk that does not continue its predecessor", () =>
    withDirectory(async (path) => {
      const store = await openLogStore(path);
      await store.append({ entries: range(1, 20, 1) });
      await store.append({ entries: range(11, 15, 2) });
      await store.append({ entries: range(16, 20, 2) });
      await store.close();
      let middle: Uint8Array | undefined;
      await damage(path, async (db) => {
        middle = await db.get(entryKey(11));
        await db.del(entryKey(11));
      });
      // The first chunk still reaches to 20: only the term of entry 15 betrays that its replacement is gone.
      await expect(openLogStore(path)).rejects.toMatchObject({ code: "logHole" });
      const flipped = Buffer.from(middle!);
      flipped[flipped.length - 3]! ^= 1;
      await damage(path, (db) => db.put(entryKey(11), flipped));
      await expect(openLogStore(path)).rejects.toMatchObject({
        code: "logCorrupt",
        message: expect.stringContaining("start at 11"),
      });
      await damage(path, async (db) => {
        await db.put(entryKey(11), middle!);
        await db.del(entryKey(1));
      });
      await expect(openLogStore(path)).rejects.toMatchObject({
        code: "logHole",
        message: expect.stringContaining("entries 1 to 10"),
      });
    }));

  test("a second opener gets one clear line", () =>
    withDirectory(async (path) => {
      const store = await openLogStore(path);
      await expect(openLogStore(path)).rejects.toMatchObject({ code: "databaseInUse" });
      await store.close();
    }));

  test("after a failed write nothing more is written", () =>
    withDirectory(async (path) => {
      const store = await openLogStore(path);
      await store.append({ entries: range(1, 3, 1) });
      // An impossible append stands in for a disk error: the store cannot tell them apart and must not go on.
      await expect(store.append({ entries: range(9, 9, 1) })).rejects.toMatchObject({ code: "logWriteFailed" });
      await expect(store.append({ entries: range(4, 4, 1) })).rejects.toMatchObject({ code: "logWriteFailed" });
      expect(store.lastIndex()).toBe(3);
      await store.close();
    }));

  test("a file that is not LevelDB's is refused with the path", () =>
    withDirectory(async (path) => {
      const store = await openLogStore(path);
      await store.append({ entries: range(1, 3, 1) });
      await store.close();
      await writeFile(join(path, "CURRENT"), "garbage\n");
      await expect(openLogStore(path)).rejects.toMatchObject({
        code: "databaseUnusable",
        message: expect.stringContaining(path),
      });
    }));
});
