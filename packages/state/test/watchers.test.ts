import { beforeEach, describe, expect, test } from "@jest/globals";
import { indexWatch, jobKey, rowWatch, tableWatch, tracked } from "../src/index.js";
import { allocation, evaluation, job, plan, TestStore, uuid } from "./fixtures.js";

let store: TestStore;
beforeEach(() => {
  store = new TestStore();
  store.run("jobRegister", { job: job(), evaluation: null });
  store.run("jobRegister", { job: job({ ID: "api" }), evaluation: null });
});

/** How often watchers of these keys were woken. */
function counter(...keys: string[]): { woken: number; abandoned: number; stop: () => void } {
  const count = { woken: 0, abandoned: 0, stop: () => {} };
  count.stop = store.watch(keys, (abandoned) => (abandoned ? count.abandoned++ : count.woken++));
  return count;
}

describe("watch", () => {
  test("fires once, at the end of the first entry that touches a key", () => {
    const web = counter(rowWatch("jobs", jobKey("default", "web")), tableWatch("nodes"));
    store.run("jobStability", { namespace: "default", jobID: "api", version: 0, stable: true });
    expect(web.woken).toBe(0);
    store.run("jobStability", { namespace: "default", jobID: "web", version: 0, stable: true });
    store.run("jobStability", { namespace: "default", jobID: "web", version: 0, stable: false });
    expect(web.woken).toBe(1);
    expect(store.watcherCount).toBe(0);
  });

  test("by index value: the value a row leaves and the one it comes to", () => {
    store.run("planApply", plan({ allocsPlaced: [allocation({ EvalID: "old" })] }));
    const old = counter(indexWatch("allocations", "byEval", "old"));
    const fresh = counter(indexWatch("allocations", "byEval", "new"));
    const other = counter(
      indexWatch("allocations", "byEval", "other"),
      indexWatch("allocations", "byJob", jobKey("default", "api")),
    );
    store.run("planApply", plan({ allocsPlaced: [allocation({ EvalID: "new" })] }));
    expect([old.woken, fresh.woken, other.woken]).toEqual([1, 1, 0]);
  });

  test("a refused command wakes nobody", () => {
    const all = counter(tableWatch("jobs"), tableWatch("evaluations"));
    expect(() => store.run("jobRegister", { job: job(), evaluation: evaluation(), enforceIndex: 0 })).toThrow();
    expect(all.woken).toBe(0);
  });

  test("one that is woken may watch again, and may stop others that are about to be woken", () => {
    const woken: string[] = [];
    const stops: (() => void)[] = [];
    const again = (): void => {
      woken.push("first");
      stops[0]?.();
      if (woken.length < 3) store.watch([tableWatch("jobs")], again);
    };
    store.watch([tableWatch("jobs")], again);
    stops.push(store.watch([tableWatch("jobs")], () => woken.push("second")));
    store.run("jobStability", { namespace: "default", jobID: "web", version: 0, stable: true });
    expect(woken).toEqual(["first"]);
    store.run("jobStability", { namespace: "default", jobID: "web", version: 0, stable: false });
    expect(woken).toEqual(["first", "first"]);
    expect(store.watcherCount).toBe(1);
  });

  test("restore abandons everybody", async () => {
    const row = counter(rowWatch("jobs", "x"));
    const value = counter(indexWatch("allocations", "byJob", "x"), tableWatch("jobs"));
    await store.restore(new TestStore().snapshotChunks());
    expect([row.abandoned, value.abandoned, row.woken]).toEqual([1, 1, 0]);
    expect(store.watcherCount).toBe(0);
  });
});

describe("tracked", () => {
  test("records tables, rows and values, and no rows of a whole table", () => {
    const view = tracked(store);
    view.get("jobs", "a");
    view.rowIndex("nodes", "b");
    view.byIndex("allocations", "byJob", "c");
    view.valueIndex("evaluations", "byJob", "d");
    void view.index;
    expect([...view.watchKeys]).toEqual([
      rowWatch("jobs", "a"),
      rowWatch("nodes", "b"),
      indexWatch("allocations", "byJob", "c"),
      indexWatch("evaluations", "byJob", "d"),
    ]);
    const list = tracked(store);
    expect([...list.scan("jobs")].map((row) => row.ID)).toEqual(["api", "web"]);
    for (const row of store.scan("jobs")) list.get("jobs", jobKey(row.Namespace, row.ID));
    list.tableIndex("jobs", "jobSummaries");
    expect([...list.watchKeys]).toEqual(["jobs", "jobSummaries"]);
  });
});

describe("indexes", () => {
  test("of a list, an object, a missing object and an index value", () => {
    store.run("planApply", plan({ allocsPlaced: [allocation(), allocation({ ID: uuid(2, "a"), JobID: "api" })] }));
    const web = jobKey("default", "web");
    expect(store.tableIndex("allocations")).toBe(3);
    expect(store.tableIndex("nodes")).toBe(1);
    expect(store.rowIndex("jobs", web)).toBe(3);
    store.run("jobStability", { namespace: "default", jobID: "api", version: 0, stable: true });
    expect(store.rowIndex("jobs", web)).toBe(3);
    expect(store.rowIndex("jobs", "none")).toBe(4);
    expect(store.valueIndex("allocations", "byJob", web)).toBe(3);
    store.run("planApply", plan({ allocsUpdated: [{ ID: uuid(2, "a"), DesiredStatus: "stop" }] }));
    expect(store.valueIndex("allocations", "byJob", web)).toBe(3);
    expect(store.valueIndex("allocations", "byJob", "none")).toBe(1);
    store.run("evalDelete", { evalIDs: [], allocIDs: [uuid(1, "a")] });
    expect(store.valueIndex("allocations", "byJob", web)).toBe(6);
  });

  test("byCreate pages from a token, up and down", () => {
    for (let i = 2; i <= 9; i++) store.run("evalUpsert", { evaluations: [evaluation({ ID: uuid(i, "e") })] });
    const ids = (options: object): string[] =>
      [...store.scanIndex("evaluations", "byCreate", options)].map((row) => row.ID);
    const token = `${"6".padStart(20, "0")}.${uuid(5, "e")}`;
    expect(ids({})).toEqual([2, 3, 4, 5, 6, 7, 8, 9].map((i) => uuid(i, "e")));
    expect(ids({ from: token })[0]).toBe(uuid(5, "e"));
    expect(ids({ from: token, reverse: true })).toEqual([5, 4, 3, 2].map((i) => uuid(i, "e")));
  });
});
