import type { SchedulerConfig, TaskGroupSummary } from "@steppe/structs";
import { SUMMARY_COUNTERS } from "../derived.js";
import { countChildren, emptyGroup } from "../job-summary.js";
import { type Job, jobKey, SCHEDULER_CONFIG_KEY } from "../rows.js";
import type { Txn } from "../txn.js";
import { command } from "./command.js";

export interface SchedulerConfigSetPayload {
  config: SchedulerConfig;
  /** Set only if the configuration's ModifyIndex is this. */
  checkIndex?: number | null;
}

export const schedulerConfigSet = command<SchedulerConfigSetPayload, { index: number; updated: boolean }>({
  id: 19,
  apply: (txn, { config, checkIndex }) => {
    const current = txn.get("schedulerConfig", SCHEDULER_CONFIG_KEY);
    const updated = checkIndex === null || checkIndex === undefined || checkIndex === (current?.ModifyIndex ?? 0);
    if (updated) txn.put("schedulerConfig", config);
    return { index: txn.index, updated };
  },
});

/** Counts the allocations of every job anew into its summary. Queued is kept: only the scheduler knows it. */
export const reconcileSummaries = command<Record<string, never>, { index: number }>({
  id: 16,
  apply: (txn) => {
    for (const job of txn.list("jobs")) reconcileSummary(txn, job);
    return { index: txn.index };
  },
});

function reconcileSummary(txn: Txn, job: Job): void {
  const key = jobKey(job.Namespace, job.ID);
  const old = txn.get("jobSummaries", key);
  const groups: Record<string, TaskGroupSummary> = {};
  for (const { Name } of job.TaskGroups) groups[Name] = { ...emptyGroup(), Queued: old?.Summary[Name]?.Queued ?? 0 };
  for (const alloc of txn.byIndex("allocations", "byJob", key)) {
    if (alloc.Job.CreateIndex !== job.CreateIndex) continue;
    const group = (groups[alloc.TaskGroup] ??= emptyGroup());
    const counter = SUMMARY_COUNTERS[alloc.ClientStatus];
    if (counter) group[counter]++;
  }
  txn.put("jobSummaries", {
    JobID: job.ID,
    Namespace: job.Namespace,
    Summary: groups,
    Children: countChildren(txn, key),
    CreateIndex: 0,
    ModifyIndex: 0,
  });
}

/** Does nothing, at an index: a barrier that everything before it is applied. */
export const noop = command<Record<string, never>, { index: number }>({
  id: 20,
  apply: (txn) => ({ index: txn.index }),
});

export interface MetaSetPayload {
  key: string;
  value: unknown;
  /** Leave a value that is there already. */
  onlyIfMissing?: boolean;
  /** Set only if the row's ModifyIndex is this; 0 for one that is not there. */
  checkIndex?: number | null;
}

export const metaSet = command<MetaSetPayload, { index: number; value: unknown; updated: boolean }>({
  id: 27,
  apply: (txn: Txn, { key, value, onlyIfMissing = false, checkIndex = null }) => {
    const existing = txn.get("meta", key);
    const refused = checkIndex !== null && checkIndex !== (existing?.ModifyIndex ?? 0);
    if (refused || (existing && onlyIfMissing)) return { index: txn.index, value: existing?.Value, updated: false };
    txn.put("meta", { Key: key, Value: value, CreateIndex: 0, ModifyIndex: 0 });
    return { index: txn.index, value, updated: true };
  },
});
