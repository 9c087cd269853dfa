import type { Static } from "@sinclair/typebox";
import { any, bool, duration, int, list, map, ptr, str, struct, uint } from "./schema.js";

export const NamespaceSchema = struct("Namespace", {
  Name: str(),
  Description: str(),
  Quota: str(),
  Capabilities: ptr(
    struct("NamespaceCapabilities", {
      EnabledTaskDrivers: list(str()),
      DisabledTaskDrivers: list(str()),
      EnabledNetworkModes: list(str()),
      DisabledNetworkModes: list(str()),
    }),
  ),
  NodePoolConfiguration: any(),
  VaultConfiguration: any(),
  ConsulConfiguration: any(),
  Meta: map(str()),
  Hash: ptr(str()),
  CreateIndex: uint(),
  ModifyIndex: uint(),
  RequiredExtraClaims: list(str()),
  OptionalExtraClaims: list(str()),
});
export interface Namespace extends Static<typeof NamespaceSchema> {}

/** A set of nodes that jobs choose by name. `NodeIdentityTTL` in nanoseconds. */
export const NodePoolSchema = struct("NodePool", {
  Name: str(),
  Description: str(),
  Meta: map(str()),
  SchedulerConfiguration: any<NodePoolSchedulerConfig | null>(),
  NodeIdentityTTL: duration(86400e9),
  Hash: ptr(str()),
  CreateIndex: uint(),
  ModifyIndex: uint(),
});
export interface NodePool extends Static<typeof NodePoolSchema> {}

export interface NodePoolSchedulerConfig {
  SchedulerAlgorithm?: string;
  MemoryOversubscriptionEnabled?: boolean | null;
}

/** How the schedulers of a region behave. */
export const SchedulerConfigSchema = struct("SchedulerConfiguration", {
  SchedulerAlgorithm: str("binpack"),
  PreemptionConfig: struct("PreemptionConfig", {
    SystemSchedulerEnabled: bool(),
    SysBatchSchedulerEnabled: bool(),
    BatchSchedulerEnabled: bool(),
    ServiceSchedulerEnabled: bool(),
  }),
  MemoryOversubscriptionEnabled: bool(),
  RejectJobRegistration: bool(),
  PauseEvalBroker: bool(),
  NodeLimitForFeasibilityChecks: int(),
  CreateIndex: uint(),
  ModifyIndex: uint(),
});
export interface SchedulerConfig extends Static<typeof SchedulerConfigSchema> {}

/** The configuration of a region that was never changed. */
export const DEFAULT_SCHEDULER_CONFIG: SchedulerConfig = Object.freeze({
  SchedulerAlgorithm: "binpack",
  PreemptionConfig: Object.freeze({
    SystemSchedulerEnabled: true,
    SysBatchSchedulerEnabled: false,
    BatchSchedulerEnabled: false,
    ServiceSchedulerEnabled: false,
  }),
  MemoryOversubscriptionEnabled: false,
  RejectJobRegistration: false,
  PauseEvalBroker: false,
  NodeLimitForFeasibilityChecks: 0,
  CreateIndex: 0,
  ModifyIndex: 0,
});
