import type { AllocationChange, Deployment, DeploymentStatusUpdate, Evaluation } from "@steppe/structs";
import { jobOfVersion } from "../row-codec.js";
import type { Allocation } from "../rows.js";
import type { Txn } from "../txn.js";
import { command } from "./command.js";
import { updateDeploymentStatus } from "./deployments.js";
import { putEvaluations } from "./evaluations.js";

/** Which version of a job an allocation is of. A whole job will do; only this of it goes into the log. */
export interface JobReference {
  Version: number;
  CreateIndex: number;
}

/** An allocation in a plan: `Job` may be the whole job, the reference, or missing for the job's current version. */
export type PlacedAllocation = Omit<Allocation, "Job"> & { Job?: JobReference | null };

/** What of a plan is applied, with the new status of its evaluation and the evaluations that follow from it. */
export interface PlanPayload {
  evalID: string;
  snapshotIndex: number;
  /** New allocations, and whole rows of those that are updated in place. */
  allocsPlaced: PlacedAllocation[];
  /** Stops, evictions and other changes by the server: only ID and what changes. */
  allocsUpdated: AllocationChange[];
  deployment: Deployment | null;
  deploymentUpdates: DeploymentStatusUpdate[];
  evaluations: Evaluation[];
}

export interface PlanApplyPayload {
  plans: PlanPayload[];
}

export interface PlanApplyResult {
  index: number;
  /** Allocations that were not placed because their job's version is gone. */
  skippedAllocIDs: string[];
}

const reference = (job: JobReference | null | undefined): JobReference | undefined =>
  job ? { CreateIndex: job.CreateIndex, Version: job.Version } : undefined;

export const planApply = command<PlanApplyPayload, PlanApplyResult>({
  id: 11,
  encode: ({ plans }) => ({
    plans: plans.map((plan) => ({
      ...plan,
      allocsPlaced: plan.allocsPlaced.map((alloc) => ({ ...alloc, Job: reference(alloc.Job) })),
    })),
  }),
  apply: (txn, { plans }) => {
    const skippedAllocIDs: string[] = [];
    for (const plan of plans) applyPlan(txn, plan, skippedAllocIDs);
    return { index: txn.index, skippedAllocIDs };
  },
});

function applyPlan(txn: Txn, plan: PlanPayload, skippedAllocIDs: string[]): void {
  // The deployment comes first: allocations are counted in it.
  if (plan.deployment) txn.put("deployments", plan.deployment);
  for (const update of plan.deploymentUpdates) updateDeploymentStatus(txn, update);
  for (const change of plan.allocsUpdated) {
    const existing = txn.get("allocations", change.ID);
    if (existing) putServerSide(txn, { ...existing, ...change, Job: existing.Job });
  }
  for (const placed of plan.allocsPlaced) if (!place(txn, placed)) skippedAllocIDs.push(placed.ID);
  putEvaluations(txn, plan.evaluations);
}

function putServerSide(txn: Txn, row: Allocation): void {
  row.AllocModifyIndex = txn.index;
  txn.put("allocations", row);
}

/** Places a new allocation, or updates one in place. False if there is no job to refer to. */
function place(txn: Txn, placed: PlacedAllocation): boolean {
  const job = placed.Job
    ? jobOfVersion(txn, placed.Namespace, placed.JobID, placed.Job.Version, placed.Job.CreateIndex)
    : txn.get("jobs", `${placed.Namespace}\0${placed.JobID}`);
  if (!job) return false;
  const row = placed as Allocation;
  row.Job = job;
  const existing = txn.get("allocations", placed.ID);
  if (existing) keepClientFields(row, existing);
  putServerSide(txn, row);
  if (!existing && row.PreviousAllocation) linkPrevious(txn, row.PreviousAllocation, row.ID);
  return true;
}

/** What the node agent reports outlives an in-place update; health does not outlive the deployment that it was measured for. */
function keepClientFields(row: Allocation, existing: Allocation): void {
  row.ClientStatus = existing.ClientStatus;
  row.ClientDescription = existing.ClientDescription;
  row.TaskStates = existing.TaskStates;
  row.NetworkStatus = existing.NetworkStatus;
  row.CreateTime = existing.CreateTime;
  if (row.DeploymentStatus === undefined && row.DeploymentID === existing.DeploymentID)
    row.DeploymentStatus = existing.DeploymentStatus;
}

function linkPrevious(txn: Txn, previousID: string, nextID: string): void {
  const previous = txn.get("allocations", previousID);
  if (previous && previous.NextAllocation !== nextID) txn.put("allocations", { ...previous, NextAllocation: nextID });
}
