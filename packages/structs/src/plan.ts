import type { Allocation } from "./allocation.js";
import type { Deployment } from "./deployment.js";
import type { Evaluation } from "./evaluation.js";
import type { PlanAnnotations } from "./evaluation.js";

/** A change of an allocation that exists: stop, evict, hand over to a new evaluation. Only `ID` and what changes. */
export type AllocationChange = Partial<Omit<Allocation, "ID">> & { ID: string };

/** A change of a deployment's status. */
export interface DeploymentStatusUpdate {
  DeploymentID: string;
  Status: string;
  StatusDescription: string;
}

/** What the scheduler wants for one evaluation, on the state at `snapshotIndex`. */
export interface Plan {
  evalID: string;
  priority: number;
  snapshotIndex: number;
  /** Nothing of the plan may be applied unless all of it can be. */
  allAtOnce: boolean;
  /** New allocations and full in-place updates, by node. */
  placed: Map<string, Allocation[]>;
  /** Stops and other changes, by node. */
  changed: Map<string, AllocationChange[]>;
  deployment: Deployment | null;
  deploymentUpdates: DeploymentStatusUpdate[];
  annotations: PlanAnnotations | null;
}

/** What of a plan is applied: the payload of the command, with the evaluation's new status in the same entry. */
export interface PlanResult {
  evalID: string;
  snapshotIndex: number;
  allocsPlaced: Allocation[];
  allocsUpdated: AllocationChange[];
  deployment: Deployment | null;
  deploymentUpdates: DeploymentStatusUpdate[];
  evaluations: Evaluation[];
}
