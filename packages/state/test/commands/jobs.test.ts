import { beforeEach, describe, expect, test } from "@jest/globals";
import { jobKey, versionKey } from "../../src/index.js";
import { allocation, evaluation, groups, job, plan, TestStore, uuid } from "../fixtures.js";

const WEB = jobKey("default", "web");
let store: TestStore;
beforeEach(() => {
  store = new TestStore();
});

describe("jobRegister", () => {
  test("a new job is version 0, pending, with summary and evaluation at one index", () => {
    const result = store.run("jobRegister", { job: job(), evaluation: evaluation() }, 12);
    expect(result).toEqual({ index: 12, jobModifyIndex: 12, evalCreateIndex: 12 });
    expect(store.get("jobs", WEB)).toMatchObject({
      Version: 0,
      Status: "pending",
      Stable: false,
      CreateIndex: 12,
      ModifyIndex: 12,
      JobModifyIndex: 12,
    });
    expect(store.get("jobSummaries", WEB)).toMatchObject({
      Summary: { g: { Queued: 0, Running: 0 } },
      CreateIndex: 12,
    });
    expect(store.get("evaluations", uuid(1, "e"))).toMatchObject({
      JobModifyIndex: 12,
      CreateIndex: 12,
      ModifyIndex: 12,
    });
  });

  test("the same job again keeps its version and row but gets its evaluation", () => {
    store.run("jobRegister", { job: job(), evaluation: null });
    const before = store.get("jobs", WEB);
    const result = store.run("jobRegister", { job: job({ SubmitTime: 9 }), evaluation: evaluation() });
    expect(result).toEqual({ index: 2, jobModifyIndex: 1, evalCreateIndex: 2 });
    expect(store.get("jobs", WEB)).toBe(before);
    expect(store.get("evaluations", uuid(1, "e"))?.JobModifyIndex).toBe(1);
    expect(store.count("jobVersions")).toBe(0);
  });

  test("a changed job is the next version, keeps CreateIndex, and is not stable", () => {
    store.run("jobRegister", { job: job(), evaluation: null });
    store.run("jobStability", { namespace: "default", jobID: "web", version: 0, stable: true });
    store.run("jobRegister", { job: job({ Priority: 60 }), evaluation: null });
    expect(store.get("jobs", WEB)).toMatchObject({
      Version: 1,
      CreateIndex: 1,
      ModifyIndex: 3,
      JobModifyIndex: 3,
      Stable: false,
    });
    expect(store.get("jobVersions", versionKey("default", "web", 0))).toMatchObject({
      Priority: 50,
      Stable: true,
      ModifyIndex: 2,
    });
  });

  test("six superseded versions are kept, with their submissions; tagged ones besides", () => {
    const submission = {
      Source: "s",
      Format: "hcl2",
      VariableFlags: null,
      Variables: "",
      Namespace: "",
      JobID: "",
      Version: 0,
      JobModifyIndex: 0,
    };
    store.run("jobRegister", { job: job({ Priority: 1 }), evaluation: null, submission });
    store.run("jobVersionTag", {
      namespace: "default",
      jobID: "web",
      name: "gold",
      tag: { version: 0, description: "", taggedTimeNs: 5 },
    });
    for (let priority = 2; priority <= 10; priority++)
      store.run("jobRegister", { job: job({ Priority: priority }), evaluation: null, submission });
    expect(store.get("jobs", WEB)?.Version).toBe(9);
    expect([...store.scan("jobVersions")].map((row) => row.Version)).toEqual([0, 3, 4, 5, 6, 7, 8]);
    expect([...store.scan("jobSubmissions")].map((row) => row.Version)).toEqual([0, 3, 4, 5, 6, 7, 8, 9]);
  });

  test("stopping keeps the version and turns scaling off; registering the same again raises it", () => {
    const scaled = (): ReturnType<typeof job> => {
      const [group] = groups("g");
      return job({
        TaskGroups: [{ ...group, Scaling: { Enabled: true, Min: 0, Max: 5, CreateIndex: 0, ModifyIndex: 0 } }] as never,
      });
    };
    store.run("jobRegister", { job: scaled(), evaluation: null });
    expect(store.get("jobs", WEB)?.TaskGroups[0]?.Scaling).toMatchObject({ CreateIndex: 1, ModifyIndex: 1 });
    const result = store.run("jobDeregister", {
      namespace: "default",
      jobID: "web",
      purge: false,
      evaluation: evaluation(),
      submitTimeNs: 7,
    });
    expect(result).toEqual({ index: 2, jobModifyIndex: 2, evalCreateIndex: 2 });
    expect(store.get("jobs", WEB)).toMatchObject({ Stop: true, Version: 0, JobModifyIndex: 2, SubmitTime: 7 });
    expect(store.get("jobs", WEB)?.TaskGroups[0]?.Scaling).toMatchObject({
      Enabled: false,
      CreateIndex: 1,
      ModifyIndex: 2,
    });
    store.run("jobRegister", { job: scaled(), evaluation: null });
    expect(store.get("jobs", WEB)).toMatchObject({ Stop: false, Version: 1 });
  });

  test("enforceIndex refuses with Nomad's texts and writes nothing", () => {
    const register = (enforceIndex: number): unknown =>
      store.run("jobRegister", { job: job(), evaluation: evaluation(), enforceIndex });
    expect(() => register(5)).toThrow("Enforcing job modify index 5: job does not exist");
    register(0);
    expect(() => register(0)).toThrow("Enforcing job modify index 0: job already exists");
    expect(() => register(999)).toThrow(
      "Enforcing job modify index 999: job exists with conflicting job modify index: 2",
    );
    expect(store.appliedIndex).toBe(4);
    expect(store.tableIndex("jobs", "evaluations")).toBe(2);
    register(2);
  });

  test("preserveCounts keeps the counts of groups that exist", () => {
    const counted = (count: number): ReturnType<typeof job> =>
      job({ TaskGroups: groups("g", "h").map((row) => ({ ...row, Count: count })) });
    store.run("jobRegister", { job: counted(3), evaluation: null });
    store.run("jobRegister", { job: { ...counted(9), Priority: 60 }, evaluation: null, preserveCounts: true });
    expect(store.get("jobs", WEB)?.TaskGroups.map((row) => row.Count)).toEqual([3, 3]);
  });

  test("an unknown namespace is refused", () => {
    expect(() => store.run("jobRegister", { job: job({ Namespace: "nope" }), evaluation: null })).toThrow(
      'job "web" is in nonexistent namespace "nope"',
    );
  });
});

describe("purge", () => {
  test("deletes job, versions, summary and submissions; allocations keep the job they were placed from", () => {
    store.run("jobRegister", { job: job(), evaluation: null });
    store.run("planApply", plan({ allocsPlaced: [allocation()] }));
    store.run("jobRegister", { job: job({ Priority: 60 }), evaluation: null });
    store.run("jobDeregister", {
      namespace: "default",
      jobID: "web",
      purge: true,
      evaluation: evaluation(),
      submitTimeNs: 1,
    });
    for (const table of ["jobs", "jobVersions", "jobSummaries", "jobSubmissions"] as const)
      expect(store.count(table)).toBe(0);
    expect(store.get("allocations", uuid(1, "a"))?.Job).toMatchObject({ Version: 0, Priority: 50 });
    expect([...store.scan("allocJobs")]).toEqual([expect.objectContaining({ Version: 0, Priority: 50 })]);
    expect(store.get("evaluations", uuid(1, "e"))?.JobModifyIndex).toBe(4);
    store.run("evalDelete", { evalIDs: [], allocIDs: [uuid(1, "a")] });
    expect(store.count("allocJobs")).toBe(0);
  });

  test("a job that is not there is no error", () => {
    const payload = { namespace: "default", jobID: "none", purge: true, evaluation: evaluation(), submitTimeNs: 1 };
    expect(store.run("jobDeregister", payload)).toEqual({ index: 1, jobModifyIndex: 0, evalCreateIndex: 0 });
    expect(store.count("evaluations")).toBe(0);
  });

  test("garbage collection leaves a job alone that is not dead any more", () => {
    store.run("jobRegister", { job: job(), evaluation: evaluation() });
    expect(store.run("jobsGarbageCollect", { jobs: [{ namespace: "default", jobID: "web" }] }).count).toBe(0);
    store.run("evalUpsert", { evaluations: [evaluation({ Status: "complete" })] });
    expect(store.run("jobsGarbageCollect", { jobs: [{ namespace: "default", jobID: "web" }] }).count).toBe(1);
    expect(store.get("jobs", WEB)).toBeUndefined();
  });
});
