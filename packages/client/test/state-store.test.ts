import { appendFile, readFile } from "node:fs/promises";
import * as path from "node:path";

import { afterEach, expect, test } from "@jest/globals";

import { StateStore } from "../src/state-store.js";
import { NEW_TASK_STATE } from "../src/task-runner.js";
import { allocation, mockTask, quietLogger, removeTemporaryDirectories, temporaryDirectory } from "./fixtures.js";

afterEach(removeTemporaryDirectories);

test("what was put is read back; jobs are written once and shared", async () => {
  const directory = await temporaryDirectory();
  const store = await StateStore.open(directory, quietLogger);
  const first = allocation([mockTask({ run_for: "1h" })]);
  const second = { ...first, ID: "second" };
  const gone = { ...first, ID: "gone" };
  for (const row of [first, second, gone]) store.putAllocation(row);
  const progress = {
    tasks: { t: { state: NEW_TASK_STATE, handle: { pid: 7 }, ended: false } },
    deploymentStatus: { Healthy: true, Timestamp: "now", Canary: false, ModifyIndex: 0 },
  };
  store.putProgress(first.ID, progress);
  await Promise.all([store.flush(), store.flush()]);
  store.remove("gone");
  await store.flush();
  const file = path.join(directory, "allocations.jsonl");
  expect((await readFile(file, "utf8")).match(/"kind":"job"/g)).toHaveLength(1);
  // The agent dies within a write.
  await appendFile(file, '{"kind":"remove","id":"sec');
  const again = await StateStore.open(directory, quietLogger);
  const entries = again.entries();
  expect(entries).toEqual([
    { allocation: first, ...progress },
    { allocation: second, tasks: {}, deploymentStatus: null },
  ]);
  expect(entries[0]?.allocation.Job).toBe(entries[1]?.allocation.Job);
  again.putAllocation({ ...second, DesiredStatus: "stop" });
  await again.close();
  const third = await StateStore.open(directory, quietLogger);
  expect(third.entries()[1]?.allocation.DesiredStatus).toBe("stop");
  await third.close();
  await store.close();
});
