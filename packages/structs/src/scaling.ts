import type { Static } from "@sinclair/typebox";
import { any, bool, int, map, str, struct, uint } from "./schema.js";

/** Bounds and an autoscaler's policy for a group's count. `Target` names what is scaled: Namespace, Job and Group (and Task). */
export const ScalingPolicySchema = struct("ScalingPolicy", {
  ID: str(),
  Type: str("horizontal"),
  Target: map(str()),
  Policy: map(any()),
  Min: int(),
  Max: int(),
  Enabled: bool(true),
  CreateIndex: uint(),
  ModifyIndex: uint(),
});
export interface ScalingPolicy extends Static<typeof ScalingPolicySchema> {}
