import type { Static } from "@sinclair/typebox";
import { AllocMetricSchema } from "./alloc-metric.js";
import { any, bool, duration, int, list, map, nanos, omit, ptr, str, struct, time, uint } from "./schema.js";

/** What a plan does to a group, in numbers. */
export const DesiredUpdatesSchema = struct("DesiredUpdates", {
  Ignore: uint(),
  Place: uint(),
  Migrate: uint(),
  Stop: uint(),
  InPlaceUpdate: uint(),
  DestructiveUpdate: uint(),
  Canary: uint(),
  Preemptions: uint(),
  Disconnect: uint(),
  Reconnect: uint(),
  RescheduleNow: uint(),
  RescheduleLater: uint(),
});
export interface DesiredUpdates extends Static<typeof DesiredUpdatesSchema> {}

export const PlanAnnotationsSchema = struct("PlanAnnotations", {
  DesiredTGUpdates: map(DesiredUpdatesSchema),
  PreemptedAllocs: list(any()),
});
export interface PlanAnnotations extends Static<typeof PlanAnnotationsSchema> {}

/** A short form of another evaluation, for `?related=true`. */
export const EvaluationStubSchema = struct("EvaluationStub", {
  ID: str(),
  Namespace: str(),
  Priority: int(),
  Type: str(),
  TriggeredBy: str(),
  JobID: str(),
  NodeID: str(),
  DeploymentID: str(),
  Status: str(),
  StatusDescription: str(),
  WaitUntil: time(),
  NextEval: str(),
  PreviousEval: str(),
  BlockedEval: str(),
  CreateIndex: uint(),
  ModifyIndex: uint(),
  CreateTime: nanos(),
  ModifyTime: nanos(),
});
export interface EvaluationStub extends Static<typeof EvaluationStubSchema> {}

/** Work for the scheduler: look at this job. Times in nanoseconds; `WaitUntil` is RFC 3339. Empty values are left out. */
export const EvaluationSchema = struct("Evaluation", {
  ID: str(),
  Namespace: str(),
  Priority: int(),
  Type: str(),
  TriggeredBy: str(),
  JobID: str(),
  JobModifyIndex: omit(uint()),
  NodeID: omit(str()),
  NodeModifyIndex: omit(uint()),
  DeploymentID: omit(str()),
  Status: str(),
  StatusDescription: omit(str()),
  Wait: omit(duration()),
  WaitUntil: omit(time()),
  NextEval: omit(str()),
  PreviousEval: omit(str()),
  BlockedEval: omit(str()),
  RelatedEvals: omit(list(EvaluationStubSchema)),
  FailedTGAllocs: omit(map(AllocMetricSchema)),
  PlanAnnotations: omit(ptr(PlanAnnotationsSchema)),
  ClassEligibility: omit(map(bool())),
  QuotaLimitReached: omit(str()),
  EscapedComputedClass: omit(bool()),
  AnnotatePlan: omit(bool()),
  QueuedAllocations: omit(map(int())),
  SnapshotIndex: omit(uint()),
  CreateIndex: uint(),
  ModifyIndex: uint(),
  CreateTime: nanos(),
  ModifyTime: nanos(),
});
export interface Evaluation extends Static<typeof EvaluationSchema> {}
