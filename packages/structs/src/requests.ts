import type { Static } from "@sinclair/typebox";
import { AllocClientUpdateSchema } from "./allocation.js";
import { type Job, JobSchema, JobSubmissionSchema } from "./job.js";
import { NodeSchema } from "./node.js";
import { bool, duration, list, map, ptr, str, struct, uint } from "./schema.js";

/** Body of PUT /v1/jobs and PUT /v1/job/:id. The query's region and namespace beat the body's. */
export const JobRegisterRequestSchema = struct("JobRegisterRequest", {
  Job: ptr(JobSchema),
  Submission: ptr(JobSubmissionSchema),
  EnforceIndex: bool(),
  JobModifyIndex: uint(),
  PolicyOverride: bool(),
  PreserveCounts: bool(),
  EvalPriority: uint(),
  Region: str(),
  Namespace: str(),
  SecretID: str(),
});
export interface JobRegisterRequest extends Omit<Static<typeof JobRegisterRequestSchema>, "Job"> {
  Job: Job | null;
}

/** Body of PUT /v1/validate/job. */
export const JobValidateRequestSchema = struct("JobValidateRequest", {
  Job: ptr(JobSchema),
  Region: str(),
  Namespace: str(),
  SecretID: str(),
});

/** Body of PUT /v1/job/:id/plan. */
export const JobPlanRequestSchema = struct("JobPlanRequest", {
  Job: ptr(JobSchema),
  Diff: bool(),
  PolicyOverride: bool(),
  Region: str(),
  Namespace: str(),
  SecretID: str(),
});

/** Body of PUT /v1/job/:id/evaluate. */
export const JobEvaluateRequestSchema = struct("JobEvaluateRequest", {
  JobID: str(),
  EvalOptions: struct("EvalOptions", { ForceReschedule: bool() }),
  Namespace: str(),
});

/** Body of PUT /v1/node/:id/eligibility. */
export const NodeEligibilityRequestSchema = struct("NodeUpdateEligibilityRequest", {
  NodeID: str(),
  Eligibility: str(),
});

/** Body of PUT /v1/node/:id/drain. `Deadline` in nanoseconds. */
export const NodeDrainRequestSchema = struct("NodeUpdateDrainRequest", {
  NodeID: str(),
  DrainSpec: ptr(struct("DrainSpec", { Deadline: duration(), IgnoreSystemJobs: bool() })),
  MarkEligible: bool(),
  Meta: map(str()),
});

/** Body of PUT /v1/node/:id/register, from a node agent. */
export const NodeRegisterRequestSchema = struct("NodeRegisterRequest", { Node: ptr(NodeSchema) });

/** Body of PUT /v1/node/:id/heartbeat, from a node agent. */
export const NodeHeartbeatRequestSchema = struct("NodeHeartbeatRequest", { Status: str() });

/** Body of PUT /v1/node/:id/allocations, from a node agent. */
export const AllocUpdateRequestSchema = struct("AllocUpdateRequest", { Allocs: list(AllocClientUpdateSchema) });

/** What a write answers beside its own fields. `LastContact` in nanoseconds. */
export interface QueryMeta {
  Index: number;
  LastContact: number;
  KnownLeader: boolean;
  NextToken: string;
}

export interface JobRegisterResponse extends QueryMeta {
  EvalID: string;
  EvalCreateIndex: number;
  JobModifyIndex: number;
  Warnings: string;
}

export interface JobDeregisterResponse extends QueryMeta {
  EvalID: string;
  EvalCreateIndex: number;
  JobModifyIndex: number;
  VolumeEvalID?: string;
}

export interface JobValidateResponse {
  DriverConfigValidated: boolean;
  ValidationErrors: string[] | null;
  Error: string;
  Warnings: string;
}

/** A node agent's registration and heartbeat: when to beat next (ns), and where the servers are (`host:httpport`). */
export interface NodeContactResponse {
  HeartbeatTTL: number;
  Servers: string[];
  Index: number;
}

export type NodeDrainRequest = Static<typeof NodeDrainRequestSchema>;
export type NodeEligibilityRequest = Static<typeof NodeEligibilityRequestSchema>;
export type NodeHeartbeatRequest = Static<typeof NodeHeartbeatRequestSchema>;
export type NodeRegisterRequest = Static<typeof NodeRegisterRequestSchema>;
export type AllocUpdateRequest = Static<typeof AllocUpdateRequestSchema>;
export type JobEvaluateRequest = Static<typeof JobEvaluateRequestSchema>;
