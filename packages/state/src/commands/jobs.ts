import { isParameterized, isPeriodic, JobStatus, JobType, jobSpecEqual, type ScalingPolicy } from "@steppe/structs";
import { errors } from "../errors.js";
import { type Evaluation, type Job, jobKey, type JobSubmission, versionKey } from "../rows.js";
import type { Txn } from "../txn.js";
import { command } from "./command.js";
import { putEvaluations } from "./evaluations.js";
import { deleteVersions, supersedeVersion } from "./job-versions.js";

export interface JobRegisterPayload {
  job: Job;
  /** Null for jobs that are never evaluated themselves. */
  evaluation: Evaluation | null;
  submission?: JobSubmission | null;
  /** Refuse unless the job's JobModifyIndex is this; 0 if it must not exist. */
  enforceIndex?: number | null;
  /** Keep the counts of groups that exist already. */
  preserveCounts?: boolean;
}

export interface JobWriteResult {
  index: number;
  jobModifyIndex: number;
  /** 0 if no evaluation was made. */
  evalCreateIndex: number;
}

export interface JobDeregisterPayload {
  namespace: string;
  jobID: string;
  /** Delete the job at once, rather than when it is collected as garbage. */
  purge: boolean;
  evaluation: Evaluation | null;
  submitTimeNs: number;
}

export const jobRegister = command<JobRegisterPayload, JobWriteResult>({
  id: 1,
  apply: (txn, { job, evaluation, submission, enforceIndex, preserveCounts }) => {
    const existing = txn.get("jobs", jobKey(job.Namespace, job.ID));
    checkEnforceIndex(existing, enforceIndex);
    if (!txn.get("namespaces", job.Namespace))
      throw errors.namespaceMissing({ jobID: job.ID, namespace: job.Namespace });
    if (existing && preserveCounts) keepCounts(job, existing);
    const written = upsertJob(txn, job, submission);
    if (evaluation) {
      evaluation.JobModifyIndex = written.JobModifyIndex;
      putEvaluations(txn, [evaluation]);
    }
    return { index: txn.index, jobModifyIndex: written.JobModifyIndex, evalCreateIndex: evaluation ? txn.index : 0 };
  },
});

/**
 * Writes a job as its next version, and the version it follows into `jobVersions`. A job whose specification is what it was stays as it is,
 * unless it had been stopped. Returns the job's row.
 */
export function upsertJob(txn: Txn, job: Job, submission?: JobSubmission | null): Job {
  const existing = txn.get("jobs", jobKey(job.Namespace, job.ID));
  if (existing && existing.Stop === job.Stop && jobSpecEqual(existing, job)) return existing;
  job.JobModifyIndex = txn.index;
  job.Stable = false;
  job.VersionTag = null;
  if (existing) {
    supersedeVersion(txn, existing);
    job.Version = existing.Version + 1;
    job.Status = existing.Status;
  } else {
    job.Version = 0;
    // What `finish` would come to anyway in most cases; a right guess saves a second write of the row.
    job.Status =
      job.Type === JobType.system || isPeriodic(job) || isParameterized(job) ? JobStatus.running : JobStatus.pending;
  }
  stampScaling(txn.index, job, existing);
  const written = txn.put("jobs", job);
  if (submission) {
    txn.put("jobSubmissions", {
      ...submission,
      Namespace: job.Namespace,
      JobID: job.ID,
      Version: job.Version,
      JobModifyIndex: job.JobModifyIndex,
    });
  }
  return written;
}

function checkEnforceIndex(existing: Job | undefined, enforceIndex: number | null | undefined): void {
  if (enforceIndex === null || enforceIndex === undefined) return;
  if (enforceIndex === 0) {
    if (existing) throw errors.enforceIndexExists();
  } else if (!existing) {
    throw errors.enforceIndexMissing({ index: enforceIndex });
  } else if (existing.JobModifyIndex !== enforceIndex) {
    throw errors.enforceIndexConflict({ index: enforceIndex, actual: existing.JobModifyIndex });
  }
}

function keepCounts(job: Job, existing: Job): void {
  for (const group of job.TaskGroups) {
    const old = existing.TaskGroups.find(({ Name }) => Name === group.Name);
    if (old) group.Count = old.Count;
  }
}

/** Scaling policies have indexes of their own: that of their first version, and that of the last change of the job. */
function stampScaling(index: number, job: Job, existing: Job | undefined): void {
  for (const group of job.TaskGroups) {
    if (!group.Scaling) continue;
    const old = existing?.TaskGroups.find(({ Name }) => Name === group.Name)?.Scaling;
    group.Scaling.CreateIndex = old?.CreateIndex ?? index;
    group.Scaling.ModifyIndex = index;
  }
}

export const jobDeregister = command<JobDeregisterPayload, JobWriteResult>({
  id: 2,
  apply: (txn, { namespace, jobID, purge, evaluation, submitTimeNs }) => {
    const existing = txn.get("jobs", jobKey(namespace, jobID));
    // Deleting what is not there has succeeded.
    if (!existing) return { index: txn.index, jobModifyIndex: 0, evalCreateIndex: 0 };
    if (purge) deleteJob(txn, existing);
    else txn.put("jobs", stoppedJob(existing, txn.index, submitTimeNs));
    if (evaluation) {
      evaluation.JobModifyIndex = txn.index;
      putEvaluations(txn, [evaluation]);
    }
    return { index: txn.index, jobModifyIndex: txn.index, evalCreateIndex: evaluation ? txn.index : 0 };
  },
});

/** The job, stopped: the same version, with its scaling policies off. */
function stoppedJob(job: Job, index: number, submitTimeNs: number): Job {
  const scalingOff = (policy: ScalingPolicy): ScalingPolicy => ({ ...policy, Enabled: false, ModifyIndex: index });
  const groups = job.TaskGroups.some((group) => group.Scaling)
    ? job.TaskGroups.map((group) => (group.Scaling ? { ...group, Scaling: scalingOff(group.Scaling) } : group))
    : job.TaskGroups;
  return { ...job, TaskGroups: groups, Stop: true, SubmitTime: submitTimeNs, JobModifyIndex: index };
}

/** Deletes a job and what is only about it; its allocations and evaluations remain until they are collected. */
function deleteJob(txn: Txn, job: Job): void {
  deleteVersions(txn, job);
  txn.delete("jobSubmissions", versionKey(job.Namespace, job.ID, job.Version));
  txn.delete("jobs", jobKey(job.Namespace, job.ID));
}

export interface JobsGarbageCollectPayload {
  jobs: { namespace: string; jobID: string }[];
}

/** Deletes jobs that are dead still: one that was registered again since the leader looked stays. */
export const jobsGarbageCollect = command<JobsGarbageCollectPayload, { index: number; count: number }>({
  id: 17,
  apply: (txn, { jobs }) => {
    let count = 0;
    for (const { namespace, jobID } of jobs) {
      const job = txn.get("jobs", jobKey(namespace, jobID));
      if (job?.Status !== JobStatus.dead) continue;
      deleteJob(txn, job);
      count++;
    }
    return { index: txn.index, count };
  },
});
