export { decodeCommand, type DecodedCommand, encodeCommand } from "./command-codec.js";
export type { AllocClientUpdatePayload, AllocDesiredTransitionPayload } from "./commands/allocations.js";
export type {
  DeploymentAllocHealthPayload,
  DeploymentDeletePayload,
  DeploymentPromotePayload,
  DeploymentStatusUpdatePayload,
} from "./commands/deployments.js";
export type { EvalDeletePayload, EvalUpsertPayload } from "./commands/evaluations.js";
export { type CommandName, commandById, commands, type PayloadOf, type ResultOf } from "./commands/index.js";
export type { JobStabilityPayload, JobVersionTagPayload } from "./commands/job-versions.js";
export type {
  JobDeregisterPayload,
  JobRegisterPayload,
  JobsGarbageCollectPayload,
  JobWriteResult,
} from "./commands/jobs.js";
export type {
  NodeDeletePayload,
  NodeDrainPayload,
  NodeEligibilityPayload,
  NodeRegisterPayload,
  NodeStatusUpdatePayload,
  NodeWriteResult,
} from "./commands/nodes.js";
export type { MetaSetPayload, SchedulerConfigSetPayload } from "./commands/operator.js";
export type { RestoreSnapshotPayload, RestoreStagePayload } from "./commands/restore.js";
export type {
  JobReference,
  PlacedAllocation,
  PlanApplyPayload,
  PlanApplyResult,
  PlanPayload,
} from "./commands/plans.js";
export { errors as stateErrors } from "./errors.js";
export type { RangeOptions, ReadView } from "./read-view.js";
export { type LoadedRows, MemoryRowStore, type RowStore, type RowWrite } from "./row-store.js";
export { allocJobKey, createKey, jobKey, type MetaRow, SCHEDULER_CONFIG_KEY, versionKey } from "./rows.js";
export { SNAPSHOT_CHUNK_BYTES } from "./snapshot.js";
export { type AppliedEntry, type ChangeListener, StateStore, type StateStoreOptions } from "./state-store.js";
export {
  type IndexOf,
  type IndexSpec,
  type RowOf,
  type TableName,
  tableNames,
  tables,
  type TableSpec,
} from "./tables.js";
export { checkSnapshot } from "./replacement.js";
export { formatTimestamp } from "./timestamp.js";
export { type TrackedView, tracked } from "./tracked-view.js";
export type { Change } from "./transaction.js";
export { indexWatch, rowWatch, tableWatch } from "./watchers.js";
