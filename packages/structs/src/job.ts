import type { Static } from "@sinclair/typebox";
import { AffinitySchema, ConstraintSchema, SpreadSchema } from "./constraint.js";
import { MigrateStrategySchema, ReschedulePolicySchema, UpdateStrategySchema } from "./policies.js";
import { always, bool, int, type Input, list, map, nanos, omit, ptr, str, struct, uint } from "./schema.js";
import { TaskGroupSchema } from "./task-group.js";

export const PeriodicConfigSchema = struct("PeriodicConfig", {
  Enabled: bool(true),
  Spec: str(),
  Specs: always(list(str()), []),
  SpecType: str("cron"),
  ProhibitOverlap: bool(),
  TimeZone: str("UTC"),
});
export interface PeriodicConfig extends Static<typeof PeriodicConfigSchema> {}

export const ParameterizedJobConfigSchema = struct("ParameterizedJobConfig", {
  Payload: str("optional"),
  MetaRequired: list(str()),
  MetaOptional: list(str()),
});
export interface ParameterizedJobConfig extends Static<typeof ParameterizedJobConfigSchema> {}

export const MultiregionSchema = struct("Multiregion", {
  Strategy: ptr(struct("MultiregionStrategy", { MaxParallel: int(), OnFailure: str() })),
  Regions: list(
    struct("MultiregionRegion", {
      Name: str(),
      Count: int(),
      Datacenters: list(str()),
      NodePool: str(),
      Meta: map(str()),
    }),
  ),
});
export interface Multiregion extends Static<typeof MultiregionSchema> {}

export const JobUISchema = struct("JobUIConfig", {
  Description: str(),
  Links: list(struct("JobUILink", { Label: str(), URL: str() })),
});
export const JobVersionTagSchema = struct("JobVersionTag", { Name: str(), Description: str(), TaggedTime: nanos() });
export interface JobVersionTag extends Static<typeof JobVersionTagSchema> {}

/**
 * A job as it is stored and answered. `SubmitTime` is in nanoseconds, `Payload` in base64.
 * `Reschedule` and `Migrate` are read as defaults for the groups; they are not stored.
 */
export const JobSchema = struct("Job", {
  Stop: bool(),
  Region: str("global"),
  Namespace: str("default"),
  ID: str(),
  ParentID: str(),
  Name: str(),
  Type: str("service"),
  Priority: int(),
  AllAtOnce: bool(),
  Datacenters: list(str()),
  NodePool: str(),
  Constraints: list(ConstraintSchema),
  Affinities: list(AffinitySchema),
  Spreads: list(SpreadSchema),
  TaskGroups: always(list(TaskGroupSchema), []),
  Update: UpdateStrategySchema,
  Multiregion: ptr(MultiregionSchema),
  Periodic: ptr(PeriodicConfigSchema),
  ParameterizedJob: ptr(ParameterizedJobConfigSchema),
  Dispatched: bool(),
  DispatchIdempotencyToken: str(),
  Payload: ptr(str()),
  Meta: map(str()),
  ConsulNamespace: str(),
  VaultNamespace: str(),
  NomadTokenID: str(),
  Status: str(),
  StatusDescription: str(),
  Stable: bool(),
  Version: uint(),
  SubmitTime: nanos(),
  CreateIndex: uint(),
  ModifyIndex: uint(),
  JobModifyIndex: uint(),
  UI: ptr(JobUISchema),
  VersionTag: ptr(JobVersionTagSchema),
  Reschedule: omit(ptr(ReschedulePolicySchema)),
  Migrate: omit(ptr(MigrateStrategySchema)),
});
export interface Job extends Static<typeof JobSchema> {}

/** A job as a client sends it: every key may be missing or null. */
export type JobInput = Input<Job>;

/** The source text that a job was submitted with. */
export const JobSubmissionSchema = struct("JobSubmission", {
  Source: str(),
  Format: str(),
  VariableFlags: map(str()),
  Variables: str(),
  Namespace: str(),
  JobID: str(),
  Version: uint(),
  JobModifyIndex: uint(),
});
export interface JobSubmission extends Static<typeof JobSubmissionSchema> {}
