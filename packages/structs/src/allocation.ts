import type { Static } from "@sinclair/typebox";
import { AllocMetricSchema } from "./alloc-metric.js";
import { type Job, JobSchema } from "./job.js";
import { DNSConfigSchema } from "./network.js";
import { AllocatedResourcesSchema, ResourcesSchema } from "./resources.js";
import { bool, duration, list, map, nanos, omit, ptr, str, struct, time, uint } from "./schema.js";
import { TaskStateSchema } from "./task-state.js";

/** What the server wants of an allocation besides its desired status; null means not asked for. */
export const DesiredTransitionSchema = struct("DesiredTransition", {
  Migrate: ptr(bool()),
  Reschedule: ptr(bool()),
  ForceReschedule: ptr(bool()),
  NoShutdownDelay: ptr(bool()),
  MigrateDisablePlacement: ptr(bool()),
});
export interface DesiredTransition extends Static<typeof DesiredTransitionSchema> {}

/** `RescheduleTime` and `Delay` in nanoseconds. */
export const RescheduleEventSchema = struct("RescheduleEvent", {
  RescheduleTime: nanos(),
  PrevAllocID: str(),
  PrevNodeID: str(),
  Delay: duration(),
});
export interface RescheduleEvent extends Static<typeof RescheduleEventSchema> {}

export const RescheduleTrackerSchema = struct("RescheduleTracker", {
  Events: list(RescheduleEventSchema),
  LastReschedule: str(),
});
export interface RescheduleTracker extends Static<typeof RescheduleTrackerSchema> {}

/** Health of an allocation in its deployment; `Healthy` is null until it is known. */
export const AllocDeploymentStatusSchema = struct("AllocDeploymentStatus", {
  Healthy: ptr(bool()),
  Timestamp: time(),
  Canary: bool(),
  ModifyIndex: uint(),
});
export interface AllocDeploymentStatus extends Static<typeof AllocDeploymentStatusSchema> {}

export const AllocNetworkStatusSchema = struct("AllocNetworkStatus", {
  InterfaceName: str(),
  Address: str(),
  AddressIPv6: str(),
  DNS: ptr(DNSConfigSchema),
});
export interface AllocNetworkStatus extends Static<typeof AllocNetworkStatusSchema> {}

/** A change of an allocation's state worth keeping (such as unknown): field, value and RFC 3339 time. */
export const AllocStateSchema = struct("AllocState", { Field: str(), Value: str(), Time: time() });
export interface AllocState extends Static<typeof AllocStateSchema> {}

/** A group of a job placed on a node. Times in nanoseconds. */
export const AllocationSchema = struct("Allocation", {
  ID: str(),
  Namespace: str(),
  EvalID: str(),
  Name: str(),
  NodeID: str(),
  NodeName: str(),
  JobID: str(),
  Job: JobSchema,
  TaskGroup: str(),
  Resources: omit(ptr(ResourcesSchema)),
  SharedResources: omit(ptr(ResourcesSchema)),
  TaskResources: omit(map(ResourcesSchema)),
  AllocatedResources: AllocatedResourcesSchema,
  Metrics: omit(ptr(AllocMetricSchema)),
  DesiredStatus: str(),
  DesiredDescription: omit(str()),
  DesiredTransition: omit(DesiredTransitionSchema),
  ClientStatus: str(),
  ClientDescription: omit(str()),
  TaskStates: omit(map(TaskStateSchema)),
  AllocStates: omit(list(AllocStateSchema)),
  PreviousAllocation: omit(str()),
  NextAllocation: omit(str()),
  DeploymentID: omit(str()),
  DeploymentStatus: omit(ptr(AllocDeploymentStatusSchema)),
  RescheduleTracker: omit(ptr(RescheduleTrackerSchema)),
  NetworkStatus: omit(ptr(AllocNetworkStatusSchema)),
  FollowupEvalID: omit(str()),
  PreemptedAllocations: omit(list(str())),
  PreemptedByAllocation: omit(str()),
  SigningKeyID: omit(str()),
  CreateIndex: uint(),
  ModifyIndex: uint(),
  AllocModifyIndex: uint(),
  CreateTime: nanos(),
  ModifyTime: nanos(),
});
export interface Allocation extends Omit<Static<typeof AllocationSchema>, "Job"> {
  /** The version of the job that was placed. In state a reference to the job's row. */
  Job: Job;
}

/** What a node agent reports about one of its allocations. */
export const AllocClientUpdateSchema = struct("AllocClientUpdate", {
  ID: str(),
  ClientStatus: str(),
  ClientDescription: str(),
  TaskStates: map(TaskStateSchema),
  DeploymentStatus: omit(ptr(AllocDeploymentStatusSchema)),
  NetworkStatus: omit(ptr(AllocNetworkStatusSchema)),
  ModifyTime: omit(nanos()),
});
export interface AllocClientUpdate extends Static<typeof AllocClientUpdateSchema> {}
