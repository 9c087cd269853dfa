import type { Allocation, DeploymentState } from "@steppe/structs";
import { formatTimestamp } from "./timestamp.js";
import type { Txn } from "./txn.js";

/** What a transaction's allocations mean for one group of a deployment. */
export interface DeploymentDelta {
  placed: number;
  healthy: number;
  unhealthy: number;
  canaries: string[];
  /** When the latest of them was placed or became healthy, in nanoseconds; 0 if none was. */
  progressNs: number;
}

/** Notes one allocation that belongs to a deployment after a write. */
export function addToDeployment(
  deployments: Map<string, Map<string, DeploymentDelta>>,
  before: Allocation | undefined,
  after: Allocation,
): void {
  // An allocation that an in-place update hands from one deployment to the next is new to the next.
  const isNew = before?.DeploymentID !== after.DeploymentID;
  const was = isNew ? undefined : (before?.DeploymentStatus?.Healthy ?? undefined);
  const is = after.DeploymentStatus?.Healthy ?? undefined;
  if (!isNew && was === is) return;
  const id = after.DeploymentID as string;
  let groups = deployments.get(id);
  if (!groups) deployments.set(id, (groups = new Map<string, DeploymentDelta>()));
  let delta = groups.get(after.TaskGroup);
  if (!delta)
    groups.set(after.TaskGroup, (delta = { placed: 0, healthy: 0, unhealthy: 0, canaries: [], progressNs: 0 }));
  if (isNew) {
    delta.placed++;
    if (after.DeploymentStatus?.Canary) delta.canaries.push(after.ID);
  }
  delta.healthy += (is === true ? 1 : 0) - (was === true ? 1 : 0);
  delta.unhealthy += (is === false ? 1 : 0) - (was === false ? 1 : 0);
  if (is !== false) delta.progressNs = Math.max(delta.progressNs, after.ModifyTime || after.CreateTime || 0);
}

/** Adds the differences to the deployments' rows, each written once. */
export function updateDeployments(txn: Txn, deployments: Map<string, Map<string, DeploymentDelta>>): void {
  for (const id of [...deployments.keys()].sort()) {
    const deployment = txn.get("deployments", id);
    if (!deployment) continue;
    const groups = { ...deployment.TaskGroups };
    for (const [name, delta] of deployments.get(id) ?? []) {
      const group = groups[name];
      if (group) groups[name] = addToGroup(group, delta);
    }
    txn.put("deployments", { ...deployment, TaskGroups: groups });
  }
}

function addToGroup(group: DeploymentState, delta: DeploymentDelta): DeploymentState {
  const extended = delta.progressNs > 0 && group.ProgressDeadline > 0;
  return {
    ...group,
    PlacedAllocs: group.PlacedAllocs + delta.placed,
    HealthyAllocs: group.HealthyAllocs + delta.healthy,
    UnhealthyAllocs: group.UnhealthyAllocs + delta.unhealthy,
    PlacedCanaries:
      delta.canaries.length > 0 ? [...(group.PlacedCanaries ?? []), ...delta.canaries] : group.PlacedCanaries,
    RequireProgressBy: extended
      ? formatTimestamp((delta.progressNs + group.ProgressDeadline) / 1e6)
      : group.RequireProgressBy,
  };
}
