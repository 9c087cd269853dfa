import { describe, expect, test } from "@jest/globals";
import { ClassicLevel } from "classic-level";

import { openRowStore, type RowStore, type RowWrite } from "../src/row-store.js";
import { withDirectory } from "./temporary-directory.js";

const row = (table: string, key: string, value: string | null): RowWrite => ({
  table,
  key,
  value,
});

async function contents(store: RowStore): Promise<string[]> {
  const found: string[] = [];
  for await (const batch of store.load().rows) {
    for (const { table, key, value } of batch) found.push(`${table}/${key}=${value}`);
  }
  return found;
}

async function reopened(store: RowStore): Promise<RowStore> {
  await store.close();
  return openRowStore(store.path);
}

describe("RowStore", () => {
  test("starts empty, keeps rows, and deletes them", () =>
    withDirectory(async (path) => {
      let store = await openRowStore(path);
      expect(store.load()).toMatchObject({ appliedIndex: 0, tableIndexes: {} });
      await store.write([row("jobs", "default\0web", "1"), row("nodes", "n1", "2"), row("jobs", "ä", "3")], 7, {
        jobs: 7,
      });
      await store.write([row("nodes", "n1", null)], 8, { jobs: 7, nodes: 8 });
      store = await reopened(store);
      expect(store.load()).toMatchObject({ appliedIndex: 8, tableIndexes: { jobs: 7, nodes: 8 } });
      expect(await contents(store)).toEqual(["jobs/default\0web=1", "jobs/ä=3"]);
      await store.close();
    }));

  test("loads more rows than one batch", () =>
    withDirectory(async (path) => {
      const store = await openRowStore(path);
      const rows = Array.from({ length: 3500 }, (_, i) => row("allocations", String(i).padStart(6, "0"), `v${i}`));
      await store.write(rows, 1, {});
      await store.sync();
      expect(await contents(store)).toEqual(rows.map((r) => `allocations/${r.key}=${r.value}`));
      await store.close();
    }));

  test("a restore replaces everything", () =>
    withDirectory(async (path) => {
      let store = await openRowStore(path);
      await store.write([row("jobs", "old", "1")], 5, { jobs: 5 });
      const fresh = Array.from({ length: 1200 }, (_, i) => row("jobs", String(i).padStart(4, "0"), "x"));
      await store.replaceAll(fresh, 90, { jobs: 88 });
      expect(store.appliedIndex).toBe(90);
      await store.write([row("jobs", "0000", null)], 91, { jobs: 91 });
      store = await reopened(store);
      expect(store.appliedIndex).toBe(91);
      expect(await contents(store)).toHaveLength(1199);
      await store.close();
    }));

  test("a restore that fails half-way leaves the old rows, and nothing of its own", () =>
    withDirectory(async (path) => {
      let store = await openRowStore(path);
      await store.write([row("jobs", "old", "1")], 5, { jobs: 5 });
      const broken = async function* () {
        for (let i = 0; i < 700; i++) yield row("jobs", `new ${i}`, "x");
        throw new Error("the stream ended early");
      };
      await expect(store.replaceAll(broken(), 90, {})).rejects.toThrow("the stream ended early");
      expect(await contents(store)).toEqual(["jobs/old=1"]);
      store = await reopened(store);
      expect(store.appliedIndex).toBe(5);
      expect(await contents(store)).toEqual(["jobs/old=1"]);
      await store.close();
      const database = new ClassicLevel(path);
      expect(await database.keys().all()).toHaveLength(2);
      await database.close();
    }));

  test("a damaged meta record is refused", () =>
    withDirectory(async (path) => {
      const store = await openRowStore(path);
      await store.write([], 5, {});
      await store.close();
      const database = new ClassicLevel(path);
      await database.put("!meta", "{");
      await database.close();
      await expect(openRowStore(path)).rejects.toMatchObject({ code: "rowsCorrupt" });
    }));
});
