import type { Clock, Random } from "@steppe/shared";
import { jobKey, type ReadView } from "@steppe/state";
import {
  type Evaluation,
  EvalStatus,
  EvalTrigger,
  type Job,
  needsEvaluation,
  type Node,
  NODE_POOL_ALL,
} from "@steppe/structs";

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

/**
 * Evaluations of all jobs that a change of a node concerns: those with allocations on it, and the system jobs that could
 * have one there.
 */
export function nodeEvaluations(
  source: RowSource,
  view: ReadView,
  systemJobs: Iterable<string>,
  node: Node,
): Evaluation[] {
  const jobs = new Map<string, Job>();
  for (const alloc of view.byIndex("allocations", "byNode", node.ID)) {
    const key = jobKey(alloc.Namespace, alloc.JobID);
    if (!jobs.has(key)) jobs.set(key, alloc.Job);
  }
  for (const key of systemJobs) {
    const job = view.get("jobs", key);
    if (job && !jobs.has(key) && mayRunOn(job, node)) jobs.set(key, job);
  }
  const fields = { NodeID: node.ID, NodeModifyIndex: node.ModifyIndex };
  return [...jobs.values()].map((job) => jobEvaluation(source, job, EvalTrigger.nodeUpdate, fields));
}

function mayRunOn(job: Job, node: Node): boolean {
  if (!needsEvaluation(job) || job.Stop) return false;
  if (job.NodePool !== NODE_POOL_ALL && job.NodePool !== node.NodePool) return false;
  return (job.Datacenters ?? []).some((pattern) => pattern === node.Datacenter || pattern.includes("*"));
}
