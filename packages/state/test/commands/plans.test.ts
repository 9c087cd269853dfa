import { beforeEach, describe, expect, test } from "@jest/globals";
import { decodeCommand, encodeCommand, jobKey, versionKey } from "../../src/index.js";
import { allocation, deployment, evaluation, job, plan, TestStore, uuid } from "../fixtures.js";

let store: TestStore;
beforeEach(() => {
  store = new TestStore();
  store.run("jobRegister", { job: job(), evaluation: evaluation() });
});

const alloc = (id = 1) => store.get("allocations", uuid(id, "a"));

describe("planApply", () => {
  test("places, counts in the deployment and ends the evaluation, all at one index", () => {
    const entry = plan({
      allocsPlaced: [
        allocation({ DeploymentID: uuid(1, "b") }),
        allocation({ ID: uuid(2, "a"), DeploymentID: uuid(1, "b") }),
      ],
      deployment: deployment(),
      evaluations: [
        evaluation({ Status: "complete", DeploymentID: uuid(1, "b") }),
        evaluation({ ID: uuid(2, "e"), Status: "blocked" }),
      ],
    });
    expect(store.run("planApply", entry)).toEqual({ index: 2, skippedAllocIDs: [] });
    expect(alloc()).toMatchObject({ CreateIndex: 2, ModifyIndex: 2, AllocModifyIndex: 2 });
    expect(alloc()?.Job.ID).toBe("web");
    expect(store.get("deployments", uuid(1, "b"))?.TaskGroups["g"]).toMatchObject({
      PlacedAllocs: 2,
      HealthyAllocs: 0,
      RequireProgressBy: "2026-11-22T05:46:45Z",
    });
    expect(store.get("evaluations", uuid(1, "e"))).toMatchObject({
      Status: "complete",
      CreateIndex: 1,
      ModifyIndex: 2,
    });
    expect(store.get("evaluations", uuid(2, "e"))).toMatchObject({ Status: "blocked", CreateIndex: 2 });
  });

  test("the log carries which version of a job, not the job", () => {
    const whole = { ...allocation(), Job: { ...job(), Version: 3, CreateIndex: 12 } };
    const { payload } = decodeCommand(encodeCommand("planApply", plan({ allocsPlaced: [whole] })));
    expect((payload as ReturnType<typeof plan>).plans[0]?.allocsPlaced[0]?.Job).toEqual({
      Version: 3,
      CreateIndex: 12,
    });
  });

  test("allocations share their job's row, of the version they name", () => {
    store.run("jobRegister", { job: job({ Priority: 60 }), evaluation: null });
    const old = { ...allocation(), Job: { Version: 0, CreateIndex: 1 } };
    store.run("planApply", plan({ allocsPlaced: [old, allocation({ ID: uuid(2, "a") })] }));
    expect(alloc(1)?.Job).toBe(store.get("jobVersions", versionKey("default", "web", 0)));
    expect(alloc(2)?.Job.Priority).toBe(60);
    expect(alloc(2)?.Job.TaskGroups).toBe(store.get("jobs", jobKey("default", "web"))?.TaskGroups);
  });

  test("what has no job to refer to is skipped and said so", () => {
    const gone = { ...allocation({ ID: uuid(7, "a") }), Job: { Version: 9, CreateIndex: 1 } };
    expect(
      store.run("planApply", plan({ allocsPlaced: [gone, allocation({ JobID: "none" })] })).skippedAllocIDs,
    ).toEqual([uuid(7, "a"), uuid(1, "a")]);
    expect(store.count("allocations")).toBe(0);
  });

  test("stops and evictions change what they name and move AllocModifyIndex", () => {
    store.run("planApply", plan({ allocsPlaced: [allocation()] }));
    const stop = { ID: uuid(1, "a"), DesiredStatus: "stop", DesiredDescription: "alloc not needed" };
    store.run("planApply", plan({ allocsUpdated: [stop, { ID: uuid(99, "a"), DesiredStatus: "stop" }] }));
    expect(alloc()).toMatchObject({
      DesiredStatus: "stop",
      Name: "web.g[0]",
      CreateIndex: 2,
      ModifyIndex: 3,
      AllocModifyIndex: 3,
    });
  });

  test("an in-place update keeps what the client reported, and counts anew in the new deployment", () => {
    store.run(
      "planApply",
      plan({ allocsPlaced: [allocation({ DeploymentID: uuid(1, "b") })], deployment: deployment() }),
    );
    store.run("allocClientUpdate", {
      allocs: [
        {
          ID: uuid(1, "a"),
          ClientStatus: "running",
          ClientDescription: "Tasks are running",
          TaskStates: null,
          DeploymentStatus: { Healthy: true, Timestamp: "2026-11-22T05:44:47Z", Canary: false, ModifyIndex: 0 },
        },
      ],
      evaluations: [],
      nowNs: 1,
    });
    expect(store.get("deployments", uuid(1, "b"))?.TaskGroups["g"]?.HealthyAllocs).toBe(1);
    const next = deployment({ ID: uuid(2, "b") });
    store.run(
      "planApply",
      plan({ allocsPlaced: [allocation({ EvalID: uuid(2, "e"), DeploymentID: next.ID })], deployment: next }),
    );
    expect(alloc()).toMatchObject({
      ClientStatus: "running",
      EvalID: uuid(2, "e"),
      CreateIndex: 2,
      AllocModifyIndex: 4,
    });
    expect(alloc()?.DeploymentStatus).toBeUndefined();
    expect(store.get("deployments", next.ID)?.TaskGroups["g"]).toMatchObject({ PlacedAllocs: 1, HealthyAllocs: 0 });
    expect(store.byIndex("allocations", "byDeployment", uuid(1, "b"))).toEqual([]);
    expect(store.byIndex("allocations", "byEval", uuid(2, "e"))).toHaveLength(1);
  });

  test("a replacement is linked from the allocation it replaces", () => {
    store.run("planApply", plan({ allocsPlaced: [allocation()] }));
    store.run(
      "planApply",
      plan({ allocsPlaced: [allocation({ ID: uuid(2, "a"), PreviousAllocation: uuid(1, "a") })] }),
    );
    expect(alloc(1)).toMatchObject({ NextAllocation: uuid(2, "a"), ModifyIndex: 3, AllocModifyIndex: 2 });
  });

  test("canaries are noted, and promoted", () => {
    const status = { Healthy: null, Timestamp: "0001-01-01T00:00:00Z", Canary: true, ModifyIndex: 0 };
    const [group] = Object.values(deployment().TaskGroups);
    const canaried = deployment({ TaskGroups: { g: { ...group, DesiredCanaries: 1 } as never } });
    store.run(
      "planApply",
      plan({
        deployment: canaried,
        allocsPlaced: [allocation({ DeploymentID: canaried.ID, DeploymentStatus: status })],
      }),
    );
    expect(store.get("deployments", canaried.ID)?.TaskGroups["g"]?.PlacedCanaries).toEqual([uuid(1, "a")]);
    store.run("deploymentPromote", {
      deploymentID: canaried.ID,
      groups: null,
      evaluation: evaluation({ ID: uuid(3, "e") }),
      nowNs: 5000,
    });
    expect(store.get("deployments", canaried.ID)?.TaskGroups["g"]?.Promoted).toBe(true);
    expect(alloc()?.DeploymentStatus?.Canary).toBe(false);
  });
});
