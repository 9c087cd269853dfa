import { must } from "@steppe/shared";
import { jobKey, type ReadView } from "@steppe/state";
import {
  type Allocation,
  type AllocMetric,
  type Evaluation,
  EvalStatus,
  type Job,
  type TaskGroup,
} from "@steppe/structs";
import { SchedulerCache, type SchedulerContext, type SchedulerResult } from "./context.js";
import { blockedEvaluation, blockedFields, type BlockedInfo } from "./evaluation-rows.js";
import { GroupFeasibility } from "./feasibility.js";
import { JobPlacements } from "./job-placements.js";
import { PlanBuilder } from "./plan-builder.js";
import { type Choice, GroupPlacer } from "./placer.js";
import type { NodeSet } from "./node-set.js";
import type { Stop } from "./reconciler.js";
import { timestampNs } from "./timestamps.js";
import { UsageMap } from "./usage.js";

/** The parts of one evaluation that service, batch and system jobs have in common. */
export class EvaluationRun {
  readonly job: Job | undefined;
  readonly allocs: readonly Allocation[];
  readonly builder: PlanBuilder;
  readonly created: Evaluation[] = [];
  readonly queued: Record<string, number> = {};
  readonly usage: UsageMap;
  readonly placements: JobPlacements;
  deploymentID = "";
  readonly #failed: Record<string, AllocMetric> = {};
  #failures = 0;
  readonly #feasibility = new Map<string, GroupFeasibility>();
  readonly #placers = new Map<string, GroupPlacer>();
  #nodeSet: NodeSet | undefined;

  constructor(
    readonly view: ReadView,
    readonly evaluation: Evaluation,
    readonly context: SchedulerContext,
  ) {
    const key = jobKey(evaluation.Namespace, evaluation.JobID);
    this.job = view.get("jobs", key);
    this.allocs = view.byIndex("allocations", "byJob", key);
    this.builder = new PlanBuilder(evaluation, view.index, context.nowMs, this.job?.AllAtOnce ?? false);
    this.usage = new UsageMap(view);
    this.placements = new JobPlacements(view);
  }

  /** The job, unless it is stopped or gone. */
  get wantedJob(): Job | undefined {
    return this.job && !this.job.Stop ? this.job : undefined;
  }

  /** Finds the job's nodes. To be called before anything is placed; an evaluation that places nothing does without. */
  *loadNodes(): Generator<void, NodeSet> {
    const job = must(this.job, "Only a job that exists is placed.");
    const { nodeSets } = this.context.cache ?? new SchedulerCache();
    this.#nodeSet ??= yield* nodeSets.load(this.view, job, this.context.random);
    return this.#nodeSet;
  }

  feasibility(group: TaskGroup): GroupFeasibility {
    let feasibility = this.#feasibility.get(group.Name);
    if (!feasibility) {
      feasibility = new GroupFeasibility(must(this.job, "Only a job that exists is placed."), group);
      this.#feasibility.set(group.Name, feasibility);
    }
    return feasibility;
  }

  /** Made when the first allocation of the group is to be placed, after `loadNodes`. */
  placer(group: TaskGroup): GroupPlacer {
    let placer = this.#placers.get(group.Name);
    if (!placer) {
      const { usage, placements } = this;
      const job = must(this.job, "Only a job that exists is placed.");
      const nodeSet = must(this.#nodeSet, "Nodes are loaded before anything is placed.");
      const algorithm = this.context.config?.SchedulerAlgorithm === "spread" ? "spread" : "binpack";
      const scope = { job, nodeSet, usage, placements, random: this.context.random, algorithm } as const;
      placer = new GroupPlacer(scope, group, this.feasibility(group));
      this.#placers.set(group.Name, placer);
    }
    return placer;
  }

  stop(stop: Stop): void {
    this.builder.stop(stop);
    this.release(stop.alloc);
  }

  /** Frees what an allocation holds, for the plan's own placements. */
  release(alloc: Allocation): void {
    this.usage.stop(alloc);
    this.placements.remove(alloc.TaskGroup, alloc.NodeID);
    for (const placer of this.#placers.values()) placer.released(alloc.NodeID);
  }

  /** Takes `release` back: there was no place for the replacement. */
  retain(alloc: Allocation): void {
    this.usage.restore(alloc);
    this.placements.add(alloc.TaskGroup, alloc.NodeID);
  }

  /** Whether a choice of this group failed before; then the rest is only counted. */
  coalesceFailure(group: TaskGroup): boolean {
    const metric = this.#failed[group.Name];
    if (!metric) return false;
    metric.CoalescedFailures++;
    this.queued[group.Name] = (this.queued[group.Name] ?? 0) + 1;
    return true;
  }

  fail(group: TaskGroup, metric: AllocMetric): void {
    this.#failures++;
    this.#failed[group.Name] = metric;
    this.queued[group.Name] = (this.queued[group.Name] ?? 0) + 1;
  }

  /** The evaluation's end: complete, or blocked again when it was a blocked one that still lacks room. */
  finish(): SchedulerResult {
    const { evaluation, context, view, created: createdEvaluations } = this;
    const done = this.#completed();
    const plan = this.builder.empty ? null : this.builder.plan;
    if (this.#failures === 0) return { plan, evaluation: done, createdEvaluations };
    const info = this.#blockedInfo();
    if (evaluation.Status === EvalStatus.blocked) {
      const { StatusDescription = "" } = evaluation;
      const again = { ...done, Status: EvalStatus.blocked, StatusDescription, ...blockedFields(info) };
      return { plan, evaluation: again, createdEvaluations };
    }
    const blocked = blockedEvaluation(evaluation, info, view.index, context.nowMs, context.random);
    const failed = { ...done, FailedTGAllocs: info.failed, BlockedEval: blocked.ID };
    return { plan, evaluation: failed, createdEvaluations: [...createdEvaluations, blocked] };
  }

  /** Field by field, without what an earlier attempt or a wait left behind: copying a frozen row costs ten times as much. */
  #completed(): Evaluation {
    const { evaluation } = this;
    return {
      ID: evaluation.ID,
      Namespace: evaluation.Namespace,
      Priority: evaluation.Priority,
      Type: evaluation.Type,
      TriggeredBy: evaluation.TriggeredBy,
      JobID: evaluation.JobID,
      JobModifyIndex: evaluation.JobModifyIndex,
      NodeID: evaluation.NodeID,
      NodeModifyIndex: evaluation.NodeModifyIndex,
      DeploymentID: this.deploymentID || evaluation.DeploymentID,
      Status: EvalStatus.complete,
      Wait: evaluation.Wait,
      WaitUntil: evaluation.WaitUntil,
      NextEval: this.created[0]?.ID,
      PreviousEval: evaluation.PreviousEval,
      PlanAnnotations: this.builder.plan.annotations,
      QuotaLimitReached: evaluation.QuotaLimitReached,
      AnnotatePlan: evaluation.AnnotatePlan,
      QueuedAllocations: this.queued,
      SnapshotIndex: this.view.index,
      CreateIndex: evaluation.CreateIndex,
      ModifyIndex: evaluation.ModifyIndex,
      CreateTime: evaluation.CreateTime,
      ModifyTime: timestampNs(this.context.nowMs),
    };
  }

  #blockedInfo(): BlockedInfo {
    const classEligibility: Record<string, boolean> = {};
    let escapedComputedClass = false;
    for (const { feasibility } of this.#placers.values()) {
      escapedComputedClass ||= feasibility.escaped;
      // A class is worth waiting for if any group may run on it.
      for (const [name, eligible] of Object.entries(feasibility.classEligibility()))
        classEligibility[name] ||= eligible;
    }
    return { failed: this.#failed, classEligibility, escapedComputedClass };
  }
}

/** Whether `choose` found a node. */
export function isChoice(outcome: Choice | AllocMetric): outcome is Choice {
  return "node" in outcome;
}
