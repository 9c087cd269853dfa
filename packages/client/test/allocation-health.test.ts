import { describe, expect, test } from "@jest/globals";
import type { Task, TaskState } from "@steppe/structs";

import { AllocationHealth, healthRules, type HealthVerdict } from "../src/allocation-health.js";
import { allocation, ManualClock, mockTask } from "./fixtures.js";

const running = (startedAt = "t1"): TaskState =>
  ({ State: "running", Failed: false, StartedAt: startedAt }) as TaskState;
const pending = { State: "pending", Failed: false, StartedAt: null } as TaskState;
const dead = (failed: boolean): TaskState => ({ State: "dead", Failed: failed, StartedAt: "t1" }) as TaskState;

function watch(tasks: Task[] = [mockTask({})]) {
  const clock = new ManualClock();
  const verdicts: HealthVerdict[] = [];
  const rules = { minHealthyMs: 1_000, deadlineMs: 10_000 };
  const health = new AllocationHealth({ rules, tasks, clock, onVerdict: (verdict) => verdicts.push(verdict) });
  const observe = (...states: TaskState[]): void =>
    health.observe(new Map(states.map((state, i) => [tasks[i]?.Name ?? "", state])));
  return { clock, verdicts, observe };
}

describe("health", () => {
  test("is given once the tasks have run for long enough, counted from the last restart", () => {
    const { clock, verdicts, observe } = watch();
    observe(pending);
    observe(running());
    clock.advance(900);
    observe(pending);
    observe(running("t2"));
    clock.advance(900);
    observe(running("t2"));
    expect(verdicts).toEqual([]);
    clock.advance(100);
    expect(verdicts).toEqual([{ healthy: true, reason: "" }]);
    observe(dead(true));
    clock.advance(60_000);
    expect(verdicts).toHaveLength(1);
  });

  test("is lost by a failure, a dead task, or the deadline", () => {
    const failing = watch();
    failing.observe(dead(true));
    expect(failing.verdicts).toEqual([{ healthy: false, reason: "Unhealthy because of failed task" }]);
    const ending = watch();
    ending.observe(dead(false));
    expect(ending.verdicts).toEqual([{ healthy: false, reason: "Unhealthy because of dead task" }]);
    const slow = watch();
    slow.observe(pending);
    slow.clock.advance(10_000);
    expect(slow.verdicts).toEqual([
      { healthy: false, reason: "Task not running for min_healthy_time of 1s by healthy_deadline of 10s" },
    ]);
  });

  test("prestart tasks have to end, their sidecars to run", () => {
    const tasks = [
      mockTask({}, { Name: "main" }),
      mockTask({}, { Name: "init", Lifecycle: { Hook: "prestart", Sidecar: false } }),
      mockTask({}, { Name: "proxy", Lifecycle: { Hook: "prestart", Sidecar: true } }),
      mockTask({}, { Name: "bye", Lifecycle: { Hook: "poststop", Sidecar: false } }),
    ];
    const { clock, verdicts, observe } = watch(tasks);
    observe(running(), dead(false), pending, pending);
    clock.advance(2_000);
    expect(verdicts).toEqual([]);
    observe(running(), dead(false), running(), pending);
    clock.advance(1_000);
    expect(verdicts).toEqual([{ healthy: true, reason: "" }]);
  });
});

test("whose health is judged", () => {
  const rules = (overrides: Parameters<typeof allocation>[1]): unknown => {
    const row = allocation([mockTask({})], overrides);
    const [group] = row.Job.TaskGroups;
    return group && healthRules(row, group);
  };
  const manual = { Update: { HealthCheck: "manual", MinHealthyTime: 1, HealthyDeadline: 1 } as never };
  expect(rules({ type: "batch" })).toBeUndefined();
  expect(rules({ type: "system" })).toBeUndefined();
  expect(rules({ type: "service" })).toEqual({ minHealthyMs: 20, deadlineMs: 30_000 });
  expect(rules({ type: "system", DeploymentID: "d" })).toEqual({ minHealthyMs: 20, deadlineMs: 30_000 });
  expect(rules({ type: "service", DeploymentID: "d", group: manual })).toBeUndefined();
  expect(rules({ type: "service", DeploymentID: "d", group: { Update: null } })).toBeUndefined();
});
