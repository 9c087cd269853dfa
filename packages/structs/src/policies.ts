import type { Static } from "@sinclair/typebox";
import { bool, duration, int, ptr, str, struct } from "./schema.js";

/** How a group's allocations are replaced when the job changes. */
export const UpdateStrategySchema = struct("UpdateStrategy", {
  Stagger: duration(),
  MaxParallel: int(),
  HealthCheck: str(),
  MinHealthyTime: duration(),
  HealthyDeadline: duration(),
  ProgressDeadline: duration(),
  AutoRevert: bool(),
  AutoPromote: bool(),
  Canary: int(),
});
export interface UpdateStrategy extends Static<typeof UpdateStrategySchema> {}

/** How allocations leave a draining node. */
export const MigrateStrategySchema = struct("MigrateStrategy", {
  MaxParallel: int(1),
  HealthCheck: str("checks"),
  MinHealthyTime: duration(10e9),
  HealthyDeadline: duration(300e9),
});
export interface MigrateStrategy extends Static<typeof MigrateStrategySchema> {}

/** How often a failed allocation is replaced on another node. */
export const ReschedulePolicySchema = struct("ReschedulePolicy", {
  Attempts: int(),
  Interval: duration(),
  Delay: duration(),
  DelayFunction: str(),
  MaxDelay: duration(),
  Unlimited: bool(),
});
export interface ReschedulePolicy extends Static<typeof ReschedulePolicySchema> {}

/** How often a failed task is restarted on its node; `Mode` is `fail` or `delay`. */
export const RestartPolicySchema = struct("RestartPolicy", {
  Attempts: int(),
  Interval: duration(),
  Delay: duration(),
  Mode: str(),
  RenderTemplates: bool(),
});
export interface RestartPolicy extends Static<typeof RestartPolicySchema> {}

/** What happens to a group's allocations while their client is disconnected. */
export const DisconnectStrategySchema = struct("DisconnectStrategy", {
  LostAfter: duration(),
  StopOnClientAfter: ptr(duration()),
  Replace: ptr(bool()),
  Reconcile: str("best_score"),
});
export interface DisconnectStrategy extends Static<typeof DisconnectStrategySchema> {}

export const EphemeralDiskSchema = struct("EphemeralDisk", { Sticky: bool(), SizeMB: int(300), Migrate: bool() });
export interface EphemeralDisk extends Static<typeof EphemeralDiskSchema> {}
