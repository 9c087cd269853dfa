import type { Static } from "@sinclair/typebox";
import { AffinitySchema, ConstraintSchema } from "./constraint.js";
import { WorkloadIdentitySchema } from "./identity.js";
import { RestartPolicySchema } from "./policies.js";
import { LifecycleSchema, ResourcesSchema } from "./resources.js";
import { ScalingPolicySchema } from "./scaling.js";
import { any, bool, duration, list, map, ptr, str, struct } from "./schema.js";
import { ServiceSchema } from "./service.js";
import {
  ActionSchema,
  ArtifactSchema,
  ConsulSchema,
  CSIPluginConfigSchema,
  LogConfigSchema,
  ScheduleSchema,
  SecretSchema,
  TemplateSchema,
  VaultSchema,
  VolumeMountSchema,
} from "./task-parts.js";

/** One process of a group. `Config` is the driver's; its shape is the driver's business. */
export const TaskSchema = struct("Task", {
  Name: str(),
  Driver: str(),
  User: str(),
  Config: map(any()),
  Env: map(str()),
  Services: list(ServiceSchema),
  Vault: ptr(VaultSchema),
  Secrets: list(SecretSchema),
  Consul: ptr(ConsulSchema),
  Templates: list(TemplateSchema),
  Constraints: list(ConstraintSchema),
  Affinities: list(AffinitySchema),
  Resources: ResourcesSchema,
  RestartPolicy: RestartPolicySchema,
  DispatchPayload: ptr(struct("DispatchPayloadConfig", { File: str() })),
  Lifecycle: ptr(LifecycleSchema),
  Meta: map(str()),
  KillTimeout: duration(5e9),
  LogConfig: LogConfigSchema,
  Artifacts: list(ArtifactSchema),
  Leader: bool(),
  ShutdownDelay: duration(),
  VolumeMounts: list(VolumeMountSchema),
  ScalingPolicies: list(ScalingPolicySchema),
  KillSignal: str(),
  Kind: str(),
  CSIPluginConfig: ptr(CSIPluginConfigSchema),
  Identity: ptr(WorkloadIdentitySchema),
  Identities: list(WorkloadIdentitySchema),
  Actions: list(ActionSchema),
  Schedule: ptr(ScheduleSchema),
});
export interface Task extends Static<typeof TaskSchema> {}
