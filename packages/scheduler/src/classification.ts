import type { ReadView } from "@steppe/state";
import {
  AllocClientStatus,
  type Allocation,
  type Job,
  NodeStatus,
  serverTerminal,
  type TaskGroup,
  terminalStatus,
} from "@steppe/structs";
import { rescheduleDecision } from "./reschedule.js";

/** What the reconciler sees in the allocations of one group. An allocation is in at most one list. */
export interface ClassifiedAllocations {
  /** Runs, or is about to. */
  readonly live: Allocation[];
  /** Failed for good, or until later: keeps its place and its name. */
  readonly failed: Allocation[];
  /** A batch job's that ended well: never run again. */
  readonly done: Allocation[];
  /** Runs and shall move elsewhere. */
  readonly migrating: Allocation[];
  /** Its node is down or gone. */
  readonly lost: Allocation[];
  /** Failed, and to be replaced now. */
  readonly rescheduled: Allocation[];
  /** Those of `failed` whose time will come. */
  readonly later: { alloc: Allocation; atMs: number }[];
}

const ALLOCATIONS_PER_SLICE = 512;

/** Sorts a group's allocations. Those that belong to no list are history. */
export function* classifyAllocations(
  view: ReadView,
  job: Job,
  group: TaskGroup,
  allocs: readonly Allocation[],
  evaluation: { readonly id: string; readonly nowMs: number },
): Generator<void, ClassifiedAllocations> {
  const lists: ClassifiedAllocations = {
    live: [],
    failed: [],
    done: [],
    migrating: [],
    lost: [],
    rescheduled: [],
    later: [],
  };
  let seen = 0;
  for (const alloc of allocs) {
    if (++seen % ALLOCATIONS_PER_SLICE === 0) yield;
    if (job.Type === "batch" && isOfOlderJob(alloc, job) && terminalStatus(alloc)) continue;
    switch (alloc.ClientStatus) {
      case AllocClientStatus.complete:
        if (job.Type === "batch") lists.done.push(alloc);
        break;
      case AllocClientStatus.failed:
        if (!serverTerminal(alloc) && !alloc.NextAllocation) classifyFailed(lists, alloc, group, evaluation);
        break;
      case AllocClientStatus.lost:
        break;
      default:
        if (!serverTerminal(alloc)) classifyLive(lists, alloc, view);
    }
  }
  return lists;
}

function classifyFailed(
  lists: ClassifiedAllocations,
  alloc: Allocation,
  group: TaskGroup,
  evaluation: { id: string; nowMs: number },
): void {
  const decision = rescheduleDecision(alloc, group.ReschedulePolicy, evaluation.nowMs, evaluation.id);
  if (decision.kind === "now") {
    lists.rescheduled.push(alloc);
    return;
  }
  lists.failed.push(alloc);
  if (decision.kind === "later") lists.later.push({ alloc, atMs: decision.atMs });
}

function classifyLive(lists: ClassifiedAllocations, alloc: Allocation, view: ReadView): void {
  if (nodeLost(view, alloc.NodeID)) lists.lost.push(alloc);
  else if (alloc.DesiredTransition?.Migrate) lists.migrating.push(alloc);
  else lists.live.push(alloc);
}

/** A node that is gone or down no longer runs anything that counts. */
export function nodeLost(view: ReadView, nodeID: string): boolean {
  const node = view.get("nodes", nodeID);
  return !node || node.Status === NodeStatus.down || node.Status === NodeStatus.disconnected;
}

/** Whether an allocation runs exactly this version of the job. A purged and re-registered job counts versions anew. */
export function isOfVersion(alloc: Allocation, job: Job): boolean {
  return alloc.Job.Version === job.Version && alloc.Job.CreateIndex === job.CreateIndex;
}

function isOfOlderJob(alloc: Allocation, job: Job): boolean {
  return alloc.Job.CreateIndex < job.CreateIndex || alloc.Job.Version < job.Version;
}
