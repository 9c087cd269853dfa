import { beforeEach, describe, expect, test } from "@jest/globals";
import { jobKey, versionKey } from "../../src/index.js";
import { allocation, deployment, evaluation, job, plan, TestStore, uuid } from "../fixtures.js";

const WEB = jobKey("default", "web");
const ID = uuid(1, "b");
let store: TestStore;
beforeEach(() => {
  store = new TestStore();
  store.run("jobRegister", { job: job(), evaluation: null });
  store.run("planApply", plan({ allocsPlaced: [allocation({ DeploymentID: ID })], deployment: deployment() }));
});

describe("deploymentStatusUpdate", () => {
  test("success makes the version stable, at the same index, without JobModifyIndex", () => {
    store.run("deploymentStatusUpdate", {
      update: { DeploymentID: ID, Status: "successful", StatusDescription: "done" },
      nowNs: 99,
    });
    expect(store.get("deployments", ID)).toMatchObject({
      Status: "successful",
      StatusDescription: "done",
      ModifyTime: 99,
      ModifyIndex: 3,
    });
    expect(store.get("jobs", WEB)).toMatchObject({ Stable: true, ModifyIndex: 3, JobModifyIndex: 1 });
  });

  test("a deployment that has ended stays as it is", () => {
    const update = { DeploymentID: ID, Status: "failed", StatusDescription: "" };
    store.run("deploymentStatusUpdate", { update });
    expect(() => store.run("deploymentStatusUpdate", { update })).toThrow(
      `deployment "${ID}" has terminal status "failed"`,
    );
    expect(() => store.run("deploymentStatusUpdate", { update: { ...update, DeploymentID: "none" } })).toThrow(
      "deployment not found",
    );
  });

  test("failing may go back to an earlier version, as a new one", () => {
    store.run("jobRegister", { job: job({ Priority: 60 }), evaluation: null });
    const update = { DeploymentID: ID, Status: "failed", StatusDescription: "" };
    store.run("deploymentStatusUpdate", {
      update,
      job: job({ Version: 0, JobModifyIndex: 1 }),
      evaluation: evaluation(),
    });
    expect(store.get("jobs", WEB)).toMatchObject({ Version: 2, Priority: 50, JobModifyIndex: 4 });
    expect(store.get("evaluations", uuid(1, "e"))?.JobModifyIndex).toBe(4);
  });
});

test("deploymentAllocHealth sets health by hand, for its own allocations only", () => {
  const payload = {
    deploymentID: ID,
    healthyAllocIDs: ["none"],
    unhealthyAllocIDs: [uuid(1, "a")],
    nowNs: 1_795_326_290_000_000_000,
  };
  store.run("deploymentAllocHealth", payload);
  expect(store.get("allocations", uuid(1, "a"))?.DeploymentStatus).toEqual({
    Healthy: false,
    Canary: false,
    Timestamp: "2026-11-22T05:44:50Z",
    ModifyIndex: 3,
  });
  expect(store.get("deployments", ID)?.TaskGroups["g"]).toMatchObject({ PlacedAllocs: 1, UnhealthyAllocs: 1 });
});

test("deploymentDelete deletes those that are there", () => {
  expect(store.run("deploymentDelete", { ids: [ID, "none"] }).count).toBe(1);
  expect(store.byIndex("deployments", "byJob", WEB)).toEqual([]);
});

test("jobStability of a superseded version", () => {
  store.run("jobRegister", { job: job({ Priority: 60 }), evaluation: null });
  store.run("jobStability", { namespace: "default", jobID: "web", version: 0, stable: true });
  expect(store.get("jobVersions", versionKey("default", "web", 0))).toMatchObject({ Stable: true, ModifyIndex: 4 });
  expect(store.get("jobs", WEB)).toMatchObject({ Stable: false, ModifyIndex: 3 });
  expect(() => store.run("jobStability", { namespace: "default", jobID: "web", version: 9, stable: true })).toThrow(
    "at version 9 not found",
  );
});
