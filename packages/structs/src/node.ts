import type { Static } from "@sinclair/typebox";
import { NetworkResourceSchema } from "./network.js";
import { always, any, bool, duration, int, list, map, ptr, str, struct, time, uint } from "./schema.js";

export const DriverInfoSchema = struct("DriverInfo", {
  Attributes: map(str()),
  Detected: bool(),
  Healthy: bool(),
  HealthDescription: str(),
  UpdateTime: time(),
});
export interface DriverInfo extends Static<typeof DriverInfoSchema> {}

/** `Timestamp` is in RFC 3339. */
export const NodeEventSchema = struct("NodeEvent", {
  Message: str(),
  Subsystem: str(),
  Details: map(str()),
  Timestamp: time(),
  CreateIndex: uint(),
});
export interface NodeEvent extends Static<typeof NodeEventSchema> {}

const NodeNetworkAddressSchema = struct("NodeNetworkAddress", {
  Family: str(),
  Alias: str(),
  Address: str(),
  ReservedPorts: str(),
  Gateway: str(),
});

export const NodeNetworkSchema = struct("NodeNetworkResource", {
  Mode: str(),
  Device: str(),
  MacAddress: str(),
  Speed: int(),
  Addresses: list(NodeNetworkAddressSchema),
});
export interface NodeNetwork extends Static<typeof NodeNetworkSchema> {}

export const NodeDeviceSchema = struct("NodeDeviceResource", {
  Vendor: str(),
  Type: str(),
  Name: str(),
  Instances: list(
    struct("NodeDevice", {
      ID: str(),
      Healthy: bool(),
      HealthDescription: str(),
      Locality: ptr(struct("NodeDeviceLocality", { PciBusID: str() })),
    }),
  ),
  Attributes: map(any()),
});
export interface NodeDevice extends Static<typeof NodeDeviceSchema> {}

/** Processors of a node, core by core; speeds in MHz. */
export const TopologySchema = struct("Topology", {
  Cores: list(
    struct("Core", {
      BaseSpeed: int(),
      Disable: bool(),
      Grade: bool(),
      GuessSpeed: int(),
      ID: int(),
      MaxSpeed: int(),
      NodeID: int(),
      SocketID: int(),
    }),
  ),
  Distances: any(),
  Nodes: list(int()),
  OverrideTotalCompute: int(),
  OverrideWitholdCompute: int(),
});

/** What a node has. CPU in MHz. */
export const NodeResourcesSchema = struct("NodeResources", {
  Cpu: struct("NodeCpuResources", { CpuShares: int(), TotalCpuCores: int(), ReservableCpuCores: list(uint()) }),
  Processors: struct("NodeProcessorResources", { Topology: ptr(TopologySchema) }),
  Memory: struct("NodeMemoryResources", { MemoryMB: int() }),
  Disk: struct("NodeDiskResources", { DiskMB: int() }),
  Devices: list(NodeDeviceSchema),
  NodeNetworks: list(NodeNetworkSchema),
  Networks: list(NetworkResourceSchema),
  MinDynamicPort: int(20000),
  MaxDynamicPort: int(32000),
});
export interface NodeResources extends Static<typeof NodeResourcesSchema> {}

/** What the operator keeps back from scheduling. `ReservedHostPorts` is a list like `22,80-90`. */
export const NodeReservedResourcesSchema = struct("NodeReservedResources", {
  Cpu: struct("NodeReservedCpuResources", { CpuShares: int(), ReservedCpuCores: list(uint()) }),
  Memory: struct("NodeReservedMemoryResources", { MemoryMB: int() }),
  Disk: struct("NodeReservedDiskResources", { DiskMB: int() }),
  Networks: struct("NodeReservedNetworkResources", { ReservedHostPorts: str() }),
});
export interface NodeReservedResources extends Static<typeof NodeReservedResourcesSchema> {}

/** `Deadline` in nanoseconds: 0 has none, below 0 forces at once. Times are RFC 3339. */
export const DrainStrategySchema = struct("DrainStrategy", {
  Deadline: duration(),
  IgnoreSystemJobs: bool(),
  ForceDeadline: time(),
  StartedAt: time(),
});
export interface DrainStrategy extends Static<typeof DrainStrategySchema> {}

/** The latest drain; `Status` is draining, canceled or complete. */
export const DrainMetadataSchema = struct("DrainMetadata", {
  StartedAt: time(),
  UpdatedAt: time(),
  Status: str(),
  AccessorID: str(),
  Meta: map(str()),
});
export interface DrainMetadata extends Static<typeof DrainMetadataSchema> {}

export const HostVolumeSchema = struct("ClientHostVolumeConfig", {
  Name: str(),
  Path: str(),
  ReadOnly: bool(),
  ID: str(),
});
export interface HostVolume extends Static<typeof HostVolumeSchema> {}

export const HostNetworkSchema = struct("ClientHostNetworkConfig", {
  Name: str(),
  CIDR: str(),
  Interface: str(),
  ReservedPorts: str(),
});
export interface HostNetwork extends Static<typeof HostNetworkSchema> {}

/** A machine that runs tasks. `SecretID` is stored and never answered. `StatusUpdatedAt` is in seconds. */
export const NodeSchema = struct("Node", {
  Attributes: always(map(str()), {}),
  CSIControllerPlugins: always(map(any()), {}),
  CSINodePlugins: always(map(any()), {}),
  CgroupParent: str(),
  ComputedClass: str(),
  CreateIndex: uint(),
  Datacenter: str("dc1"),
  Drain: bool(),
  DrainStrategy: ptr(DrainStrategySchema),
  Drivers: always(map(DriverInfoSchema), {}),
  Events: always(list(NodeEventSchema), []),
  GCVolumesOnNodeGC: bool(),
  HTTPAddr: str(),
  HostNetworks: map(HostNetworkSchema),
  HostVolumes: map(HostVolumeSchema),
  ID: str(),
  IdentitySigningKeyID: str(),
  LastAllocUpdateIndex: uint(),
  LastDrain: ptr(DrainMetadataSchema),
  LastMissedHeartbeatIndex: uint(),
  Links: always(map(str()), {}),
  Meta: always(map(str()), {}),
  ModifyIndex: uint(),
  Name: str(),
  NodeClass: str(),
  NodeMaxAllocs: int(),
  NodePool: str("default"),
  NodeResources: NodeResourcesSchema,
  ReservedResources: NodeReservedResourcesSchema,
  SchedulingEligibility: str("eligible"),
  SecretID: str(),
  Status: str(),
  StatusDescription: str(),
  StatusUpdatedAt: int(),
  TLSEnabled: bool(),
});
export interface Node extends Static<typeof NodeSchema> {}
