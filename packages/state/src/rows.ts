import type {
  Allocation,
  Deployment,
  Evaluation,
  Job,
  JobSubmission,
  JobSummary,
  Namespace,
  Node,
  NodePool,
  SchedulerConfig,
} from "@steppe/structs";

export type {
  Allocation,
  Deployment,
  Evaluation,
  Job,
  JobSubmission,
  JobSummary,
  Namespace,
  Node,
  NodePool,
  SchedulerConfig,
};

/** A fact about the cluster that belongs to no other table. */
export interface MetaRow {
  Key: string;
  Value: unknown;
  CreateIndex: number;
  ModifyIndex: number;
}

/** A part of a snapshot that is about to be restored. */
export interface RestorePart {
  RestoreID: string;
  Number: number;
  /** Whole lines of the snapshot. */
  Lines: string;
}

/** The key of a job, of its summary, and the value of the `byJob` indexes. */
export const jobKey = (namespace: string, jobID: string): string => `${namespace}\0${jobID}`;

/** The key of a superseded version, and of a submission. */
export const versionKey = (namespace: string, jobID: string, version: number): string =>
  `${namespace}\0${jobID}\0${padded(version, 10)}`;

/** The key of a job kept only because allocations refer to it: a job that was purged and registered again starts over at version 0. */
export const allocJobKey = (job: Pick<Job, "Namespace" | "ID" | "CreateIndex" | "Version">): string =>
  `${jobKey(job.Namespace, job.ID)}\0${padded(job.CreateIndex, 20)}\0${padded(job.Version, 10)}`;

/** A row's place in the order of creation: the value of the `byCreate` indexes, `<CreateIndex, 20 digits>.<ID>`. */
export const createKey = (row: { CreateIndex: number; ID: string }): string =>
  `${padded(row.CreateIndex, 20)}.${row.ID}`;

export const restorePartKey = (restoreID: string, number: number): string => `${restoreID}\0${padded(number, 10)}`;

/** The only key of table `schedulerConfig`. */
export const SCHEDULER_CONFIG_KEY = "config";

const ZEROS = "00000000000000000000";

/** The number in decimal with leading zeros, so that texts sort as the numbers do. */
function padded(value: number, digits: number): string {
  const text = String(value);
  return ZEROS.slice(0, digits - text.length) + text;
}
