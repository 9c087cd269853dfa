import type { Random } from "@steppe/shared";
import { type AllocMetric, type Evaluation, EvalStatus, EvalTrigger } from "@steppe/structs";
import { formatTimestamp, timestampNs } from "./timestamps.js";

/** What a blocked evaluation remembers of why it is blocked. */
export interface BlockedInfo {
  readonly failed: Record<string, AllocMetric>;
  readonly classEligibility: Record<string, boolean>;
  readonly escapedComputedClass: boolean;
}

/** Waits for capacity, then places what an evaluation could not. */
export function blockedEvaluation(
  of: Evaluation,
  info: BlockedInfo,
  snapshotIndex: number,
  nowMs: number,
  random: Random,
): Evaluation {
  return {
    ...successor(of, nowMs, random),
    TriggeredBy: EvalTrigger.queuedAllocs,
    Status: EvalStatus.blocked,
    StatusDescription: "created to place remaining allocations",
    ...blockedFields(info),
    SnapshotIndex: snapshotIndex,
  };
}

export function blockedFields(info: BlockedInfo): Partial<Evaluation> {
  return {
    FailedTGAllocs: info.failed,
    ...(Object.keys(info.classEligibility).length > 0 ? { ClassEligibility: info.classEligibility } : {}),
    ...(info.escapedComputedClass ? { EscapedComputedClass: true } : {}),
  };
}

/** Looks again when a failed allocation's delay is over. */
export function delayedEvaluation(of: Evaluation, atMs: number, nowMs: number, random: Random): Evaluation {
  return {
    ...successor(of, nowMs, random),
    TriggeredBy: EvalTrigger.retryFailedAlloc,
    Status: EvalStatus.pending,
    StatusDescription: "created for delayed rescheduling",
    WaitUntil: formatTimestamp(atMs),
  };
}

function successor(of: Evaluation, nowMs: number, random: Random): Evaluation {
  return {
    ID: random.uuid(),
    Namespace: of.Namespace,
    Priority: of.Priority,
    Type: of.Type,
    TriggeredBy: "",
    JobID: of.JobID,
    ...(of.JobModifyIndex ? { JobModifyIndex: of.JobModifyIndex } : {}),
    Status: "",
    PreviousEval: of.ID,
    CreateIndex: 0,
    ModifyIndex: 0,
    CreateTime: timestampNs(nowMs),
    ModifyTime: timestampNs(nowMs),
  };
}
