import { expect, test } from "@jest/globals";
import { checkSnapshot, encodeCommand, MemoryRowStore, stateErrors } from "../../src/index.js";
import { allocation, evaluation, job, plan, TestStore, uuid } from "../fixtures.js";

const now = () => Promise.resolve();

function filled(options: ConstructorParameters<typeof TestStore>[0] = {}): TestStore {
  const store = new TestStore(options);
  store.run("jobRegister", { job: job(), evaluation: evaluation() });
  store.run("planApply", plan({ allocsPlaced: [allocation({ ID: uuid(1, "a") }), allocation({ ID: uuid(2, "a") })] }));
  store.run("jobRegister", { job: job({ ID: "other" }), evaluation: null });
  return store;
}

async function saved(store: TestStore): Promise<string> {
  let text = "";
  for await (const chunk of store.snapshotChunks()) text += Buffer.from(chunk).toString();
  return text;
}

/** In parts of some lines each. */
function parts(text: string): string[] {
  const lines = text.split(/(?<=\n)/);
  return [lines.slice(0, 5).join(""), lines.slice(5).join("")];
}

function stage(store: TestStore, text: string, restoreID = "r"): number {
  const all = parts(text);
  all.forEach((lines, number) => store.run("restoreStage", { restoreID, number, lines }));
  return all.length;
}

/** What was written since, by a history that is the same wherever it is told. */
function change(store: TestStore): void {
  store.run("jobRegister", { job: job({ Priority: 70 }), evaluation: null });
  store.run("jobDeregister", {
    namespace: "default",
    jobID: "other",
    purge: true,
    evaluation: null,
    submitTimeNs: 1,
  });
  store.run("jobRegister", { job: job({ ID: "new" }), evaluation: null });
}

test("the state is the snapshot's, at the entry's index; what differs counts as written by it", async () => {
  const store = filled();
  const text = await saved(store);
  change(store);
  const count = stage(store, text);
  const woken: boolean[] = [];
  let restores = 0;
  store.watch(["jobs"], (abandoned) => woken.push(abandoned));
  // As who starts anew on a restore does: takes its listener back and gives another.
  const listen = (): void => {
    const stop = store.onRestore(() => {
      restores++;
      stop();
      listen();
    });
  };
  listen();
  const { index } = store.run("restoreSnapshot", { restoreID: "r", parts: count });
  expect(store.appliedIndex).toBe(index);
  expect([...store.scan("jobs")].map((row) => [row.ID, row.Priority, row.CreateIndex, row.ModifyIndex])).toEqual([
    ["other", 50, 3, index],
    ["web", 50, 1, index],
  ]);
  // Untouched since the snapshot was taken.
  expect(store.get("allocations", uuid(1, "a"))).toMatchObject({ ModifyIndex: 2, Job: { ID: "web", Version: 0 } });
  expect(store.get("allocations", uuid(1, "a"))?.Job).toBe(store.get("jobs", "default\0web"));
  expect(store.count("restoreParts")).toBe(0);
  expect(store.tableIndex("nodes")).toBe(index);
  expect([woken, restores]).toEqual([[true], 1]);
  // It goes on from there.
  store.run("jobRegister", { job: job({ ID: "next" }), evaluation: null });
  expect(store.get("jobs", "default\0next")?.CreateIndex).toBe(index + 1);
});

test("every server ends with the same state, prepared or not, and after a restart in between", async () => {
  const rowStore = new MemoryRowStore();
  const [one, two, restarted] = [filled(), filled(), filled({ rowStore })];
  const text = await saved(one);
  for (const store of [one, two, restarted]) change(store);
  const count = stage(one, text);
  stage(two, text);
  stage(restarted, text);
  await restarted.flush();
  const third = new TestStore({ rowStore });
  await third.load();
  const entry = {
    index: one.appliedIndex + 1,
    term: 1,
    data: encodeCommand("restoreSnapshot", { restoreID: "r", parts: count }),
  };
  await one.prepare(entry);
  for (const store of [one, two, third]) store.apply([entry]);
  expect(two.hash()).toBe(one.hash());
  expect(third.hash()).toBe(one.hash());
  await third.flush();
  expect(third.durableIndex).toBe(entry.index);
  const fourth = new TestStore({ rowStore });
  await fourth.load();
  expect(fourth.hash()).toBe(one.hash());
  expect(fourth.appliedIndex).toBe(entry.index);
});

test("a restore whose parts are not all there is refused, and changes nothing", async () => {
  const store = filled();
  const text = await saved(store);
  const count = stage(store, text, "first");
  // A later one makes the first one void.
  stage(store, text, "second");
  const rows = JSON.stringify([...store.scan("jobs")]);
  expect(() => store.run("restoreSnapshot", { restoreID: "first", parts: count })).toThrow(
    stateErrors.restoreIncomplete().message,
  );
  expect(JSON.stringify([...store.scan("jobs")])).toBe(rows);
  store.run("restoreAbandon", { restoreID: "second" });
  expect(store.count("restoreParts")).toBe(0);
});

test("only what can be restored passes the check", async () => {
  const store = filled();
  const text = await saved(store);
  const chunk = (content: string) => [Buffer.from(content)];
  await expect(checkSnapshot(chunk(text), now)).resolves.toEqual({ index: 3 });
  const lines = text.split("\n");
  for (const wrong of [
    "",
    "hello",
    text.slice(0, -20),
    lines.filter((line) => !line.includes('"ID":"web"')).join("\n"),
    text.replace("steppe-state", "other"),
    text.replace('{"', '{"x'),
  ])
    await expect(checkSnapshot(chunk(wrong), now)).rejects.toMatchObject({ code: "snapshotInvalid", status: 400 });
});

test("metaSet checks an index if asked", () => {
  const store = new TestStore();
  expect(store.run("metaSet", { key: "k", value: 1, checkIndex: 3 })).toMatchObject({ updated: false });
  expect(store.run("metaSet", { key: "k", value: 1, checkIndex: 0 })).toMatchObject({ updated: true });
  expect(store.run("metaSet", { key: "k", value: 2, checkIndex: 2 })).toMatchObject({ updated: true, value: 2 });
});
