import {
  type Allocation,
  type DesiredUpdates,
  type Job,
  JobType,
  type Node,
  serverTerminal,
  type TaskGroup,
  terminalStatus,
} from "@steppe/structs";
import { allocationName } from "./allocation-row.js";
import { isOfVersion, nodeLost } from "./classification.js";
import type { SchedulerResult } from "./context.js";
import { type EvaluationRun, isChoice } from "./evaluation-run.js";
import { nodeInReach } from "./node-set.js";
import { noUpdates, StopReason } from "./reconciler.js";
import { allocationHolding } from "./resources.js";
import { needsReplacement } from "./task-changes.js";

const NODES_PER_SLICE = 16;

interface NodeWork {
  readonly node: Node;
  readonly previous: Allocation | null;
}

/** Evaluates a system or sysbatch job: one allocation of each group on every feasible node. */
export function* scheduleSystem(run: EvaluationRun): Generator<void, SchedulerResult> {
  const job = run.wantedJob;
  for (const name of new Set(run.allocs.map((alloc) => alloc.TaskGroup))) {
    if (!job?.TaskGroups.some((group) => group.Name === name)) stopGroup(run, name);
  }
  for (const group of job?.TaskGroups ?? []) yield* scheduleGroup(run, job as Job, group);
  return run.finish();
}

function stopGroup(run: EvaluationRun, name: string): void {
  const updates = noUpdates();
  for (const alloc of run.allocs) {
    if (alloc.TaskGroup !== name || terminalStatus(alloc)) continue;
    run.stop({ alloc, reason: StopReason.notNeeded });
    updates.Stop++;
  }
  run.builder.countUpdates(name, updates);
}

function* scheduleGroup(run: EvaluationRun, job: Job, group: TaskGroup): Generator<void, void> {
  const updates = noUpdates();
  run.queued[group.Name] = 0;
  run.builder.countUpdates(group.Name, updates);
  const taken = new Set<string>();
  const replace: NodeWork[] = [];
  for (const alloc of run.allocs) {
    if (alloc.TaskGroup !== group.Name) continue;
    const work = judgeAllocation(run, job, group, alloc, updates, taken);
    if (work) replace.push(work);
  }
  yield;
  const { nodes } = yield* run.loadNodes();
  const missing = nodes.filter((node) => !taken.has(node.ID)).map((node): NodeWork => ({ node, previous: null }));
  let seen = 0;
  for (const work of [...replace, ...missing]) {
    placeOn(run, job, group, work, updates);
    if (++seen % NODES_PER_SLICE === 0) yield;
  }
}

/** Notes nodes that need no new allocation in `taken`; returns the work where an allocation is to be replaced on its node. */
function judgeAllocation(
  run: EvaluationRun,
  job: Job,
  group: TaskGroup,
  alloc: Allocation,
  updates: DesiredUpdates,
  taken: Set<string>,
): NodeWork | undefined {
  if (terminalStatus(alloc)) {
    // A sysbatch job runs once per node and version.
    if (
      job.Type === JobType.sysbatch &&
      !serverTerminal(alloc) &&
      alloc.ClientStatus === "complete" &&
      isOfVersion(alloc, job)
    )
      taken.add(alloc.NodeID);
    return undefined;
  }
  const node = run.view.get("nodes", alloc.NodeID);
  if (!node || nodeLost(run.view, alloc.NodeID)) {
    run.builder.stop({ alloc, reason: StopReason.lost, clientStatus: "lost" });
    run.usage.stop(alloc);
    updates.Stop++;
    return undefined;
  }
  if (alloc.DesiredTransition?.Migrate || !nodeInReach(node, job) || taken.has(alloc.NodeID)) {
    run.builder.stop({ alloc, reason: alloc.DesiredTransition?.Migrate ? StopReason.migrating : StopReason.notNeeded });
    run.usage.stop(alloc);
    updates.Stop++;
    return undefined;
  }
  taken.add(alloc.NodeID);
  run.placements.add(group.Name, alloc.NodeID);
  if (isOfVersion(alloc, job)) {
    updates.Ignore++;
    return undefined;
  }
  const feasible = run.feasibility(group).infeasible(node) === null;
  if (feasible && alloc.Job.CreateIndex === job.CreateIndex && !needsReplacement(alloc.Job, job, group.Name)) {
    run.builder.updateInPlace(job, alloc, "");
    updates.InPlaceUpdate++;
    return undefined;
  }
  return { node, previous: alloc };
}

/** A node that the constraints rule out is not a failure: a system job runs where it can. */
function placeOn(
  run: EvaluationRun,
  job: Job,
  group: TaskGroup,
  { node, previous }: NodeWork,
  updates: DesiredUpdates,
): void {
  if (previous) run.release(previous);
  const outcome = run.placer(group).chooseOn(node);
  if (!isChoice(outcome)) {
    if (outcome.NodesExhausted > 0 && !run.coalesceFailure(group)) run.fail(group, outcome);
    if (!previous) return;
    if (outcome.NodesExhausted > 0) run.retain(previous);
    else {
      run.builder.stop({ alloc: previous, reason: StopReason.notNeeded });
      updates.Stop++;
    }
    return;
  }
  const id = run.context.random.uuid();
  const fresh = {
    id,
    name: allocationName(job, group.Name, 0),
    group,
    deploymentID: "",
    previous,
    rescheduleTracker: null,
  };
  const alloc = run.builder.place(job, fresh, outcome);
  run.usage.place(node, allocationHolding(alloc));
  run.placements.add(group.Name, node.ID);
  if (previous) {
    run.builder.stop({ alloc: previous, reason: StopReason.updating });
    updates.DestructiveUpdate++;
  } else updates.Place++;
}
