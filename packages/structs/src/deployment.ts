import type { Static } from "@sinclair/typebox";
import { always, bool, duration, int, list, map, nanos, str, struct, time, uint } from "./schema.js";

/** Progress of one group. `ProgressDeadline` in nanoseconds; `RequireProgressBy` RFC 3339. */
export const DeploymentStateSchema = struct("DeploymentState", {
  AutoRevert: bool(),
  AutoPromote: bool(),
  ProgressDeadline: duration(),
  RequireProgressBy: time(),
  Promoted: bool(),
  PlacedCanaries: list(str()),
  DesiredCanaries: int(),
  DesiredTotal: int(),
  PlacedAllocs: int(),
  HealthyAllocs: int(),
  UnhealthyAllocs: int(),
});
export interface DeploymentState extends Static<typeof DeploymentStateSchema> {}

/** The roll-out of one version of a job. */
export const DeploymentSchema = struct("Deployment", {
  ID: str(),
  Namespace: str(),
  JobID: str(),
  JobVersion: uint(),
  JobModifyIndex: uint(),
  JobSpecModifyIndex: uint(),
  JobCreateIndex: uint(),
  IsMultiregion: bool(),
  TaskGroups: always(map(DeploymentStateSchema), {}),
  Status: str(),
  StatusDescription: str(),
  EvalPriority: int(),
  CreateIndex: uint(),
  ModifyIndex: uint(),
  CreateTime: nanos(),
  ModifyTime: nanos(),
});
export interface Deployment extends Static<typeof DeploymentSchema> {}
