import { clientTerminal, EvalStatus, isParameterized, isPeriodic, JobStatus, JobType } from "@steppe/structs";
import { addToDeployment, type DeploymentDelta, updateDeployments } from "./deployment-counters.js";
import type { GroupDelta, JobDelta } from "./job-delta.js";
import { type JobTally, liveAlloc, liveEval } from "./job-tally.js";
import { CHILD_COUNTERS, updateSummary } from "./job-summary.js";
import { type Allocation, allocJobKey, type Evaluation, type Job, jobKey } from "./rows.js";
import type { AnyRow } from "./table-data.js";
import type { TableName } from "./tables.js";
import type { Txn } from "./txn.js";

/** Collects, write by write, which derived rows a transaction affects; `finish` then writes each of them once. */
export class DerivedChanges {
  /** By the jobs' keys; complete after `finish`. */
  readonly jobs = new Map<string, JobDelta>();
  readonly deployments = new Map<string, Map<string, DeploymentDelta>>();
  private pending = new Set<string>();
  /** Jobs kept for allocations (keys of `allocJobs`) that one allocation no longer refers to. */
  private readonly released = new Set<string>();

  release(job: Job): void {
    this.released.add(allocJobKey(job));
  }

  job(key: string, txn: Txn): JobDelta {
    let delta = this.jobs.get(key);
    if (!delta) {
      delta = {
        allocs: 0,
        liveAllocs: 0,
        evals: 0,
        liveEvals: 0,
        shrunk: false,
        jobCreateIndex: txn.get("jobs", key)?.CreateIndex,
        groupNames: undefined,
        groups: undefined,
        queued: undefined,
        children: undefined,
        removed: false,
      };
      this.jobs.set(key, delta);
    }
    this.pending.add(key);
    return delta;
  }

  /** Writes the derived rows. A job's new status changes its parent's summary, so this goes on until nothing is left. */
  finish(txn: Txn, tally: JobTally): void {
    updateDeployments(txn, this.deployments);
    while (this.pending.size > 0) {
      const keys = [...this.pending].sort();
      this.pending = new Set();
      for (const key of keys) this.finishJob(key, txn, tally);
    }
    for (const key of [...this.released].sort()) dropAllocJob(txn, key);
  }

  private finishJob(key: string, txn: Txn, tally: JobTally): void {
    const delta = this.jobs.get(key) as JobDelta;
    updateSummary(txn, key, delta);
    const job = txn.get("jobs", key);
    if (!job) return;
    const status = jobStatus(job, tally, key, delta);
    if (status === job.Status) return;
    txn.put("jobs", { ...job, Status: status });
    // The write above put the job in line again, for nothing.
    this.pending.delete(key);
  }
}

/** Deletes a job that was kept for allocations when none refers to it any more. */
function dropAllocJob(txn: Txn, key: string): void {
  const job = txn.get("allocJobs", key);
  if (!job) return;
  const allocs = txn.byIndex("allocations", "byJob", jobKey(job.Namespace, job.ID));
  if (!allocs.some((alloc) => sameVersion(alloc.Job, job))) txn.delete("allocJobs", key);
}

const sameVersion = (a: Job, b: Job): boolean => a.Version === b.Version && a.CreateIndex === b.CreateIndex;

/** Periodic, parameterized and system jobs run until they are stopped; for others it follows from allocations and evaluations. */
function jobStatus(job: Job, tally: JobTally, key: string, delta: JobDelta): string {
  if (job.Type === JobType.system || isPeriodic(job) || isParameterized(job))
    return job.Stop ? JobStatus.dead : JobStatus.running;
  const counts = tally.get(key);
  if (counts.liveAllocs + delta.liveAllocs > 0) return JobStatus.running;
  if (counts.liveEvals + delta.liveEvals > 0) return JobStatus.pending;
  // With nothing left that tells (all was collected as garbage, or never existed), the job stays what it was.
  const known = counts.allocs + delta.allocs + counts.evals + delta.evals > 0;
  if (known || delta.shrunk || job.Stop) return JobStatus.dead;
  return job.Status || JobStatus.pending;
}

type Hook = (derived: DerivedChanges, before: AnyRow | undefined, after: AnyRow | undefined, txn: Txn) => void;

/** Which tables' writes others follow from. Each hook notes differences only; it must cost the same however many rows there are. */
export const hooks: Partial<Record<TableName, Hook>> = {
  jobs: (derived, before, after, txn) => jobChanged(derived, before as Job | undefined, after as Job | undefined, txn),
  allocations: (derived, before, after, txn) =>
    allocationChanged(derived, before as Allocation | undefined, after as Allocation | undefined, txn),
  evaluations: (derived, before, after, txn) =>
    evaluationChanged(derived, before as Evaluation | undefined, after as Evaluation | undefined, txn),
};

function jobChanged(derived: DerivedChanges, before: Job | undefined, after: Job | undefined, txn: Txn): void {
  const row = (after ?? before) as Job;
  const delta = derived.job(jobKey(row.Namespace, row.ID), txn);
  delta.removed = after === undefined;
  delta.jobCreateIndex = after?.CreateIndex;
  if (after && after.TaskGroups !== before?.TaskGroups) delta.groupNames = after.TaskGroups.map((group) => group.Name);
  if (row.ParentID !== "" && before?.Status !== after?.Status) {
    const parent = derived.job(jobKey(row.Namespace, row.ParentID), txn);
    parent.children ??= { Pending: 0, Running: 0, Dead: 0 };
    const was = before && CHILD_COUNTERS[before.Status];
    const is = after && CHILD_COUNTERS[after.Status];
    if (was) parent.children[was]--;
    if (is) parent.children[is]++;
  }
}

function allocationChanged(
  derived: DerivedChanges,
  before: Allocation | undefined,
  after: Allocation | undefined,
  txn: Txn,
): void {
  const row = (after ?? before) as Allocation;
  const delta = derived.job(jobKey(row.Namespace, row.JobID), txn);
  delta.allocs += (after ? 1 : 0) - (before ? 1 : 0);
  delta.liveAllocs += liveAlloc(after) - liveAlloc(before);
  if (!after) delta.shrunk = true;
  if (
    before &&
    before.Job !== after?.Job &&
    !(after && sameVersion(before.Job, after.Job)) &&
    txn.count("allocJobs") > 0
  ) {
    derived.release(before.Job);
  }
  if (after?.DeploymentID) addToDeployment(derived.deployments, before, after);
  if (row.Job.CreateIndex !== delta.jobCreateIndex) return;
  // A summary remembers what ran to its end: collecting finished allocations as garbage does not change it.
  if (before?.ClientStatus === after?.ClientStatus || (!after && clientTerminal(row))) return;
  delta.groups ??= new Map();
  let group = delta.groups.get(row.TaskGroup);
  if (!group)
    delta.groups.set(row.TaskGroup, (group = { Complete: 0, Failed: 0, Running: 0, Starting: 0, Lost: 0, Unknown: 0 }));
  const was = before && SUMMARY_COUNTERS[before.ClientStatus];
  const is = after && SUMMARY_COUNTERS[after.ClientStatus];
  if (was) group[was]--;
  if (is) group[is]++;
}

function evaluationChanged(
  derived: DerivedChanges,
  before: Evaluation | undefined,
  after: Evaluation | undefined,
  txn: Txn,
): void {
  const row = (after ?? before) as Evaluation;
  const delta = derived.job(jobKey(row.Namespace, row.JobID), txn);
  delta.evals += (after ? 1 : 0) - (before ? 1 : 0);
  delta.liveEvals += liveEval(after) - liveEval(before);
  if (!after) delta.shrunk = true;
  // A canceled evaluation knows nothing newer than the one that made it needless.
  if (after?.QueuedAllocations && after.Status !== EvalStatus.canceled)
    delta.queued = { ...delta.queued, ...after.QueuedAllocations };
}

/** The counter of a summary that an allocation with this client status is in. */
export const SUMMARY_COUNTERS: Readonly<Record<string, keyof GroupDelta | undefined>> = {
  pending: "Starting",
  running: "Running",
  complete: "Complete",
  failed: "Failed",
  lost: "Lost",
  unknown: "Unknown",
};
