import { beforeEach, describe, expect, test } from "@jest/globals";
import { allocation, deployment, evaluation, job, plan, TestStore, uuid } from "../fixtures.js";

let store: TestStore;
beforeEach(() => {
  store = new TestStore();
  store.run("jobRegister", { job: job(), evaluation: null });
  store.run(
    "planApply",
    plan({ allocsPlaced: [allocation({ DeploymentID: uuid(1, "b") })], deployment: deployment() }),
  );
});

const alloc = () => store.get("allocations", uuid(1, "a"));
const task = (State: string) => ({ State, Failed: false, Restarts: 0, Events: [] }) as never;

describe("allocClientUpdate", () => {
  test("merges task states and moves ModifyIndex only", () => {
    const update = { ID: uuid(1, "a"), ClientStatus: "running", ClientDescription: "Tasks are running" };
    store.run("allocClientUpdate", {
      allocs: [{ ...update, TaskStates: { a: task("running") } }],
      evaluations: [],
      nowNs: 7,
    });
    store.run("allocClientUpdate", {
      allocs: [
        { ...update, TaskStates: { b: task("dead") } },
        { ...update, ID: uuid(9, "a"), TaskStates: null },
      ],
      evaluations: [evaluation()],
      nowNs: 8,
    });
    expect(alloc()).toMatchObject({
      ClientStatus: "running",
      ModifyIndex: 4,
      AllocModifyIndex: 2,
      ModifyTime: 8,
      DesiredStatus: "run",
    });
    expect(Object.keys(alloc()?.TaskStates ?? {})).toEqual(["a", "b"]);
    expect(store.get("evaluations", uuid(1, "e"))?.CreateIndex).toBe(4);
    expect(store.count("allocations")).toBe(1);
  });

  test("health moves the deployment's counters, back and forth", () => {
    const health = (Healthy: boolean): void => {
      store.run("allocClientUpdate", {
        allocs: [
          {
            ID: uuid(1, "a"),
            ClientStatus: "running",
            ClientDescription: "",
            TaskStates: null,
            DeploymentStatus: { Healthy, Timestamp: "2026-11-22T05:44:47Z", Canary: true, ModifyIndex: 0 },
          },
        ],
        evaluations: [],
        nowNs: 1_795_326_290_000_000_000,
      });
    };
    const group = () => store.get("deployments", uuid(1, "b"))?.TaskGroups["g"];
    health(true);
    expect(group()).toMatchObject({
      PlacedAllocs: 1,
      HealthyAllocs: 1,
      UnhealthyAllocs: 0,
      RequireProgressBy: "2026-11-22T05:46:50Z",
    });
    expect(alloc()?.DeploymentStatus).toMatchObject({ Healthy: true, Canary: false, ModifyIndex: 3 });
    health(true);
    health(false);
    expect(group()).toMatchObject({ PlacedAllocs: 1, HealthyAllocs: 0, UnhealthyAllocs: 1 });
    expect(store.get("deployments", uuid(1, "b"))?.ModifyIndex).toBe(5);
  });
});

describe("allocDesiredTransition", () => {
  test("adds to what was asked before", () => {
    store.run("allocDesiredTransition", { allocs: { [uuid(1, "a")]: { Migrate: true } }, evaluations: [] });
    store.run("allocDesiredTransition", {
      allocs: { [uuid(1, "a")]: { Reschedule: true, Migrate: null }, none: {} },
      evaluations: [evaluation()],
    });
    expect(alloc()?.DesiredTransition).toEqual({
      Migrate: true,
      Reschedule: true,
      ForceReschedule: null,
      NoShutdownDelay: null,
      MigrateDisablePlacement: null,
    });
    expect(alloc()).toMatchObject({ ModifyIndex: 4, AllocModifyIndex: 2 });
  });
});
