import { jobKey, type ReadView } from "@steppe/state";
import { allocListStub, type Allocation, type Deployment, type Job } from "@steppe/structs";

import type { Handlers } from "../http/handler.js";
import { readMeta } from "./answers.js";
import { stubOptions } from "./allocations.js";

/** What is known about one job. */
export const jobReadHandlers: Pick<
  Handlers,
  | "getJob"
  | "listJobAllocations"
  | "listJobEvaluations"
  | "getJobSummary"
  | "listJobVersions"
  | "listJobDeployments"
  | "getJobDeployment"
> = {
  getJob: (view, { params, namespace }) => {
    const key = jobKey(namespace, params.id);
    const row = view.get("jobs", key);
    return row ? { row, index: row.ModifyIndex } : { missing: "job not found", index: view.rowIndex("jobs", key) };
  },

  listJobAllocations: (view, { params, namespace, query }) => {
    const key = jobKey(namespace, params.id);
    const all = view.byIndex("allocations", "byJob", key);
    const job = query.bool("all") ? undefined : view.get("jobs", key);
    // Those of a job of the same name that was purged are history of another job.
    const rows = job ? all.filter((alloc) => alloc.Job.CreateIndex === job.CreateIndex) : all;
    const options = stubOptions(query);
    const render = (alloc: Allocation) => allocListStub(alloc, options);
    return { data: rows.map(render), index: view.valueIndex("allocations", "byJob", key) };
  },

  listJobEvaluations: (view, { params, namespace }) => {
    const key = jobKey(namespace, params.id);
    return { rows: view.byIndex("evaluations", "byJob", key), index: view.valueIndex("evaluations", "byJob", key) };
  },

  getJobSummary: (view, { params, namespace }) => {
    const key = jobKey(namespace, params.id);
    const row = view.get("jobSummaries", key);
    if (row) return { row, index: row.ModifyIndex };
    return { missing: "job not found", index: view.rowIndex("jobSummaries", key) };
  },

  listJobVersions: (view, { params, namespace, query }) => {
    query.bool("diffs");
    const key = jobKey(namespace, params.id);
    const versions = versionsOf(view, key);
    if (versions.length === 0) return { missing: "job versions not found", index: view.rowIndex("jobs", key) };
    const index = Math.max(...versions.map((version) => version.ModifyIndex));
    return { data: { Versions: versions, Diffs: null, ...readMeta(index) }, index };
  },

  listJobDeployments: (view, { params, namespace, query }) => {
    const key = jobKey(namespace, params.id);
    const job = query.bool("all") ? undefined : view.get("jobs", key);
    const all = view.byIndex("deployments", "byJob", key);
    const rows = job ? all.filter((deployment) => deployment.JobCreateIndex === job.CreateIndex) : all;
    return { rows, index: view.valueIndex("deployments", "byJob", key) };
  },

  getJobDeployment: (view, { params, namespace }) => {
    const key = jobKey(namespace, params.id);
    const row = newest(view.byIndex("deployments", "byJob", key));
    return row ? { row, index: row.ModifyIndex } : { data: null, index: view.valueIndex("deployments", "byJob", key) };
  },
};

/** The versions that are kept, the current one first. */
function versionsOf(view: ReadView, key: string): Job[] {
  const current = view.get("jobs", key);
  const superseded = [...view.scan("jobVersions", { prefix: `${key}\0`, reverse: true })];
  return current ? [current, ...superseded] : superseded;
}

function newest(deployments: readonly Deployment[]): Deployment | undefined {
  let found: Deployment | undefined;
  for (const deployment of deployments) {
    if (!found || deployment.CreateIndex > found.CreateIndex) found = deployment;
  }
  return found;
}
