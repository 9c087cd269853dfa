import type { Timer } from "@steppe/shared";
import { jobKey } from "@steppe/state";
import {
  type Allocation,
  clientTerminal,
  deploymentActive,
  evalTerminal,
  type Job,
  JobStatus,
  JobType,
  NodeStatus,
  serverTerminal,
} from "@steppe/structs";
import { type LeaderContext, type LeaderLoop, yieldToEventLoop } from "./leader-context.js";

/** How old finished things get; Nomad's defaults. All in milliseconds. */
export interface GarbageThresholds {
  readonly evaluationMs: number;
  readonly jobMs: number;
  readonly deploymentMs: number;
  readonly nodeMs: number;
}

const HOUR_MS = 3600e3;
const THRESHOLDS: GarbageThresholds = {
  evaluationMs: HOUR_MS,
  jobMs: 4 * HOUR_MS,
  deploymentMs: HOUR_MS,
  nodeMs: 24 * HOUR_MS,
};
const AT_ONCE: GarbageThresholds = { evaluationMs: 0, jobMs: 0, deploymentMs: 0, nodeMs: 0 };
const INTERVAL_MS = 300e3;
const ROWS_PER_COMMAND = 500;
const ROWS_PER_SLICE = 1000;

/** Deletes what has ended and is old: dead jobs with all that is theirs, evaluations and allocations, deployments, and nodes that are down. */
export class GarbageCollector implements LeaderLoop {
  readonly #context: LeaderContext;
  readonly #thresholds: GarbageThresholds;
  #timer: Timer | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(context: LeaderContext, thresholds: Partial<GarbageThresholds> = {}) {
    this.#context = context;
    this.#thresholds = { ...THRESHOLDS, ...thresholds };
  }

  start(): void {
    this.#timer = this.#context.clock.every(
      INTERVAL_MS,
      () => {
        this.collect(false).catch((error: unknown) =>
          this.#context.logger.warn("garbage collection failed", { error: String(error) }),
        );
      },
      true,
    );
  }

  stop(): void {
    this.#timer?.clear();
    this.#timer = undefined;
  }

  /** Collects what is old enough, or with `force` (system/gc) all that has ended. One run at a time; rejects when a proposal does. */
  collect(force: boolean): Promise<void> {
    const thresholds = force ? AT_ONCE : this.#thresholds;
    this.#running = this.#running.then(
      () => this.#collect(thresholds),
      () => this.#collect(thresholds),
    );
    return this.#running;
  }

  async #collect(thresholds: GarbageThresholds): Promise<void> {
    await this.#collectJobs(thresholds);
    await this.#collectEvaluations(thresholds);
    await this.#collectDeployments(thresholds);
    await this.#collectNodes(thresholds);
  }

  async #collectJobs({ jobMs }: GarbageThresholds): Promise<void> {
    const view = this.#context.state.snapshotView();
    const jobs: { namespace: string; jobID: string }[] = [];
    const evalIDs: string[] = [];
    const allocIDs: string[] = [];
    for await (const job of sliced(view.scan("jobs"))) {
      if (job.Status !== JobStatus.dead || this.#young(job.SubmitTime, jobMs) || isTemplate(job)) continue;
      const key = jobKey(job.Namespace, job.ID);
      const evaluations = view.byIndex("evaluations", "byJob", key);
      const allocs = view.byIndex("allocations", "byJob", key);
      if (!evaluations.every((row) => evalTerminal(row) && !this.#young(row.ModifyTime, jobMs))) continue;
      if (!allocs.every((row) => clientTerminal(row) && !this.#young(row.ModifyTime, jobMs))) continue;
      jobs.push({ namespace: job.Namespace, jobID: job.ID });
      for (const { ID } of evaluations) evalIDs.push(ID);
      for (const { ID } of allocs) allocIDs.push(ID);
    }
    // The jobs go first: one that came to life meanwhile stays, and its allocations must not be forgotten.
    for (const part of chunks(jobs)) await this.#context.propose("jobsGarbageCollect", { jobs: part });
    const gone = new Set(
      jobs
        .filter(({ namespace, jobID }) => !this.#context.state.get("jobs", jobKey(namespace, jobID)))
        .map(({ namespace, jobID }) => jobKey(namespace, jobID)),
    );
    const ofGone = (row: { Namespace: string; JobID: string } | undefined): boolean =>
      row !== undefined && gone.has(jobKey(row.Namespace, row.JobID));
    await this.#delete(
      evalIDs.filter((id) => ofGone(view.get("evaluations", id))),
      allocIDs.filter((id) => ofGone(view.get("allocations", id))),
    );
  }

  /** An evaluation goes when its allocations can. Those of a batch job stay as long as the job: they say what has run already. */
  async #collectEvaluations({ evaluationMs }: GarbageThresholds): Promise<void> {
    const view = this.#context.state.snapshotView();
    const evalIDs: string[] = [];
    const allocIDs: string[] = [];
    for await (const evaluation of sliced(view.scan("evaluations"))) {
      if (!evalTerminal(evaluation) || this.#young(evaluation.ModifyTime, evaluationMs)) continue;
      const job = view.get("jobs", jobKey(evaluation.Namespace, evaluation.JobID));
      const allocs = view.byIndex("allocations", "byEval", evaluation.ID);
      const collectable = allocs.filter(
        (alloc) => forgettable(alloc, job) && !this.#young(alloc.ModifyTime, evaluationMs),
      );
      for (const { ID } of collectable) allocIDs.push(ID);
      if (collectable.length === allocs.length) evalIDs.push(evaluation.ID);
    }
    await this.#delete(evalIDs, allocIDs);
  }

  async #collectDeployments({ deploymentMs }: GarbageThresholds): Promise<void> {
    const view = this.#context.state.snapshotView();
    const ids: string[] = [];
    for await (const deployment of sliced(view.scan("deployments"))) {
      if (deploymentActive(deployment) || this.#young(deployment.ModifyTime, deploymentMs)) continue;
      const inUse = view.byIndex("allocations", "byDeployment", deployment.ID).some((alloc) => !clientTerminal(alloc));
      if (!inUse) ids.push(deployment.ID);
    }
    for (const part of chunks(ids)) await this.#context.propose("deploymentDelete", { ids: part });
  }

  async #collectNodes({ nodeMs }: GarbageThresholds): Promise<void> {
    const view = this.#context.state.snapshotView();
    const nodeIDs: string[] = [];
    for await (const node of sliced(view.scan("nodes"))) {
      if (node.Status !== NodeStatus.down || this.#young(node.StatusUpdatedAt * 1e9, nodeMs)) continue;
      const inUse = view.byIndex("allocations", "byNode", node.ID).some((alloc) => !clientTerminal(alloc));
      if (!inUse) nodeIDs.push(node.ID);
    }
    for (const part of chunks(nodeIDs)) await this.#context.propose("nodeDelete", { nodeIDs: part });
  }

  async #delete(evalIDs: readonly string[], allocIDs: readonly string[]): Promise<void> {
    for (const part of chunks(allocIDs)) await this.#context.propose("evalDelete", { evalIDs: [], allocIDs: part });
    for (const part of chunks(evalIDs)) await this.#context.propose("evalDelete", { evalIDs: part, allocIDs: [] });
  }

  #young(sinceNs: number, thresholdMs: number): boolean {
    return thresholdMs > 0 && this.#context.clock.nowMs() - sinceNs / 1e6 < thresholdMs;
  }
}

/** Nothing runs, and nothing will be decided by it: the scheduler would do the same without the row. */
function forgettable(alloc: Allocation, job: Job | undefined): boolean {
  if (!clientTerminal(alloc)) return false;
  if (!job || job.Stop) return true;
  if (job.Type === JobType.batch || job.Type === JobType.sysbatch) return false;
  return serverTerminal(alloc) || alloc.ClientStatus !== "failed" || alloc.NextAllocation !== undefined;
}

/** Periodic and parameterized jobs are dead only when stopped; others are made from them. */
function isTemplate(job: Job): boolean {
  return (job.Periodic !== null || job.ParameterizedJob !== null) && !job.Stop && !job.Dispatched;
}

async function* sliced<T>(rows: Iterable<T>): AsyncGenerator<T> {
  let seen = 0;
  for (const row of rows) {
    yield row;
    if (++seen % ROWS_PER_SLICE === 0) await yieldToEventLoop();
  }
}

function* chunks<T>(items: readonly T[]): Generator<T[]> {
  for (let i = 0; i < items.length; i += ROWS_PER_COMMAND) yield items.slice(i, i + ROWS_PER_COMMAND);
}
