import type { Static } from "@sinclair/typebox";
import { AffinitySchema, ConstraintSchema, SpreadSchema } from "./constraint.js";
import { NetworkResourceSchema } from "./network.js";
import {
  DisconnectStrategySchema,
  EphemeralDiskSchema,
  MigrateStrategySchema,
  ReschedulePolicySchema,
  RestartPolicySchema,
  UpdateStrategySchema,
} from "./policies.js";
import { ScalingPolicySchema } from "./scaling.js";
import { always, bool, duration, int, list, map, ptr, str, struct } from "./schema.js";
import { ServiceSchema } from "./service.js";
import { ConsulSchema } from "./task-parts.js";
import { TaskSchema } from "./task.js";

export const VolumeRequestSchema = struct("VolumeRequest", {
  Name: str(),
  Type: str(),
  Source: str(),
  ReadOnly: bool(),
  Sticky: bool(),
  AccessMode: str(),
  AttachmentMode: str(),
  MountOptions: ptr(struct("CSIMountOptions", { FSType: str(), MountFlags: list(str()) })),
  PerAlloc: bool(),
});
export interface VolumeRequest extends Static<typeof VolumeRequestSchema> {}

/** Tasks that are placed together on one node, `Count` times. */
export const TaskGroupSchema = struct("TaskGroup", {
  Name: str(),
  Count: int(1),
  Update: ptr(UpdateStrategySchema),
  Migrate: ptr(MigrateStrategySchema),
  Constraints: list(ConstraintSchema),
  Scaling: ptr(ScalingPolicySchema),
  RestartPolicy: RestartPolicySchema,
  Disconnect: ptr(DisconnectStrategySchema),
  Tasks: always(list(TaskSchema), []),
  EphemeralDisk: EphemeralDiskSchema,
  Meta: map(str()),
  ReschedulePolicy: ptr(ReschedulePolicySchema),
  Affinities: list(AffinitySchema),
  Spreads: list(SpreadSchema),
  Networks: list(NetworkResourceSchema),
  Consul: ptr(ConsulSchema),
  Services: list(ServiceSchema),
  Volumes: map(VolumeRequestSchema),
  ShutdownDelay: ptr(duration()),
  MaxRunDuration: ptr(duration()),
  StopAfterClientDisconnect: ptr(duration()),
  MaxClientDisconnect: ptr(duration()),
  PreventRescheduleOnLost: bool(),
});
export interface TaskGroup extends Static<typeof TaskGroupSchema> {}
