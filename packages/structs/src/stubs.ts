import type { Allocation, DesiredTransition } from "./allocation.js";
import type { Evaluation, EvaluationStub } from "./evaluation.js";
import type { Job } from "./job.js";
import type { JobSummary } from "./job-summary.js";
import type { Node } from "./node.js";
import { ZERO_TIME } from "./schema.js";

/** A job in GET /v1/jobs. Key order is the API's. */
export interface JobListStub extends Pick<
  Job,
  | "ID"
  | "ParentID"
  | "Name"
  | "Namespace"
  | "Datacenters"
  | "NodePool"
  | "Multiregion"
  | "Type"
  | "Priority"
  | "Stop"
  | "Status"
  | "StatusDescription"
  | "CreateIndex"
  | "ModifyIndex"
  | "JobModifyIndex"
  | "SubmitTime"
  | "Meta"
> {
  Periodic: boolean;
  ParameterizedJob: boolean;
  JobSummary: JobSummary | null;
}

/** The list entry of a job; `meta` asks for its metadata. */
export function jobListStub(job: Job, summary: JobSummary | undefined, options: { meta?: boolean } = {}): JobListStub {
  return {
    ID: job.ID,
    ParentID: job.ParentID,
    Name: job.Name,
    Namespace: job.Namespace,
    Datacenters: job.Datacenters,
    NodePool: job.NodePool,
    Multiregion: job.Multiregion,
    Type: job.Type,
    Priority: job.Priority,
    Periodic: job.Periodic !== null,
    ParameterizedJob: job.ParameterizedJob !== null,
    Stop: job.Stop,
    Status: job.Status,
    StatusDescription: job.StatusDescription,
    JobSummary: summary ?? null,
    CreateIndex: job.CreateIndex,
    ModifyIndex: job.ModifyIndex,
    JobModifyIndex: job.JobModifyIndex,
    SubmitTime: job.SubmitTime,
    Meta: options.meta ? job.Meta : null,
  };
}

/** A node in GET /v1/nodes. Key order is the API's. */
export interface NodeListStub extends Pick<
  Node,
  | "ID"
  | "Datacenter"
  | "Name"
  | "NodePool"
  | "NodeClass"
  | "Drain"
  | "SchedulingEligibility"
  | "Status"
  | "StatusDescription"
  | "Drivers"
  | "HostVolumes"
  | "LastDrain"
  | "CreateIndex"
  | "ModifyIndex"
> {
  Address: string;
  Attributes: Record<string, string> | null;
  Version: string;
  NodeResources: Node["NodeResources"] | null;
  ReservedResources: Node["ReservedResources"] | null;
}

/** The list entry of a node: `resources` adds what it has, `os` the attributes that name its operating system. */
export function nodeListStub(node: Node, options: { resources?: boolean; os?: boolean } = {}): NodeListStub {
  return {
    Address: hostOf(node.HTTPAddr),
    ID: node.ID,
    Attributes: options.os ? { "os.name": node.Attributes["os.name"] ?? "" } : null,
    Datacenter: node.Datacenter,
    Name: node.Name,
    NodePool: node.NodePool,
    NodeClass: node.NodeClass,
    Version: node.Attributes["nomad.version"] ?? "",
    Drain: node.DrainStrategy !== null,
    SchedulingEligibility: node.SchedulingEligibility,
    Status: node.Status,
    StatusDescription: node.StatusDescription,
    Drivers: node.Drivers,
    HostVolumes: node.HostVolumes,
    NodeResources: options.resources ? node.NodeResources : null,
    ReservedResources: options.resources ? node.ReservedResources : null,
    LastDrain: node.LastDrain,
    CreateIndex: node.CreateIndex,
    ModifyIndex: node.ModifyIndex,
  };
}

function hostOf(address: string): string {
  const colon = address.lastIndexOf(":");
  return (colon < 0 ? address : address.slice(0, colon)).replace(/^\[(.*)\]$/, "$1");
}

const NO_TRANSITION: DesiredTransition = Object.freeze({
  Migrate: null,
  Reschedule: null,
  ForceReschedule: null,
  NoShutdownDelay: null,
  MigrateDisablePlacement: null,
});

/** An allocation in a list. Key order is the API's; nothing is left out. */
export interface AllocListStub {
  ID: string;
  EvalID: string;
  Name: string;
  Namespace: string;
  NodeID: string;
  NodeName: string;
  JobID: string;
  JobType: string;
  JobVersion: number;
  TaskGroup: string;
  AllocatedResources: Allocation["AllocatedResources"] | null;
  DesiredStatus: string;
  DesiredDescription: string;
  ClientStatus: string;
  ClientDescription: string;
  DesiredTransition: DesiredTransition;
  TaskStates: NonNullable<Allocation["TaskStates"]> | null;
  DeploymentStatus: NonNullable<Allocation["DeploymentStatus"]> | null;
  FollowupEvalID: string;
  NextAllocation: string;
  RescheduleTracker: NonNullable<Allocation["RescheduleTracker"]> | null;
  PreemptedAllocations: string[] | null;
  PreemptedByAllocation: string;
  CreateIndex: number;
  ModifyIndex: number;
  CreateTime: number;
  ModifyTime: number;
}

/** The list entry of an allocation. Task states are in unless told otherwise, resources only when asked for. */
export function allocListStub(
  alloc: Allocation,
  options: { resources?: boolean; taskStates?: boolean } = {},
): AllocListStub {
  return {
    ID: alloc.ID,
    EvalID: alloc.EvalID,
    Name: alloc.Name,
    Namespace: alloc.Namespace,
    NodeID: alloc.NodeID,
    NodeName: alloc.NodeName,
    JobID: alloc.JobID,
    JobType: alloc.Job.Type,
    JobVersion: alloc.Job.Version,
    TaskGroup: alloc.TaskGroup,
    AllocatedResources: options.resources ? alloc.AllocatedResources : null,
    DesiredStatus: alloc.DesiredStatus,
    DesiredDescription: alloc.DesiredDescription ?? "",
    ClientStatus: alloc.ClientStatus,
    ClientDescription: alloc.ClientDescription ?? "",
    DesiredTransition: alloc.DesiredTransition ?? NO_TRANSITION,
    TaskStates: options.taskStates === false ? null : (alloc.TaskStates ?? null),
    DeploymentStatus: alloc.DeploymentStatus ?? null,
    FollowupEvalID: alloc.FollowupEvalID ?? "",
    NextAllocation: alloc.NextAllocation ?? "",
    RescheduleTracker: alloc.RescheduleTracker ?? null,
    PreemptedAllocations: alloc.PreemptedAllocations ?? null,
    PreemptedByAllocation: alloc.PreemptedByAllocation ?? "",
    CreateIndex: alloc.CreateIndex,
    ModifyIndex: alloc.ModifyIndex,
    CreateTime: alloc.CreateTime,
    ModifyTime: alloc.ModifyTime,
  };
}

/** The short form of an evaluation in another one's `RelatedEvals`. */
export function evaluationStub(evaluation: Evaluation): EvaluationStub {
  return {
    ID: evaluation.ID,
    Namespace: evaluation.Namespace,
    Priority: evaluation.Priority,
    Type: evaluation.Type,
    TriggeredBy: evaluation.TriggeredBy,
    JobID: evaluation.JobID,
    NodeID: evaluation.NodeID ?? "",
    DeploymentID: evaluation.DeploymentID ?? "",
    Status: evaluation.Status,
    StatusDescription: evaluation.StatusDescription ?? "",
    WaitUntil: evaluation.WaitUntil ?? ZERO_TIME,
    NextEval: evaluation.NextEval ?? "",
    PreviousEval: evaluation.PreviousEval ?? "",
    BlockedEval: evaluation.BlockedEval ?? "",
    CreateIndex: evaluation.CreateIndex,
    ModifyIndex: evaluation.ModifyIndex,
    CreateTime: evaluation.CreateTime,
    ModifyTime: evaluation.ModifyTime,
  };
}
