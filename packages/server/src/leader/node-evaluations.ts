import type { Random } from "@steppe/shared";
import { timestampNs } from "@steppe/scheduler";
import { jobKey, type ReadView, StateStore } from "@steppe/state";
import { type Evaluation, EvalStatus, type Job, JobType, type Node } from "@steppe/structs";

/**
 * The evaluations that a change of a node calls for: one per job that has allocations on it, and one per system job that may run on it.
 * They go into the command that changes the node.
 *
 * @param trigger `node-update` or `node-drain`
 */
export function createEvaluationsForNode(
  view: ReadView,
  node: Node,
  trigger: string,
  nowMs: number,
  random: Random,
): Evaluation[] {
  const jobs = new Map<string, { namespace: string; id: string; job: Job | undefined; type: string }>();
  for (const alloc of view.byIndex("allocations", "byNode", node.ID)) {
    const key = jobKey(alloc.Namespace, alloc.JobID);
    if (jobs.has(key)) continue;
    const job = view.get("jobs", key);
    jobs.set(key, { namespace: alloc.Namespace, id: alloc.JobID, job, type: (job ?? alloc.Job).Type });
  }
  for (const job of systemJobs(view)) {
    if (!job.Stop)
      jobs.set(jobKey(job.Namespace, job.ID), { namespace: job.Namespace, id: job.ID, job, type: job.Type });
  }
  const nowNs = timestampNs(nowMs);
  return [...jobs.values()].map(({ namespace, id, job, type }) => ({
    ID: random.uuid(),
    Namespace: namespace,
    Priority: job?.Priority ?? 50,
    Type: type,
    TriggeredBy: trigger,
    JobID: id,
    NodeID: node.ID,
    ...(node.ModifyIndex > 0 ? { NodeModifyIndex: node.ModifyIndex } : {}),
    Status: EvalStatus.pending,
    CreateIndex: 0,
    ModifyIndex: 0,
    CreateTime: nowNs,
    ModifyTime: nowNs,
  }));
}

/** The keys of a store's system jobs, kept up to date: looking through all jobs for each of thousands of nodes would not do. */
const keysByStore = new WeakMap<StateStore, Set<string>>();

function systemJobs(view: ReadView): Job[] {
  if (!(view instanceof StateStore)) return [...view.scan("jobs")].filter(isSystemJob);
  let keys = keysByStore.get(view);
  if (!keys) keysByStore.set(view, (keys = followSystemJobs(view)));
  return [...keys].map((key) => view.get("jobs", key)).filter((job) => job !== undefined);
}

function followSystemJobs(store: StateStore): Set<string> {
  const keys = new Set<string>();
  const rebuild = (): void => {
    keys.clear();
    for (const job of store.scan("jobs")) if (isSystemJob(job)) keys.add(jobKey(job.Namespace, job.ID));
  };
  rebuild();
  store.onRestore(rebuild);
  store.subscribe((changes) => {
    for (const change of changes) {
      if (change.table !== "jobs") continue;
      const { key, after } = change;
      if (after && isSystemJob(after)) keys.add(key);
      else keys.delete(key);
    }
  });
  return keys;
}

function isSystemJob(job: Job): boolean {
  return job.Type === JobType.system || job.Type === JobType.sysbatch;
}
