import {
  type AllocDeploymentStatus,
  deploymentActive,
  DeploymentStatus,
  type DeploymentStatusUpdate,
} from "@steppe/structs";
import { errors } from "../errors.js";
import type { Allocation, Deployment, Evaluation, Job } from "../rows.js";
import { formatTimestamp } from "../timestamp.js";
import type { Txn } from "../txn.js";
import { command } from "./command.js";
import { putEvaluations } from "./evaluations.js";
import { setStability } from "./job-versions.js";
import { upsertJob } from "./jobs.js";

function activeDeployment(txn: Txn, id: string): Deployment {
  const deployment = txn.get("deployments", id);
  if (!deployment) throw errors.deploymentNotFound();
  if (!deploymentActive(deployment)) throw errors.deploymentTerminal({ id, status: deployment.Status });
  return deployment;
}

/** Sets a deployment's status; the version that it rolled out with success is stable from then on. Unknown deployments are passed over. */
export function updateDeploymentStatus(txn: Txn, update: DeploymentStatusUpdate, nowNs?: number): void {
  const deployment = txn.get("deployments", update.DeploymentID);
  if (!deployment) return;
  txn.put("deployments", {
    ...deployment,
    Status: update.Status,
    StatusDescription: update.StatusDescription,
    ModifyTime: nowNs ?? deployment.ModifyTime,
  });
  if (update.Status === DeploymentStatus.successful) {
    setStability(txn, deployment.Namespace, deployment.JobID, deployment.JobVersion, true);
  }
}

function putJobAndEvaluation(txn: Txn, job: Job | null | undefined, evaluation: Evaluation | null | undefined): void {
  if (job) {
    const written = upsertJob(txn, job);
    if (evaluation) evaluation.JobModifyIndex = written.JobModifyIndex;
  }
  if (evaluation) putEvaluations(txn, [evaluation]);
}

export interface DeploymentStatusUpdatePayload {
  update: DeploymentStatusUpdate;
  /** The job to go back to, when the deployment has failed. */
  job?: Job | null;
  evaluation?: Evaluation | null;
  nowNs?: number;
}

/** Refuses to change a deployment that has ended. */
export const deploymentStatusUpdate = command<DeploymentStatusUpdatePayload, { index: number }>({
  id: 12,
  apply: (txn, { update, job, evaluation, nowNs }) => {
    activeDeployment(txn, update.DeploymentID);
    updateDeploymentStatus(txn, update, nowNs);
    putJobAndEvaluation(txn, job, evaluation);
    return { index: txn.index };
  },
});

export interface DeploymentAllocHealthPayload {
  deploymentID: string;
  healthyAllocIDs: string[];
  unhealthyAllocIDs: string[];
  nowNs: number;
  update?: DeploymentStatusUpdate | null;
  job?: Job | null;
  evaluation?: Evaluation | null;
}

/** Sets the health of a deployment's allocations by hand. Allocations of other deployments are passed over. */
export const deploymentAllocHealth = command<DeploymentAllocHealthPayload, { index: number }>({
  id: 13,
  apply: (txn, { deploymentID, healthyAllocIDs, unhealthyAllocIDs, nowNs, update, job, evaluation }) => {
    activeDeployment(txn, deploymentID);
    const set = (id: string, healthy: boolean): void => {
      const alloc = txn.get("allocations", id);
      if (alloc?.DeploymentID === deploymentID)
        txn.put("allocations", withHealth(alloc, { Healthy: healthy }, nowNs, txn.index));
    };
    for (const id of healthyAllocIDs) set(id, true);
    for (const id of unhealthyAllocIDs) set(id, false);
    if (update) updateDeploymentStatus(txn, update, nowNs);
    putJobAndEvaluation(txn, job, evaluation);
    return { index: txn.index };
  },
});

function withHealth(
  alloc: Allocation,
  change: Partial<AllocDeploymentStatus>,
  nowNs: number,
  index: number,
): Allocation {
  const status: AllocDeploymentStatus = {
    Healthy: alloc.DeploymentStatus?.Healthy ?? null,
    Canary: alloc.DeploymentStatus?.Canary ?? false,
    Timestamp: formatTimestamp(nowNs / 1e6),
    ModifyIndex: index,
    ...change,
  };
  return { ...alloc, DeploymentStatus: status, ModifyTime: nowNs };
}

export interface DeploymentPromotePayload {
  deploymentID: string;
  /** Null promotes all groups. */
  groups: string[] | null;
  update?: DeploymentStatusUpdate | null;
  evaluation?: Evaluation | null;
  nowNs: number;
}

/** Lets the canaries of groups be ordinary allocations of the new version. Whether they are healthy enough is checked before it is proposed. */
export const deploymentPromote = command<DeploymentPromotePayload, { index: number }>({
  id: 21,
  apply: (txn, { deploymentID, groups: names, update, evaluation, nowNs }) => {
    const deployment = activeDeployment(txn, deploymentID);
    const groups = { ...deployment.TaskGroups };
    for (const name of Object.keys(groups).sort()) {
      const group = groups[name];
      if (!group || group.DesiredCanaries === 0 || (names && !names.includes(name))) continue;
      groups[name] = { ...group, Promoted: true };
      for (const id of group.PlacedCanaries ?? []) {
        const alloc = txn.get("allocations", id);
        if (alloc?.DeploymentStatus?.Canary)
          txn.put("allocations", withHealth(alloc, { Canary: false }, nowNs, txn.index));
      }
    }
    txn.put("deployments", { ...deployment, TaskGroups: groups, ModifyTime: nowNs });
    if (update) updateDeploymentStatus(txn, update, nowNs);
    if (evaluation) putEvaluations(txn, [evaluation]);
    return { index: txn.index };
  },
});

export interface DeploymentDeletePayload {
  ids: string[];
}

export const deploymentDelete = command<DeploymentDeletePayload, { index: number; count: number }>({
  id: 18,
  apply: (txn, { ids }) => {
    let count = 0;
    for (const id of ids) if (txn.delete("deployments", id)) count++;
    return { index: txn.index, count };
  },
});
