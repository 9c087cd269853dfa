import type { Static } from "@sinclair/typebox";
import { int, list, str, struct, uint } from "./schema.js";

/** A condition that a node must fulfil. */
export const ConstraintSchema = struct("Constraint", { LTarget: str(), RTarget: str(), Operand: str("=") });
export interface Constraint extends Static<typeof ConstraintSchema> {}

/** A wish; `Weight` is -100..100 and not 0. */
export const AffinitySchema = struct("Affinity", {
  LTarget: str(),
  RTarget: str(),
  Operand: str("="),
  Weight: int(50),
});
export interface Affinity extends Static<typeof AffinitySchema> {}

export const SpreadTargetSchema = struct("SpreadTarget", { Value: str(), Percent: uint() });
export interface SpreadTarget extends Static<typeof SpreadTargetSchema> {}

/** A wish to spread allocations over the values of an attribute; `Weight` is 0..100. */
export const SpreadSchema = struct("Spread", {
  Attribute: str(),
  Weight: int(50),
  SpreadTarget: list(SpreadTargetSchema),
});
export interface Spread extends Static<typeof SpreadSchema> {}
