import type { Static } from "@sinclair/typebox";
import { AffinitySchema, ConstraintSchema } from "./constraint.js";
import { AllocatedPortSchema, NetworkResourceSchema } from "./network.js";
import { bool, int, list, map, ptr, str, struct, uint } from "./schema.js";

export const RequestedDeviceSchema = struct("RequestedDevice", {
  Name: str(),
  Count: uint(1),
  Constraints: list(ConstraintSchema),
  Affinities: list(AffinitySchema),
});
export interface RequestedDevice extends Static<typeof RequestedDeviceSchema> {}

export const NUMASchema = struct("NUMAResource", { Affinity: str("none"), Devices: list(str()) });
export interface NUMA extends Static<typeof NUMASchema> {}

/** What a task asks for. CPU in MHz; `MemoryMaxMB` 0 means none. */
export const ResourcesSchema = struct("Resources", {
  CPU: int(),
  Cores: int(),
  MemoryMB: int(),
  MemoryMaxMB: int(),
  DiskMB: int(),
  IOPS: int(),
  Networks: list(NetworkResourceSchema),
  Devices: list(RequestedDeviceSchema),
  NUMA: ptr(NUMASchema),
  SecretsMB: int(),
});
export interface Resources extends Static<typeof ResourcesSchema> {}

export const AllocatedDeviceSchema = struct("AllocatedDeviceResource", {
  Vendor: str(),
  Type: str(),
  Name: str(),
  DeviceIDs: list(str()),
});
export interface AllocatedDevice extends Static<typeof AllocatedDeviceSchema> {}

/** What one task of an allocation holds. */
export const AllocatedTaskResourcesSchema = struct("AllocatedTaskResources", {
  Cpu: struct("AllocatedCpuResources", { CpuShares: int(), ReservedCores: list(uint()) }),
  Memory: struct("AllocatedMemoryResources", { MemoryMB: int(), MemoryMaxMB: int() }),
  Networks: list(NetworkResourceSchema),
  Devices: list(AllocatedDeviceSchema),
});
export interface AllocatedTaskResources extends Static<typeof AllocatedTaskResourcesSchema> {}

/** What all tasks of an allocation share: the group's network and its ephemeral disk. */
export const AllocatedSharedResourcesSchema = struct("AllocatedSharedResources", {
  Networks: list(NetworkResourceSchema),
  DiskMB: int(),
  Ports: list(AllocatedPortSchema),
});
export interface AllocatedSharedResources extends Static<typeof AllocatedSharedResourcesSchema> {}

export const LifecycleSchema = struct("TaskLifecycleConfig", { Hook: str(), Sidecar: bool() });
export interface Lifecycle extends Static<typeof LifecycleSchema> {}

/** What an allocation holds on its node. */
export const AllocatedResourcesSchema = struct("AllocatedResources", {
  Tasks: map(AllocatedTaskResourcesSchema),
  TaskLifecycles: map(ptr(LifecycleSchema)),
  Shared: AllocatedSharedResourcesSchema,
});
export interface AllocatedResources extends Static<typeof AllocatedResourcesSchema> {}
