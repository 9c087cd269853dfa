import { expect, test } from "@jest/globals";
import { jobKey, MemoryRowStore, type RowWrite } from "../src/index.js";
import { allocation, evaluation, job, plan, TestStore, uuid } from "./fixtures.js";

/** A row store that remembers batches, can hold a write until it is let go, and can fail. */
class ProbedRowStore extends MemoryRowStore {
  readonly batches: RowWrite[][] = [];
  failing = false;
  gate: Promise<void> = Promise.resolve();

  override async write(...[batch, index, indexes]: Parameters<MemoryRowStore["write"]>): Promise<void> {
    await this.gate;
    if (this.failing) throw new Error("disk full");
    this.batches.push([...batch]);
    await super.write(batch, index, indexes);
  }
}

async function reloaded(rowStore: MemoryRowStore): Promise<TestStore> {
  const store = new TestStore({ rowStore });
  await store.load();
  return store;
}

test("a row that changes often is written once, with the applied index", async () => {
  const rowStore = new ProbedRowStore();
  const store = new TestStore({ rowStore });
  await store.flush();
  store.run("jobRegister", { job: job(), evaluation: evaluation() });
  store.run("planApply", plan({ allocsPlaced: [allocation()], evaluations: [evaluation({ Status: "complete" })] }));
  expect(store.durableIndex).toBe(0);
  await store.flush();
  expect(store.durableIndex).toBe(2);
  expect(rowStore.batches[1]?.map((row) => row.table).sort()).toEqual([
    "allocations",
    "evaluations",
    "jobSummaries",
    "jobs",
  ]);
  await store.flush();
  expect(rowStore.batches).toHaveLength(2);
  const copy = await reloaded(rowStore);
  expect(copy.hash()).toBe(store.hash());
  expect(copy.durableIndex).toBe(2);
  expect(copy.get("allocations", uuid(1, "a"))?.Job.ID).toBe("web");
});

test("an empty row store leaves the built-in rows", async () => {
  const store = await reloaded(new MemoryRowStore());
  expect(store.hash()).toBe(new TestStore().hash());
});

test("job status goes on as it was after a restart", async () => {
  const rowStore = new MemoryRowStore();
  const store = new TestStore({ rowStore });
  store.run("jobRegister", { job: job(), evaluation: null });
  store.run("planApply", plan({ allocsPlaced: [allocation(), allocation({ ID: uuid(2, "a") })] }));
  await store.flush();
  const copy = await reloaded(rowStore);
  for (const each of [store, copy]) {
    each.run("planApply", plan({ allocsUpdated: [{ ID: uuid(1, "a"), DesiredStatus: "stop" }] }));
    expect(each.get("jobs", jobKey("default", "web"))?.Status).toBe("running");
    each.run("planApply", plan({ allocsUpdated: [{ ID: uuid(2, "a"), DesiredStatus: "stop" }] }));
    expect(each.get("jobs", jobKey("default", "web"))?.Status).toBe("dead");
  }
  expect(copy.hash()).toBe(store.hash());
});

test("one flush at a time; those that ask meanwhile share the next, and see what was applied before they asked", async () => {
  const rowStore = new ProbedRowStore();
  const store = new TestStore({ rowStore });
  let open = (): void => {};
  rowStore.gate = new Promise((resolve) => (open = resolve));
  store.run("jobRegister", { job: job(), evaluation: null });
  const first = store.flush();
  store.run("jobStability", { namespace: "default", jobID: "web", version: 0, stable: true });
  const second = store.flush();
  const third = store.flush();
  open();
  await first;
  expect(store.durableIndex).toBe(1);
  await Promise.all([second, third]);
  expect(store.durableIndex).toBe(2);
  expect(rowStore.batches).toHaveLength(2);
});

test("what a failed flush did not write is due with the next", async () => {
  const rowStore = new ProbedRowStore();
  const store = new TestStore({ rowStore });
  store.run("jobRegister", { job: job(), evaluation: null });
  rowStore.failing = true;
  await expect(store.flush()).rejects.toThrow("disk full");
  expect(store.durableIndex).toBe(0);
  rowStore.failing = false;
  store.run("jobRegister", { job: job({ ID: "api" }), evaluation: null });
  await store.flush();
  expect((await reloaded(rowStore)).hash()).toBe(store.hash());
});

test("restore replaces what is on disk", async () => {
  const rowStore = new MemoryRowStore();
  const store = new TestStore({ rowStore });
  store.run("jobRegister", { job: job(), evaluation: null }, 90);
  await store.flush();
  const source = new TestStore();
  source.run("jobRegister", { job: job({ ID: "api" }), evaluation: null }, 100);
  let restored = 0;
  // As the leader's loops do: a listener that leaves and comes back is called once, not for ever.
  let again = 0;
  const comeBack = (): void => {
    if (++again > 10) throw new Error("called again and again");
    leave();
    leave = store.onRestore(comeBack);
  };
  let leave = store.onRestore(comeBack);
  store.onRestore(() => restored++);
  await store.restore(source.snapshotChunks());
  expect([store.appliedIndex, store.durableIndex, restored, again]).toEqual([100, 100, 1, 1]);
  expect((await reloaded(rowStore)).hash()).toBe(source.hash());
});
