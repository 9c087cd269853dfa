import type { Random } from "@steppe/shared";
import { jobKey, type ReadView } from "@steppe/state";
import {
  type Allocation,
  type Deployment,
  deploymentActive,
  type DeploymentState,
  DeploymentStatus,
  DeploymentStatusDescription,
  type DeploymentStatusUpdate,
  type Evaluation,
  type Job,
  type TaskGroup,
} from "@steppe/structs";
import { isOfVersion } from "./classification.js";
import type { RolloutLimits } from "./reconciler.js";
import { formatTimestamp, timestampNs } from "./timestamps.js";

const ZERO_TIME = "0001-01-01T00:00:00Z";
const NS_PER_MS = 1e6;

/** The deployment that an evaluation has to do with, and those that it ends. */
export interface DeploymentOutlook {
  /** The latest deployment of the job's current version, in whatever status. */
  readonly current: Deployment | undefined;
  /** Deployments that are overtaken by a newer version or a stop. */
  readonly cancelled: DeploymentStatusUpdate[];
}

/** Finds a job's deployment. An active one of another version is cancelled. */
export function deploymentOutlook(
  view: ReadView,
  namespace: string,
  jobID: string,
  job: Job | undefined,
): DeploymentOutlook {
  const cancelled: DeploymentStatusUpdate[] = [];
  let current: Deployment | undefined;
  for (const deployment of view.byIndex("deployments", "byJob", jobKey(namespace, jobID))) {
    const ofVersion = job && deployment.JobCreateIndex === job.CreateIndex && deployment.JobVersion === job.Version;
    if (ofVersion && (!current || deployment.CreateIndex > current.CreateIndex)) current = deployment;
    if (!deploymentActive(deployment) || (ofVersion && !job.Stop)) continue;
    const StatusDescription =
      !job || job.Stop ? DeploymentStatusDescription.stoppedJob : DeploymentStatusDescription.newerJob;
    cancelled.push({ DeploymentID: deployment.ID, Status: DeploymentStatus.cancelled, StatusDescription });
  }
  return { current, cancelled };
}

/** Whether a group's changes are rolled out step by step under a deployment. */
export function groupRolls(job: Job, group: TaskGroup): boolean {
  return job.Type === "service" && group.Update !== null && group.Update.MaxParallel > 0;
}

/** What the current deployment lets a group do. A failed or paused one places nothing new and replaces nothing. */
export function rolloutLimits(
  job: Job,
  group: TaskGroup,
  current: Deployment | undefined,
  allocs: readonly Allocation[],
): RolloutLimits {
  if (!groupRolls(job, group)) return { mayPlace: true, replacements: Infinity };
  const halted = current?.Status === DeploymentStatus.failed || current?.Status === DeploymentStatus.paused;
  if (halted) return { mayPlace: false, replacements: 0 };
  let replacements = group.Update?.MaxParallel ?? 0;
  for (const alloc of current ? allocs : []) {
    if (alloc.DeploymentID !== current?.ID || alloc.DesiredStatus !== "run") continue;
    if (alloc.DeploymentStatus?.Healthy === false) return { mayPlace: true, replacements: 0 };
    if (!alloc.DeploymentStatus?.Healthy) replacements--;
  }
  return { mayPlace: true, replacements: Math.max(replacements, 0) };
}

/** Whether this group's changes begin a roll-out: a version of which nothing runs yet, or one that changes what runs. */
export function beginsDeployment(
  job: Job,
  group: TaskGroup,
  allocs: readonly Allocation[],
  changesVersions: boolean,
): boolean {
  if (!groupRolls(job, group) || group.Count === 0) return false;
  return changesVersions || !allocs.some((alloc) => isOfVersion(alloc, job));
}

/** Whether all that a deployment wants is there and healthy. */
export function deploymentComplete(deployment: Deployment, allocs: readonly Allocation[]): boolean {
  const healthy = new Map<string, number>();
  for (const alloc of allocs) {
    if (alloc.DeploymentID !== deployment.ID || alloc.DeploymentStatus?.Healthy !== true) continue;
    healthy.set(alloc.TaskGroup, (healthy.get(alloc.TaskGroup) ?? 0) + 1);
  }
  return Object.entries(deployment.TaskGroups).every(([name, group]) => (healthy.get(name) ?? 0) >= group.DesiredTotal);
}

export function newDeployment(
  job: Job,
  groups: readonly TaskGroup[],
  evaluation: Evaluation,
  nowMs: number,
  random: Random,
): Deployment {
  return {
    ID: random.uuid(),
    Namespace: job.Namespace,
    JobID: job.ID,
    JobVersion: job.Version,
    JobModifyIndex: job.ModifyIndex,
    JobSpecModifyIndex: job.JobModifyIndex,
    JobCreateIndex: job.CreateIndex,
    IsMultiregion: false,
    TaskGroups: Object.fromEntries(groups.map((group) => [group.Name, newDeploymentState(group, nowMs)])),
    Status: DeploymentStatus.running,
    StatusDescription: DeploymentStatusDescription.running,
    EvalPriority: evaluation.Priority,
    CreateIndex: 0,
    ModifyIndex: 0,
    CreateTime: timestampNs(nowMs),
    ModifyTime: timestampNs(nowMs),
  };
}

function newDeploymentState(group: TaskGroup, nowMs: number): DeploymentState {
  const progressDeadlineNs = group.Update?.ProgressDeadline ?? 0;
  return {
    AutoRevert: group.Update?.AutoRevert ?? false,
    AutoPromote: group.Update?.AutoPromote ?? false,
    ProgressDeadline: progressDeadlineNs,
    RequireProgressBy: progressDeadlineNs > 0 ? formatTimestamp(nowMs + progressDeadlineNs / NS_PER_MS) : ZERO_TIME,
    Promoted: false,
    PlacedCanaries: null,
    DesiredCanaries: 0,
    DesiredTotal: group.Count,
    PlacedAllocs: 0,
    HealthyAllocs: 0,
    UnhealthyAllocs: 0,
  };
}
