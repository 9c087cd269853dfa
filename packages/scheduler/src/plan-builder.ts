import type {
  Allocation,
  AllocationChange,
  Deployment,
  DeploymentStatusUpdate,
  DesiredUpdates,
  Evaluation,
  Job,
  Plan,
  TaskGroup,
} from "@steppe/structs";
import { ResourceTemplate } from "./allocation-row.js";
import type { Choice } from "./placer.js";
import type { Stop } from "./reconciler.js";
import { timestampNs } from "./timestamps.js";

/** What is new about an allocation besides where it goes. */
export interface NewAllocation {
  readonly id: string;
  readonly name: string;
  readonly group: TaskGroup;
  readonly deploymentID: string;
  readonly previous: Allocation | null;
  readonly rescheduleTracker: Allocation["RescheduleTracker"];
}

/** Collects what an evaluation wants into a plan. */
export class PlanBuilder {
  readonly plan: Plan;
  readonly #evaluation: Evaluation;
  readonly #nowNs: number;
  readonly #templates = new Map<string, ResourceTemplate>();
  readonly #updates: Record<string, DesiredUpdates> = {};
  #empty = true;

  constructor(evaluation: Evaluation, snapshotIndex: number, nowMs: number, allAtOnce: boolean) {
    this.#evaluation = evaluation;
    this.#nowNs = timestampNs(nowMs);
    this.plan = {
      evalID: evaluation.ID,
      priority: evaluation.Priority,
      snapshotIndex,
      allAtOnce,
      placed: new Map(),
      changed: new Map(),
      deployment: null,
      deploymentUpdates: [],
      annotations: { DesiredTGUpdates: this.#updates, PreemptedAllocs: null },
    };
  }

  /** Whether applying the plan would change nothing. */
  get empty(): boolean {
    return this.#empty;
  }

  stop({ alloc, reason, clientStatus }: Stop): void {
    this.change(alloc, {
      DesiredStatus: "stop",
      DesiredDescription: reason,
      ...(clientStatus === undefined ? {} : { ClientStatus: clientStatus }),
    });
  }

  change(alloc: Allocation, fields: Omit<AllocationChange, "ID">): void {
    const change: AllocationChange = { ID: alloc.ID, ...fields, ModifyTime: this.#nowNs };
    append(this.plan.changed, alloc.NodeID, change);
    this.#empty = false;
  }

  place(job: Job, fresh: NewAllocation, choice: Choice): Allocation {
    const { node, ports, metric } = choice;
    const alloc: Allocation = {
      ID: fresh.id,
      Namespace: job.Namespace,
      EvalID: this.#evaluation.ID,
      Name: fresh.name,
      NodeID: node.ID,
      NodeName: node.Name,
      JobID: job.ID,
      Job: job,
      TaskGroup: fresh.group.Name,
      ...this.#template(fresh.group).rows(ports),
      Metrics: metric,
      DesiredStatus: "run",
      ClientStatus: "pending",
      ...(fresh.previous ? { PreviousAllocation: fresh.previous.ID } : {}),
      ...(fresh.deploymentID ? { DeploymentID: fresh.deploymentID } : {}),
      ...(fresh.rescheduleTracker ? { RescheduleTracker: fresh.rescheduleTracker } : {}),
      CreateIndex: 0,
      ModifyIndex: 0,
      AllocModifyIndex: 0,
      CreateTime: this.#nowNs,
      ModifyTime: this.#nowNs,
    };
    append(this.plan.placed, node.ID, alloc);
    this.#empty = false;
    return alloc;
  }

  /** The same allocation under the job's new version. Its health is to be reported anew for a new deployment. */
  updateInPlace(job: Job, alloc: Allocation, deploymentID: string): void {
    const { DeploymentID, DeploymentStatus, ...kept } = alloc;
    const same = deploymentID !== "" && DeploymentID === deploymentID;
    append(this.plan.placed, alloc.NodeID, {
      ...kept,
      Job: job,
      EvalID: this.#evaluation.ID,
      ...(deploymentID ? { DeploymentID: deploymentID } : {}),
      ...(same && DeploymentStatus ? { DeploymentStatus } : {}),
      ModifyTime: this.#nowNs,
    });
    this.#empty = false;
  }

  deploy(deployment: Deployment): void {
    this.plan.deployment = deployment;
    this.#empty = false;
  }

  updateDeployment(update: DeploymentStatusUpdate): void {
    this.plan.deploymentUpdates.push(update);
    this.#empty = false;
  }

  countUpdates(group: string, updates: DesiredUpdates): void {
    this.#updates[group] = updates;
  }

  #template(group: TaskGroup): ResourceTemplate {
    let template = this.#templates.get(group.Name);
    if (!template) this.#templates.set(group.Name, (template = new ResourceTemplate(group)));
    return template;
  }
}

function append<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list) list.push(item);
  else lists.set(key, [item]);
}
