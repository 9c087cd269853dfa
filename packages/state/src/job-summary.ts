import type { JobSummary, TaskGroupSummary } from "@steppe/structs";
import type { GroupDelta, JobDelta } from "./job-delta.js";
import type { Txn } from "./txn.js";

export const emptyGroup = (): TaskGroupSummary => ({
  Queued: 0,
  Complete: 0,
  Failed: 0,
  Running: 0,
  Starting: 0,
  Lost: 0,
  Unknown: 0,
});

/** Brings a job's summary up to date by differences. Writes nothing if nothing changed. */
export function updateSummary(txn: Txn, key: string, delta: JobDelta): void {
  if (delta.removed) {
    txn.delete("jobSummaries", key);
    return;
  }
  const row = txn.get("jobSummaries", key) ?? newSummary(txn, key, delta);
  if (!row) return;
  const isNew = row.ModifyIndex === 0;
  const groups = changedGroups(row, delta);
  // A new summary has counted its children already.
  const children =
    delta.children && !isNew && nonZero(delta.children) ? addChildren(row.Children, delta.children) : row.Children;
  if (groups !== row.Summary || children !== row.Children || isNew)
    txn.put("jobSummaries", { ...row, Summary: groups, Children: children });
  // What was added is done: the job may come by again when a child's status changes.
  delta.groups = undefined;
  delta.queued = undefined;
  delta.groupNames = undefined;
  delta.children = undefined;
}

/** A summary of a job that has none yet; undefined if the job was not written here (it was purged, or never existed). */
function newSummary(txn: Txn, key: string, delta: JobDelta): JobSummary | undefined {
  if (!delta.groupNames) return undefined;
  const job = txn.get("jobs", key);
  if (!job) return undefined;
  return {
    JobID: job.ID,
    Namespace: job.Namespace,
    Summary: {},
    Children: countChildren(txn, key),
    CreateIndex: 0,
    ModifyIndex: 0,
  };
}

/** Children by status. There are some before the parent when it was purged and is registered again. */
export function countChildren(txn: Txn, key: string): JobSummary["Children"] {
  const children = { Pending: 0, Running: 0, Dead: 0 };
  for (const child of txn.byIndex("jobs", "byParent", key)) {
    const counter = CHILD_COUNTERS[child.Status];
    if (counter) children[counter]++;
  }
  return children;
}

/** The counter of a parent's summary that a child with this status is in. */
export const CHILD_COUNTERS: Readonly<Record<string, keyof JobSummary["Children"] | undefined>> = {
  pending: "Pending",
  running: "Running",
  dead: "Dead",
};

function changedGroups(row: JobSummary, delta: JobDelta): Record<string, TaskGroupSummary> {
  let groups = row.Summary;
  const change = (name: string, group: TaskGroupSummary): void => {
    if (groups === row.Summary) groups = { ...groups };
    groups[name] = group;
  };
  for (const name of delta.groupNames ?? []) if (!groups[name]) change(name, emptyGroup());
  for (const [name, difference] of delta.groups ?? []) {
    // Also for a group that the job does not have (any more, or yet): its allocations are counted as a recount would.
    if (nonZero(difference)) change(name, addGroup(groups[name] ?? emptyGroup(), difference));
  }
  for (const name in delta.queued) {
    const group = groups[name];
    const queued = delta.queued[name] ?? 0;
    if (group && group.Queued !== queued) change(name, { ...group, Queued: queued });
  }
  return groups;
}

function nonZero(delta: object): boolean {
  for (const value of Object.values(delta)) if (value !== 0) return true;
  return false;
}

function addGroup(group: TaskGroupSummary, delta: GroupDelta): TaskGroupSummary {
  return {
    Queued: group.Queued,
    Complete: Math.max(0, group.Complete + delta.Complete),
    Failed: Math.max(0, group.Failed + delta.Failed),
    Running: Math.max(0, group.Running + delta.Running),
    Starting: Math.max(0, group.Starting + delta.Starting),
    Lost: Math.max(0, group.Lost + delta.Lost),
    Unknown: Math.max(0, group.Unknown + delta.Unknown),
  };
}

function addChildren(children: JobSummary["Children"], delta: JobSummary["Children"]): JobSummary["Children"] {
  return {
    Pending: Math.max(0, children.Pending + delta.Pending),
    Running: Math.max(0, children.Running + delta.Running),
    Dead: Math.max(0, children.Dead + delta.Dead),
  };
}
