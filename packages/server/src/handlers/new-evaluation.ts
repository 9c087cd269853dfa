import type { Clock, Random } from "@steppe/shared";
import { type Evaluation, EvalStatus, type Job } from "@steppe/structs";

/** Where the time and the ids of new rows come from. */
export interface RowSource {
  readonly clock: Clock;
  readonly random: Random;
}

/** Now in nanoseconds, exact to the microsecond: what a JavaScript number can print. */
export const nowNs = (clock: Clock): number => Math.round(clock.nowMs() * 1000) * 1000;

/** A pending evaluation of a job. */
export function jobEvaluation(
  source: RowSource,
  job: Pick<Job, "Namespace" | "ID" | "Priority" | "Type">,
  triggeredBy: string,
  fields: Partial<Evaluation> = {},
): Evaluation {
  const timeNs = nowNs(source.clock);
  return {
    ID: source.random.uuid(),
    Namespace: job.Namespace,
    Priority: job.Priority,
    Type: job.Type,
    TriggeredBy: triggeredBy,
    JobID: job.ID,
    Status: EvalStatus.pending,
    CreateIndex: 0,
    ModifyIndex: 0,
    CreateTime: timeNs,
    ModifyTime: timeNs,
    ...fields,
  };
}
