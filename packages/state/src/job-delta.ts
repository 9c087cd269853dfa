import type { JobSummary, TaskGroupSummary } from "@steppe/structs";

/** How many allocations and evaluations a job has, and how many of them are not at their end. */
export interface JobCounts {
  allocs: number;
  liveAllocs: number;
  evals: number;
  liveEvals: number;
}

/** Counters of one group by client status. */
export type GroupDelta = Omit<TaskGroupSummary, "Queued">;

/** What a transaction means for one job besides the rows it wrote. */
export interface JobDelta extends JobCounts {
  /** Allocations or evaluations were deleted. */
  shrunk: boolean;
  /** The CreateIndex of the job that the summary is of: allocations of an earlier job with this ID do not count. */
  jobCreateIndex: number | undefined;
  /** Groups that the summary must have, when the job was written. */
  groupNames: readonly string[] | undefined;
  groups: Map<string, GroupDelta> | undefined;
  /** Allocations that are still to be placed, by group, as the latest evaluation says. */
  queued: Readonly<Record<string, number>> | undefined;
  children: JobSummary["Children"] | undefined;
  removed: boolean;
}
