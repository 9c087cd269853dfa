import type { Static } from "@sinclair/typebox";
import { float, int, list, map, duration, str, struct } from "./schema.js";

export const NodeScoreSchema = struct("NodeScoreMeta", { NodeID: str(), Scores: map(float()), NormScore: float() });
export interface NodeScore extends Static<typeof NodeScoreSchema> {}

/** Why an allocation was or was not placed: nodes seen, filtered and exhausted, by reason. `AllocationTime` in nanoseconds. */
export const AllocMetricSchema = struct("AllocMetric", {
  NodesEvaluated: int(),
  NodesFiltered: int(),
  NodesInPool: int(),
  NodePool: str(),
  NodesAvailable: map(int()),
  ClassFiltered: map(int()),
  ConstraintFiltered: map(int()),
  NodesExhausted: int(),
  ClassExhausted: map(int()),
  DimensionExhausted: map(int()),
  QuotaExhausted: list(str()),
  ResourcesExhausted: map(
    struct("Resources", { CPU: int(), Cores: int(), MemoryMB: int(), MemoryMaxMB: int(), DiskMB: int() }),
  ),
  Scores: map(float()),
  ScoreMetaData: list(NodeScoreSchema),
  AllocationTime: duration(),
  CoalescedFailures: int(),
});
export interface AllocMetric extends Static<typeof AllocMetricSchema> {}
