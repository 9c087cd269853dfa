import { beforeEach, describe, expect, test } from "@jest/globals";
import { jobKey } from "../src/index.js";
import { allocation, evaluation, groups, job, plan, TestStore, uuid } from "./fixtures.js";

const WEB = jobKey("default", "web");
let store: TestStore;
beforeEach(() => {
  store = new TestStore();
});

const clientUpdate = (id: string, ClientStatus: string): void => {
  store.run("allocClientUpdate", {
    allocs: [{ ID: id, ClientStatus, ClientDescription: "", TaskStates: null }],
    evaluations: [],
    nowNs: 1_795_326_286_000_000_000,
  });
};

describe("job status", () => {
  test("goes pending, running, dead; only ModifyIndex moves, and only when it changes", () => {
    store.run("jobRegister", { job: job(), evaluation: evaluation() });
    store.run("planApply", plan({ allocsPlaced: [allocation()], evaluations: [evaluation({ Status: "complete" })] }));
    expect(store.get("jobs", WEB)).toMatchObject({ Status: "running", ModifyIndex: 2, JobModifyIndex: 1 });
    clientUpdate(uuid(1, "a"), "running");
    expect(store.get("jobs", WEB)?.ModifyIndex).toBe(2);
    clientUpdate(uuid(1, "a"), "complete");
    expect(store.get("jobs", WEB)).toMatchObject({ Status: "dead", ModifyIndex: 4, JobModifyIndex: 1 });
  });

  test("a stopped job is pending until its evaluation is done, unless allocations run", () => {
    store.run("jobRegister", { job: job(), evaluation: null });
    store.run("jobDeregister", {
      namespace: "default",
      jobID: "web",
      purge: false,
      evaluation: evaluation(),
      submitTimeNs: 1,
    });
    expect(store.get("jobs", WEB)?.Status).toBe("pending");
    store.run("evalUpsert", { evaluations: [evaluation({ Status: "complete" })] });
    expect(store.get("jobs", WEB)?.Status).toBe("dead");
  });

  test("a blocked evaluation keeps a job pending", () => {
    store.run("jobRegister", { job: job(), evaluation: evaluation() });
    store.run("evalUpsert", {
      evaluations: [evaluation({ Status: "complete" }), evaluation({ ID: uuid(2, "e"), Status: "blocked" })],
    });
    expect(store.get("jobs", WEB)?.Status).toBe("pending");
    store.run("evalUpsert", { evaluations: [evaluation({ ID: uuid(2, "e"), Status: "canceled" })] });
    expect(store.get("jobs", WEB)?.Status).toBe("dead");
  });

  test("periodic, parameterized and system jobs run until they are stopped", () => {
    const jobs = [
      job({ ID: "periodic", Periodic: {} as never }),
      job({ ID: "parameterized", ParameterizedJob: {} as never }),
      job({ ID: "system", Type: "system" }),
    ];
    for (const row of jobs) {
      store.run("jobRegister", { job: row, evaluation: null });
      expect(store.get("jobs", jobKey("default", row.ID))?.Status).toBe("running");
      store.run("jobDeregister", {
        namespace: "default",
        jobID: row.ID,
        purge: false,
        evaluation: null,
        submitTimeNs: 1,
      });
      expect(store.get("jobs", jobKey("default", row.ID))?.Status).toBe("dead");
    }
  });

  test("stays dead when everything that told so is collected as garbage", () => {
    store.run("jobRegister", { job: job(), evaluation: evaluation() });
    store.run("evalUpsert", { evaluations: [evaluation({ Status: "complete" })] });
    store.run("evalDelete", { evalIDs: [uuid(1, "e")], allocIDs: [] });
    expect(store.get("jobs", WEB)?.Status).toBe("dead");
  });
});

describe("job summary", () => {
  test("follows allocations by group, and Queued the latest evaluation", () => {
    store.run("jobRegister", { job: job({ TaskGroups: groups("g", "h") }), evaluation: evaluation() });
    store.run(
      "planApply",
      plan({
        allocsPlaced: [allocation(), allocation({ ID: uuid(2, "a"), TaskGroup: "h" })],
        evaluations: [evaluation({ Status: "complete", QueuedAllocations: { g: 3, h: 0 } })],
      }),
    );
    clientUpdate(uuid(2, "a"), "running");
    expect(store.get("jobSummaries", WEB)?.Summary).toEqual({
      g: { Queued: 3, Complete: 0, Failed: 0, Running: 0, Starting: 1, Lost: 0, Unknown: 0 },
      h: { Queued: 0, Complete: 0, Failed: 0, Running: 1, Starting: 0, Lost: 0, Unknown: 0 },
    });
    const modifyIndex = store.get("jobSummaries", WEB)?.ModifyIndex;
    clientUpdate(uuid(2, "a"), "running");
    expect(store.get("jobSummaries", WEB)?.ModifyIndex).toBe(modifyIndex);
  });

  test("remembers finished allocations that are collected, until summaries are reconciled", () => {
    store.run("jobRegister", { job: job(), evaluation: null });
    store.run("planApply", plan({ allocsPlaced: [allocation()] }));
    clientUpdate(uuid(1, "a"), "failed");
    store.run("evalDelete", { evalIDs: [], allocIDs: [uuid(1, "a")] });
    expect(store.get("jobSummaries", WEB)?.Summary["g"]?.Failed).toBe(1);
    store.run("reconcileSummaries", {});
    expect(store.get("jobSummaries", WEB)?.Summary["g"]?.Failed).toBe(0);
  });

  test("allocations of an earlier job of the same name do not count", () => {
    store.run("jobRegister", { job: job(), evaluation: null });
    store.run("planApply", plan({ allocsPlaced: [allocation()] }));
    store.run("jobDeregister", { namespace: "default", jobID: "web", purge: true, evaluation: null, submitTimeNs: 1 });
    store.run("jobRegister", { job: job(), evaluation: null });
    clientUpdate(uuid(1, "a"), "running");
    expect(store.get("jobSummaries", WEB)?.Summary["g"]).toMatchObject({ Running: 0, Starting: 0 });
  });

  test("a parent counts its children by status", () => {
    store.run("jobRegister", { job: job({ ID: "cron", Periodic: {} as never }), evaluation: null });
    const child = job({ ID: "cron/periodic-1", ParentID: "cron" });
    const children = (): unknown => store.get("jobSummaries", jobKey("default", "cron"))?.Children;
    store.run("jobRegister", { job: child, evaluation: evaluation({ JobID: child.ID }) });
    expect(children()).toEqual({ Pending: 1, Running: 0, Dead: 0 });
    store.run(
      "planApply",
      plan({
        allocsPlaced: [allocation({ JobID: child.ID })],
        evaluations: [evaluation({ JobID: child.ID, Status: "complete" })],
      }),
    );
    expect(children()).toEqual({ Pending: 0, Running: 1, Dead: 0 });
    clientUpdate(uuid(1, "a"), "complete");
    expect(children()).toEqual({ Pending: 0, Running: 0, Dead: 1 });
    store.run("jobsGarbageCollect", { jobs: [{ namespace: "default", jobID: child.ID }] });
    expect(children()).toEqual({ Pending: 0, Running: 0, Dead: 0 });
  });
});
