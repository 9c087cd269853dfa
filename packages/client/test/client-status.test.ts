import { expect, test } from "@jest/globals";
import type { TaskState } from "@steppe/structs";

import { clientStatus } from "../src/client-status.js";

const states: Record<string, Pick<TaskState, "State" | "Failed">> = {
  pending: { State: "pending", Failed: false },
  running: { State: "running", Failed: false },
  dead: { State: "dead", Failed: false },
  failed: { State: "dead", Failed: true },
};

test.each([
  [["pending"], "pending", "No tasks have started"],
  [["running"], "running", "Tasks are running"],
  [["dead"], "complete", "All tasks have completed"],
  [["failed"], "failed", "Failed tasks"],
  [["pending", "running"], "running", "Tasks are running"],
  [["dead", "running"], "running", "Tasks are running"],
  [["dead", "pending"], "pending", "No tasks have started"],
  [["dead", "dead"], "complete", "All tasks have completed"],
  [["running", "failed"], "failed", "Failed tasks"],
  [["pending", "failed", "dead"], "failed", "Failed tasks"],
  [[], "pending", "No tasks have started"],
])("%j is %s", (tasks, status, description) => {
  expect(clientStatus(tasks.map((name) => states[name] as TaskState))).toEqual({ status, description });
});
