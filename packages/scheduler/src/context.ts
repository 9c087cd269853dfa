import type { Random } from "@steppe/shared";
import type { Evaluation, Plan, SchedulerConfig } from "@steppe/structs";
import { NodeSetCache } from "./node-set.js";

/** What an evaluation is computed with besides the state. The same inputs give the same result. */
export interface SchedulerContext {
  readonly nowMs: number;
  readonly random: Random;
  /** The region's settings; undefined means Nomad's defaults (bin packing). */
  readonly config?: Pick<SchedulerConfig, "SchedulerAlgorithm"> | undefined;
  /** What evaluations on the same nodes share; pass the same one each time. */
  readonly cache?: SchedulerCache;
}

/** Work that need not be done again for each evaluation. It follows from the state alone and may be dropped at any time. */
export class SchedulerCache {
  readonly nodeSets = new NodeSetCache();
}

/** What comes of an evaluation. */
export interface SchedulerResult {
  /** What to change, or null when all is as it should be. */
  readonly plan: Plan | null;
  /** The evaluation as it is when the plan has been applied as a whole. */
  readonly evaluation: Evaluation;
  /** Blocked and delayed evaluations that follow from this one. */
  readonly createdEvaluations: Evaluation[];
}
