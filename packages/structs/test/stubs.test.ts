import { describe, expect } from "@jest/globals";
import {
  type Allocation,
  allocListStub,
  type Job,
  jobListStub,
  type JobSummary,
  type Node,
  nodeListStub,
} from "../src/index.js";
import { golden, goldenTest } from "./golden.js";

/** Keys in order, at the first level. */
const keys = (value: object): string[] => Object.keys(value);

describe("list entries have the recorded keys in the recorded order", () => {
  goldenTest("jobs", () => {
    const [want] = JSON.parse(golden("jobs").body) as object[];
    const job = JSON.parse(golden("job").body) as Job;
    const summary = JSON.parse(golden("job-summary").body) as JobSummary;
    const stub = jobListStub(job, summary);
    expect(keys(stub)).toEqual(keys(want ?? {}));
    expect(stub).toMatchObject({ Meta: null, Periodic: false, JobSummary: summary });
    expect(jobListStub(job, undefined, { meta: true }).Meta).toEqual({ owner: "conf" });
  });

  goldenTest("nodes", () => {
    const node = JSON.parse(golden("node").body) as Node;
    const want = (name: string) => (JSON.parse(golden(name).body) as object[])[0] as object;
    expect(nodeListStub(node)).toEqual(want("nodes"));
    expect(keys(nodeListStub(node))).toEqual(keys(want("nodes")));
    expect(nodeListStub(node, { resources: true, os: true })).toEqual(want("nodes-resources"));
  });

  goldenTest("allocations", () => {
    const alloc = JSON.parse(golden("alloc").body) as Allocation;
    const [want] = JSON.parse(golden("allocs").body) as object[];
    expect(allocListStub(alloc)).toEqual(want);
    expect(keys(allocListStub(alloc))).toEqual(keys(want ?? {}));
    const [fields] = JSON.parse(golden("allocs-fields").body) as object[];
    expect(allocListStub(alloc, { resources: true, taskStates: false })).toEqual(fields);
  });
});
