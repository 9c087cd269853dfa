import { describe, expect, test } from "@jest/globals";
import { decode, decodeInput, decodeJob, JobRegisterRequestSchema, NodeDrainRequestSchema } from "../src/index.js";
import { golden, goldenTest } from "./golden.js";

describe("keys", () => {
  test("match in any case; unknown ones are dropped; null is as if not sent", () => {
    const job = decodeJob({ id: "a", NAME: "b", taskGroups: [{ nAmE: "g", Nope: 1 }], Meta: null, zzz: {} });
    expect(job).toEqual({ ID: "a", Name: "b", TaskGroups: [{ Name: "g" }] });
  });

  test("free-form keys are left alone", () => {
    const config = { Command: "x", NESTED: { a: null } };
    const job = decodeJob({ TaskGroups: [{ Tasks: [{ config }] }], meta: { Owner: "me" } });
    expect(job).toEqual({ TaskGroups: [{ Tasks: [{ Config: config }] }], Meta: { Owner: "me" } });
  });

  test("decode gives all keys", () => {
    expect(decode(NodeDrainRequestSchema, { drainspec: { deadline: 5 } })).toEqual({
      NodeID: "",
      DrainSpec: { Deadline: 5, IgnoreSystemJobs: false },
      MarkEligible: false,
      Meta: null,
    });
  });

  test("a key that changes prototypes is only data", () => {
    const job = decodeJob(JSON.parse('{"ID":"a","Meta":{"__proto__":"x"},"__proto__":{"Name":"evil"}}'));
    expect(job.Name).toBeUndefined();
    expect(Object.keys(job.Meta ?? {})).toEqual(["__proto__"]);
  });
});

describe("types", () => {
  const text = (value: unknown): string => {
    try {
      decodeInput(JobRegisterRequestSchema, value);
    } catch (error) {
      return `${(error as { status: number }).status} ${(error as Error).message}`;
    }
    return "";
  };

  test.each([
    [{ Job: { ID: 5 } }, "400 json: cannot unmarshal number into Go struct field Job.Job.ID of type string"],
    [
      { Job: { Priority: 1.5 } },
      "400 json: cannot unmarshal number 1.5 into Go struct field Job.Job.Priority of type int",
    ],
    [{ Job: { Stop: "yes" } }, "400 json: cannot unmarshal string into Go struct field Job.Job.Stop of type bool"],
    [{ Job: [] }, "400 json: cannot unmarshal array into Go struct field JobRegisterRequest.Job of type api.Job"],
    [
      { Job: { taskgroups: [{ tasks: [{ KillTimeout: "5s" }] }] } },
      "400 json: cannot unmarshal string into Go struct field Task.Job.TaskGroups.Tasks.KillTimeout of type time.Duration",
    ],
    [
      { Job: { TaskGroups: {} } },
      "400 json: cannot unmarshal object into Go struct field Job.Job.TaskGroups of type []*api.TaskGroup",
    ],
    [
      { JobModifyIndex: -1 },
      "400 json: cannot unmarshal number -1 into Go struct field JobRegisterRequest.JobModifyIndex of type uint64",
    ],
  ])("%j is refused with the field named", (value, want) => {
    expect(text(value)).toBe(want);
  });

  goldenTest("as recorded", () => {
    const { request, body } = golden("jobs-wrong-type");
    expect(text(request.body)).toBe(`400 ${body}`);
  });
});
