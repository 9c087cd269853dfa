import { describe, expect, test } from "@jest/globals";
import { canonicalizeJob, formatErrors, formatWarnings, type JobInput, validateJob } from "../src/index.js";
import { golden, goldenTest } from "./golden.js";

const judge = (input: JobInput) => validateJob(canonicalizeJob(input));
const task = { Name: "t", Driver: "mock" };

describe("errors", () => {
  test("a good job has none", () => {
    expect(judge({ ID: "a", TaskGroups: [{ Name: "g", Tasks: [task] }] })).toEqual({ errors: [], warnings: [] });
  });

  test.each<[JobInput, string]>([
    [{ ID: "a b" }, "Job ID contains a space"],
    [{ ID: "a", Priority: 101 }, "Job priority must be between [1, 100]"],
    [{ ID: "a", TaskGroups: [{ Name: "g" }, { Name: "g" }] }, "Job task group 2 redefines 'g' from group 1"],
    [{ ID: "a", Type: "system", TaskGroups: [{ Name: "g", Count: 2 }] }, "Count cannot exceed 1 with system scheduler"],
    [{ ID: "a", Periodic: { Spec: "@daily" } }, 'Periodic can only be used with "batch" or "sysbatch" scheduler'],
    [
      { ID: "a", TaskGroups: [{ Name: "g" }] },
      "Task group g validation failed: 1 error occurred:\n\t* Missing tasks for task group",
    ],
    [
      { ID: "a", TaskGroups: [{ Name: "g", Tasks: [{ Name: "t" }] }] },
      "Task t validation failed: 1 error occurred:\n\t* Missing task driver",
    ],
    [
      { ID: "a", TaskGroups: [{ Name: "g", Tasks: [{ ...task, Name: "a/../b" }] }] },
      "Task name cannot include slashes",
    ],
    [
      { ID: "a", TaskGroups: [{ Name: "g", Tasks: [{ ...task, Resources: { CPU: 0 } }] }] },
      "minimum CPU value is 1; got 0",
    ],
    [
      {
        ID: "a",
        TaskGroups: [{ Name: "g", Tasks: [{ ...task, Templates: [{ EmbeddedTmpl: "x", DestPath: "../../../x" }] }] }],
      },
      "template destination escapes",
    ],
  ])("%j", (input, text) => {
    expect(formatErrors(judge(input).errors)).toContain(text);
  });
});

describe("as recorded", () => {
  goldenTest("validate-errors", () => {
    const want = JSON.parse(golden("validate-errors").body) as { ValidationErrors: string[]; Error: string };
    const { errors } = judge((golden("validate-errors").request.body as { Job: JobInput }).Job);
    expect(errors).toEqual(want.ValidationErrors);
    expect(formatErrors(errors)).toBe(want.Error);
  });

  goldenTest("jobs-id-only", () => {
    const { request, body } = golden("jobs-id-only");
    expect(formatErrors(judge((request.body as { Job: JobInput }).Job).errors)).toBe(body);
  });

  for (const name of ["register", "register-batch", "register-system", "register-param", "register-periodic"]) {
    goldenTest(`${name}: no errors, and the warnings`, () => {
      const { request, body } = golden(name);
      const verdict = judge((request.body as { Job: JobInput }).Job);
      expect(verdict.errors).toEqual([]);
      expect(formatWarnings(verdict.warnings)).toBe((JSON.parse(body) as { Warnings: string }).Warnings);
    });
  }
});
