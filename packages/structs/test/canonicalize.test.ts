import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { canonicalizeJob, decodeJob, type Job } from "../src/index.js";
import { golden, goldenTest, registeredJobs, sharedPath } from "./golden.js";

const SMALL = { ID: "a", TaskGroups: [{ Name: "g", Tasks: [{ Name: "t", Driver: "mock" }] }] };

describe("defaults", () => {
  test("a service job gets every default of its type", () => {
    const job = canonicalizeJob(SMALL, { nowNs: 5 });
    expect(job).toMatchObject({
      Name: "a",
      Type: "service",
      Priority: 50,
      Region: "global",
      Namespace: "default",
      NodePool: "default",
      Datacenters: ["*"],
      SubmitTime: 5,
    });
    const [group] = job.TaskGroups;
    expect(group).toMatchObject({
      Count: 1,
      EphemeralDisk: { SizeMB: 300 },
      RestartPolicy: { Attempts: 2, Interval: 1800e9, Delay: 15e9, Mode: "fail" },
      ReschedulePolicy: { Unlimited: true, DelayFunction: "exponential" },
      Update: { MaxParallel: 1, HealthCheck: "checks" },
      Migrate: { MaxParallel: 1 },
    });
    expect(group?.Tasks[0]).toMatchObject({
      KillTimeout: 5e9,
      Resources: { CPU: 100, MemoryMB: 300 },
      LogConfig: { MaxFiles: 10, MaxFileSizeMB: 10, Disabled: false },
      Identity: { Name: "default", Audience: ["nomadproject.io"] },
    });
  });

  test("what was said stays, zero included", () => {
    const job = canonicalizeJob({
      ...SMALL,
      TaskGroups: [
        {
          Name: "g",
          Count: 0,
          RestartPolicy: { Attempts: 0 },
          Tasks: [{ Name: "t", KillTimeout: 0, Resources: { CPU: 7 } }],
        },
      ],
    });
    expect(job.TaskGroups[0]).toMatchObject({ Count: 0, RestartPolicy: { Attempts: 0, Interval: 1800e9 } });
    expect(job.TaskGroups[0]?.Tasks[0]).toMatchObject({ KillTimeout: 0, Resources: { CPU: 7, MemoryMB: 300 } });
  });

  test("batch and system jobs", () => {
    const batch = canonicalizeJob({ ...SMALL, Type: "batch" }).TaskGroups[0];
    expect(batch).toMatchObject({
      Update: null,
      Migrate: null,
      ReschedulePolicy: { Attempts: 1 },
      RestartPolicy: { Attempts: 3 },
    });
    const system = canonicalizeJob({ ...SMALL, Type: "system" }).TaskGroups[0];
    expect(system).toMatchObject({ Migrate: null, ReschedulePolicy: null, Update: { MaxParallel: 1 } });
  });

  test("a group's update block is laid over the job's", () => {
    const job = canonicalizeJob({
      ...SMALL,
      Update: { MaxParallel: 3, Stagger: 1e9, MinHealthyTime: 2e9 },
      TaskGroups: [{ Name: "g", Update: { MaxParallel: 2 } }],
    });
    expect(job.Update).toMatchObject({ MaxParallel: 3, Stagger: 1e9, MinHealthyTime: 0, HealthCheck: "" });
    expect(job.TaskGroups[0]?.Update).toMatchObject({ MaxParallel: 2, Stagger: 1e9, MinHealthyTime: 2e9 });
  });

  test("a scaling policy keeps the ID that it had, and bounds the count", () => {
    const input = { ID: "a", TaskGroups: [{ Name: "g", Scaling: { Min: 2, Max: 9 } }] };
    const first = canonicalizeJob(input, { uuid: () => "one" });
    expect(first.TaskGroups[0]).toMatchObject({
      Count: 2,
      Scaling: { ID: "one", Enabled: true, Target: { Group: "g" } },
    });
    const second = canonicalizeJob(input, { uuid: () => "two", existing: first });
    expect(second.TaskGroups[0]?.Scaling?.ID).toBe("one");
  });

  test("an older spelling switches logs off", () => {
    const job = canonicalizeJob({ ID: "a", TaskGroups: [{ Tasks: [{ LogConfig: { Enabled: false } }] }] });
    expect(job.TaskGroups[0]?.Tasks[0]?.LogConfig).toEqual({ MaxFiles: 10, MaxFileSizeMB: 10, Disabled: true });
  });

  test("the input is not changed", () => {
    const input = Object.freeze(structuredClone(SMALL));
    canonicalizeJob(input);
    expect(input).toEqual(SMALL);
  });
});

describe("as recorded", () => {
  for (const name of ["register", "register-batch", "register-system", "register-param", "register-periodic"]) {
    goldenTest(`${name}: request to stored job, key order included`, () => {
      const { Job: input } = golden(name).request.body as { Job: { ID: string } };
      const want = registeredJobs().find((job) => job["ID"] === input.ID) as unknown as Job;
      const scaling = want.TaskGroups[0]?.Scaling;
      const got = canonicalizeJob(decodeJob(input), { nowNs: want.SubmitTime, uuid: () => scaling?.ID ?? "" });
      const { CreateIndex, ModifyIndex, JobModifyIndex, Status } = want;
      const policy = got.TaskGroups[0]?.Scaling;
      if (policy) Object.assign(policy, { CreateIndex, ModifyIndex });
      expect({ ...got, CreateIndex, ModifyIndex, JobModifyIndex, Status }).toEqual(want);
      expect(Object.keys(got)).toEqual(Object.keys(want));
      expect(Object.keys(got.TaskGroups[0]?.Tasks[0] ?? {})).toEqual(Object.keys(want.TaskGroups[0]?.Tasks[0] ?? {}));
    });
  }

  goldenTest("job files: the defaults that Nomad's parser fills in", () => {
    const directory = sharedPath("hcl/");
    const differences: string[] = [];
    for (const file of readdirSync(directory).filter((name) => name.endsWith(".canon.json"))) {
      const want: unknown = JSON.parse(readFileSync(directory + file, "utf8"));
      const input: unknown = JSON.parse(readFileSync(directory + file.replace(".canon", ""), "utf8"));
      compare(want, canonicalizeJob(decodeJob(input)), "", differences);
    }
    expect(differences).toEqual([]);
  });
});

/** What the server adds to what a parser fills in, and what it does not keep. */
const SERVER_SIDE =
  /\.(Datacenters|NodePool|Reschedule|Migrate|Update|Constraints|HostNetwork|Target|Identity|Namespace|TaskName|CheckRestart|Checks\.\d+\.Name|ParameterizedJob\.Payload|ChangeSignal)\b/;

function compare(want: unknown, got: unknown, path: string, out: string[]): void {
  if (Object.is(want, got) || (empty(want) && empty(got))) return;
  if (typeof want === "object" && typeof got === "object" && want && got) {
    const [left, right] = [want as Record<string, unknown>, got as Record<string, unknown>];
    for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
      compare(left[key], right[key], `${path}.${key}`, out);
    }
  } else if (!SERVER_SIDE.test(path) || /TaskGroups\.\d+\.(Update|Migrate|ReschedulePolicy)/.test(path)) {
    out.push(`${path}: ${JSON.stringify(want)} became ${JSON.stringify(got)}`);
  }
}

const empty = (value: unknown): boolean => !value || (typeof value === "object" && Object.keys(value).length === 0);
