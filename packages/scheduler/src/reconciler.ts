import type { Allocation, DesiredUpdates, Job, TaskGroup } from "@steppe/structs";
import { allocationName, nameIndex } from "./allocation-row.js";
import { type ClassifiedAllocations, isOfVersion } from "./classification.js";
import { NameIndexes } from "./names.js";

/** Nomad's words for why an allocation is stopped; they reach the user as `DesiredDescription`. */
export const StopReason = {
  notNeeded: "alloc not needed due to job update",
  migrating: "alloc is being migrated",
  updating: "alloc is being updated due to job update",
  lost: "alloc is lost since its node is down",
  rescheduled: "alloc was rescheduled because it failed",
} as const;

const NAMES_PER_SLICE = 1024;

export interface Stop {
  readonly alloc: Allocation;
  readonly reason: string;
  /** Set where no client will report the end. */
  readonly clientStatus?: string;
}

/** An allocation to be placed. Its predecessor, if any, is stopped only if there is a place for it. */
export interface Placement {
  readonly name: string;
  readonly previous: Allocation | null;
  readonly cause: "missing" | "lost" | "migrate" | "reschedule" | "update";
}

/** What is to be done for one group. */
export interface GroupChanges {
  readonly stops: Stop[];
  readonly inPlace: Allocation[];
  readonly placements: Placement[];
  readonly later: { alloc: Allocation; atMs: number }[];
  readonly updates: DesiredUpdates;
  /** Allocations of older versions that wait for their turn. */
  readonly waiting: number;
}

/** What the deployment, if any, allows at this moment. */
export interface RolloutLimits {
  /** New allocations may be placed beside replacements for those that were lost, moved or rescheduled. */
  readonly mayPlace: boolean;
  /** How many allocations may be replaced by the new version now. */
  readonly replacements: number;
}

/** How an allocation of an older version gets to the new one. */
export type UpdateJudge = (alloc: Allocation) => "inPlace" | "destructive";

export function noUpdates(): DesiredUpdates {
  return {
    Ignore: 0,
    Place: 0,
    Migrate: 0,
    Stop: 0,
    InPlaceUpdate: 0,
    DestructiveUpdate: 0,
    Canary: 0,
    Preemptions: 0,
    Disconnect: 0,
    Reconnect: 0,
    RescheduleNow: 0,
    RescheduleLater: 0,
  };
}

/** Stops everything of a group: the job is stopped or gone, or the group is not in it any more. */
export function stopGroup(lists: ClassifiedAllocations): GroupChanges {
  const updates = noUpdates();
  const stops = [
    ...[...lists.live, ...lists.migrating, ...lists.failed, ...lists.rescheduled].map((alloc): Stop => ({
      alloc,
      reason: StopReason.notNeeded,
    })),
    ...lists.lost.map(lostStop),
  ];
  updates.Stop = stops.length;
  return { stops, inPlace: [], placements: [], later: [], updates, waiting: 0 };
}

/** Compares a group with its allocations. Names stay dense: the lowest indexes are kept, and free ones are given out first. */
export function* reconcileGroup(
  job: Job,
  group: TaskGroup,
  lists: ClassifiedAllocations,
  limits: RolloutLimits,
  judge: UpdateJudge,
): Generator<void, GroupChanges> {
  const updates = noUpdates();
  const { kept, excess } = splitByCount(
    [...lists.live, ...lists.failed, ...lists.done, ...lists.migrating],
    group.Count,
  );
  yield;
  const free = group.Count - kept.length;
  const replaceable = byName([...lists.rescheduled, ...lists.lost]);
  const replaced = new Set(replaceable.slice(0, free));
  const stops: Stop[] = excess
    .filter((alloc) => alloc.ClientStatus !== "complete")
    .map((alloc) => ({ alloc, reason: StopReason.notNeeded }));
  for (const alloc of lists.lost) stops.push(lostStop(alloc));
  for (const alloc of lists.rescheduled) {
    if (!replaced.has(alloc)) stops.push({ alloc, reason: StopReason.notNeeded });
  }

  const lost = new Set(lists.lost);
  const migrating = new Set(lists.migrating);
  const moved = kept.filter((alloc) => migrating.has(alloc));
  const names = new NameIndexes(kept.map(nameIndex));
  const placements: Placement[] = [];
  for (const previous of replaced) {
    // A replacement takes its predecessor's name, unless that is taken.
    const name = names.take(nameIndex(previous)) ? previous.Name : allocationName(job, group.Name, names.next());
    placements.push({ name, previous, cause: lost.has(previous) ? "lost" : "reschedule" });
  }
  for (const previous of moved) placements.push({ name: previous.Name, previous, cause: "migrate" });

  const { inPlace, due, waiting } = splitUpdates(
    job,
    kept.filter((alloc) => !migrating.has(alloc)),
    limits.replacements,
    judge,
  );
  for (const previous of due) placements.push({ name: previous.Name, previous, cause: "update" });
  const missing = limits.mayPlace ? free - replaced.size : 0;
  for (let i = 0; i < missing; i++) {
    placements.push({ name: allocationName(job, group.Name, names.next()), previous: null, cause: "missing" });
    if (i % NAMES_PER_SLICE === 0) yield;
  }
  const keptIDs = new Set(kept.map((alloc) => alloc.ID));
  const dueNow = new Set(due);
  const later = lists.later.filter(({ alloc }) => keptIDs.has(alloc.ID) && !dueNow.has(alloc));
  updates.Stop = stops.length;
  updates.Place = missing + replaced.size;
  updates.Migrate = moved.length;
  updates.InPlaceUpdate = inPlace.length;
  updates.DestructiveUpdate = due.length;
  updates.RescheduleNow = lists.rescheduled.filter((alloc) => replaced.has(alloc)).length;
  updates.RescheduleLater = later.length;
  updates.Ignore = kept.length - moved.length - inPlace.length - due.length;
  return { stops, inPlace, placements, later, updates, waiting };
}

/** The first `count` by name index, one per name before any second of the same name. */
function splitByCount(allocs: readonly Allocation[], count: number): { kept: Allocation[]; excess: Allocation[] } {
  const sorted = byName(allocs);
  if (sorted.length <= count) return { kept: sorted, excess: [] };
  const seen = new Set<string>();
  const firsts: Allocation[] = [];
  const duplicates: Allocation[] = [];
  for (const alloc of sorted) {
    (seen.has(alloc.Name) ? duplicates : firsts).push(alloc);
    seen.add(alloc.Name);
  }
  const ordered = [...firsts, ...duplicates];
  return { kept: ordered.slice(0, count), excess: ordered.slice(count) };
}

function splitUpdates(
  job: Job,
  kept: readonly Allocation[],
  limit: number,
  judge: UpdateJudge,
): { inPlace: Allocation[]; due: Allocation[]; waiting: number } {
  const inPlace: Allocation[] = [];
  const due: Allocation[] = [];
  let waiting = 0;
  for (const alloc of kept) {
    if (isOfVersion(alloc, job) || alloc.ClientStatus === "complete") continue;
    if (judge(alloc) === "inPlace") {
      // One that failed has nothing running to update.
      if (alloc.ClientStatus !== "failed") inPlace.push(alloc);
    } else if (due.length < limit) due.push(alloc);
    else waiting++;
  }
  return { inPlace, due, waiting };
}

function lostStop(alloc: Allocation): Stop {
  return { alloc, reason: StopReason.lost, clientStatus: "lost" };
}

function byName(allocs: readonly Allocation[]): Allocation[] {
  const keyed = allocs.map((alloc) => ({ alloc, index: nameIndex(alloc) }));
  return keyed.sort((a, b) => a.index - b.index || a.alloc.CreateIndex - b.alloc.CreateIndex).map(({ alloc }) => alloc);
}
