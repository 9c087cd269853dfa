import {
  evalTerminal,
  type Allocation,
  deploymentActive,
  DeploymentStatus,
  DeploymentStatusDescription,
  type Job,
  type TaskGroup,
} from "@steppe/structs";
import { classifyAllocations, type ClassifiedAllocations } from "./classification.js";
import type { SchedulerResult } from "./context.js";
import {
  beginsDeployment,
  deploymentComplete,
  deploymentOutlook,
  type DeploymentOutlook,
  groupRolls,
  newDeployment,
  rolloutLimits,
} from "./deployments.js";
import { delayedEvaluation } from "./evaluation-rows.js";
import { type EvaluationRun, isChoice } from "./evaluation-run.js";
import { GroupFeasibility } from "./feasibility.js";
import { nodeInReach } from "./node-set.js";
import {
  type GroupChanges,
  type Placement,
  reconcileGroup,
  stopGroup,
  StopReason,
  type UpdateJudge,
} from "./reconciler.js";
import { nextTracker, penalizedNodes } from "./reschedule.js";
import { allocationHolding } from "./resources.js";
import { jsonEqual, needsReplacement } from "./task-changes.js";

/** Delayed reschedulings within this span share one evaluation. */
const DELAY_WINDOW_MS = 5000;
const PLACEMENTS_PER_SLICE = 8;
const NO_PENALTY: ReadonlySet<string> = new Set();

interface GroupWork {
  readonly group: TaskGroup;
  readonly allocs: readonly Allocation[];
  readonly lists: ClassifiedAllocations;
  readonly changes: GroupChanges;
}

/** Evaluates a service or batch job. */
export function* scheduleService(run: EvaluationRun): Generator<void, SchedulerResult> {
  const byGroup = groupAllocations(run.allocs);
  const outlook = deploymentOutlook(run.view, run.evaluation.Namespace, run.evaluation.JobID, run.job);
  for (const update of outlook.cancelled) run.builder.updateDeployment(update);
  const job = run.wantedJob;
  const groups = job?.TaskGroups ?? [];
  for (const [name, allocs] of byGroup) {
    if (!groups.some((group) => group.Name === name)) stopRemovedGroup(run, name, allocs);
  }
  if (!job) return run.finish();

  const works: GroupWork[] = [];
  for (const group of groups) {
    run.queued[group.Name] = 0;
    const allocs = byGroup.get(group.Name) ?? [];
    const lists = yield* classifyAllocations(run.view, job, group, allocs, {
      id: run.evaluation.ID,
      nowMs: run.context.nowMs,
    });
    const limits = rolloutLimits(job, group, outlook.current, allocs);
    const changes = yield* reconcileGroup(job, group, lists, limits, updateJudge(run, job, group));
    run.builder.countUpdates(group.Name, changes.updates);
    works.push({ group, allocs, lists, changes });
    yield;
  }
  decideDeployment(run, job, works, outlook);
  for (const work of works) trackPlacements(run, work);
  for (const work of works) applyUpdates(run, job, work);
  if (works.some(({ changes }) => changes.placements.length > 0)) yield* run.loadNodes();
  for (const { group, changes } of works) yield* placeAll(run, job, group, changes.placements);
  return run.finish();
}

function groupAllocations(allocs: readonly Allocation[]): Map<string, Allocation[]> {
  const byGroup = new Map<string, Allocation[]>();
  for (const alloc of allocs) {
    const list = byGroup.get(alloc.TaskGroup);
    if (list) list.push(alloc);
    else byGroup.set(alloc.TaskGroup, [alloc]);
  }
  return byGroup;
}

/** The job is stopped or gone, or no longer has this group. What has ended by itself is left as it is. */
function stopRemovedGroup(run: EvaluationRun, name: string, allocs: readonly Allocation[]): void {
  const live = allocs.filter(
    (alloc) => alloc.DesiredStatus === "run" && alloc.ClientStatus !== "complete" && alloc.ClientStatus !== "lost",
  );
  const changes = stopGroup({ live, failed: [], done: [], migrating: [], lost: [], rescheduled: [], later: [] });
  run.builder.countUpdates(name, changes.updates);
  for (const stop of changes.stops) run.stop(stop);
}

/** In place if the tasks stay the same and the node still satisfies the job; the comparison is made once per old version. */
function updateJudge(run: EvaluationRun, job: Job, group: TaskGroup): UpdateJudge {
  const replaceVersion = new Map<Job, boolean>();
  return (alloc) => {
    let replace = replaceVersion.get(alloc.Job);
    if (replace === undefined) {
      replace =
        alloc.Job.CreateIndex !== job.CreateIndex ||
        needsReplacement(alloc.Job, job, group.Name) ||
        gainsDistinct(run.feasibility(group), alloc.Job, group.Name);
      replaceVersion.set(alloc.Job, replace);
    }
    if (replace) return "destructive";
    const node = run.view.get("nodes", alloc.NodeID);
    const stays = node && nodeInReach(node, job) && run.feasibility(group).infeasible(node) === null;
    return stays ? "inPlace" : "destructive";
  };
}

/** A new version that wants allocations apart cannot leave them as they lie. */
function gainsDistinct(feasibility: GroupFeasibility, oldJob: Job, groupName: string): boolean {
  if (!feasibility.distinctHosts && feasibility.distinctProperties.length === 0) return false;
  const oldGroup = oldJob.TaskGroups.find(({ Name }) => Name === groupName);
  const before = oldGroup && new GroupFeasibility(oldJob, oldGroup);
  const distinct = ({ distinctHosts, distinctProperties }: GroupFeasibility): unknown => [
    distinctHosts,
    distinctProperties,
  ];
  return !before || !jsonEqual(distinct(before), distinct(feasibility));
}

/** Begins a deployment when a version's roll-out begins, and ends it when all of it is healthy. */
function decideDeployment(
  run: EvaluationRun,
  job: Job,
  works: readonly GroupWork[],
  { current }: DeploymentOutlook,
): void {
  if (current) {
    if (!deploymentActive(current)) return;
    run.deploymentID = current.ID;
    const idle = works.every(
      ({ changes }) => changes.placements.length + changes.inPlace.length + changes.waiting === 0,
    );
    if (idle && current.Status === DeploymentStatus.running && deploymentComplete(current, run.allocs)) {
      const StatusDescription = DeploymentStatusDescription.successful;
      run.builder.updateDeployment({
        DeploymentID: current.ID,
        Status: DeploymentStatus.successful,
        StatusDescription,
      });
    }
    return;
  }
  const begins = works.some(({ group, allocs, changes }) =>
    beginsDeployment(
      job,
      group,
      allocs,
      changes.inPlace.length + changes.updates.DestructiveUpdate + changes.waiting > 0,
    ),
  );
  if (!begins) return;
  const rolling = works.map(({ group }) => group).filter((group) => groupRolls(job, group) && group.Count > 0);
  const deployment = newDeployment(job, rolling, run.evaluation, run.context.nowMs, run.context.random);
  run.builder.deploy(deployment);
  run.deploymentID = deployment.ID;
}

function trackPlacements(run: EvaluationRun, { group, lists }: GroupWork): void {
  for (const list of [lists.live, lists.migrating])
    for (const alloc of list) run.placements.add(group.Name, alloc.NodeID);
}

function applyUpdates(run: EvaluationRun, job: Job, { group, lists, changes }: GroupWork): void {
  const live = new Set([...lists.live, ...lists.migrating]);
  for (const stop of changes.stops) {
    if (live.has(stop.alloc)) run.stop(stop);
    else {
      run.builder.stop(stop);
      run.usage.stop(stop.alloc);
    }
  }
  const deploymentID = deploymentOf(run, job, group);
  for (const alloc of changes.inPlace) run.builder.updateInPlace(job, alloc, deploymentID);
  delayReschedules(run, changes.later);
}

/** One evaluation for all failed allocations whose time comes within a window; each remembers the one that it waits for. */
function delayReschedules(run: EvaluationRun, later: GroupChanges["later"]): void {
  const waiting = later.filter(({ alloc }) => !awaited(run, alloc)).sort((a, b) => a.atMs - b.atMs);
  let followUp: { id: string; untilMs: number } | undefined;
  for (const { alloc, atMs } of waiting) {
    if (!followUp || atMs > followUp.untilMs) {
      const evaluation = delayedEvaluation(run.evaluation, atMs, run.context.nowMs, run.context.random);
      run.created.push(evaluation);
      followUp = { id: evaluation.ID, untilMs: atMs + DELAY_WINDOW_MS };
    }
    run.builder.change(alloc, { FollowupEvalID: followUp.id });
  }
}

function awaited(run: EvaluationRun, alloc: Allocation): boolean {
  const followUp = alloc.FollowupEvalID ? run.view.get("evaluations", alloc.FollowupEvalID) : undefined;
  return followUp !== undefined && !evalTerminal(followUp);
}

function* placeAll(
  run: EvaluationRun,
  job: Job,
  group: TaskGroup,
  placements: readonly Placement[],
): Generator<void, void> {
  let sinceYield = 0;
  for (const placement of placements) {
    yield* placeOne(run, job, group, placement);
    if (++sinceYield % PLACEMENTS_PER_SLICE === 0) yield;
  }
}

/** Places one allocation. A running predecessor gives way only if a node was found. */
function* placeOne(
  run: EvaluationRun,
  job: Job,
  group: TaskGroup,
  { name, previous, cause }: Placement,
): Generator<void, void> {
  if (run.coalesceFailure(group)) return;
  const running =
    previous !== null && (cause === "update" || cause === "migrate") && previous.ClientStatus !== "failed";
  if (running) run.release(previous);
  const outcome = yield* run
    .placer(group)
    .choose(previous && cause === "reschedule" ? penalizedNodes(previous) : NO_PENALTY);
  if (!isChoice(outcome)) {
    run.fail(group, outcome);
    if (!running) return;
    // A draining node's deadline does not wait for room elsewhere, an update does.
    if (cause === "migrate") run.builder.stop({ alloc: previous, reason: StopReason.migrating });
    else run.retain(previous);
    return;
  }
  const id = run.context.random.uuid();
  const nowMs = run.context.nowMs;
  const tracker =
    previous && cause === "reschedule"
      ? nextTracker(previous, group.ReschedulePolicy, nowMs)
      : previous?.RescheduleTracker;
  const fresh = {
    id,
    name,
    group,
    deploymentID: deploymentOf(run, job, group),
    previous,
    rescheduleTracker: cause === "update" ? null : (tracker ?? null),
  };
  const alloc = run.builder.place(job, fresh, outcome);
  run.usage.place(outcome.node, allocationHolding(alloc));
  run.placements.add(group.Name, outcome.node.ID);
  if (previous) replacePrevious(run, previous, cause);
}

/** Nothing stops before its replacement has a place. One that is lost was stopped already. State links the two. */
function replacePrevious(run: EvaluationRun, previous: Allocation, cause: Placement["cause"]): void {
  if (cause === "lost" || cause === "missing") return;
  const reasons = { migrate: StopReason.migrating, update: StopReason.updating, reschedule: StopReason.rescheduled };
  run.builder.stop({ alloc: previous, reason: reasons[cause] });
}

function deploymentOf(run: EvaluationRun, job: Job, group: TaskGroup): string {
  return groupRolls(job, group) ? run.deploymentID : "";
}
