import type { ReadView } from "@steppe/state";
import { type Allocation, type Node, NodeStatus, terminalStatus } from "@steppe/structs";
import { allocationHolding, NodeUsage } from "./resources.js";

export type PlanFit = { readonly ok: true } | { readonly ok: false; readonly reason: string };

const FITS: PlanFit = { ok: true };

/** What is on its way to a node besides what the view shows: plans that were accepted and are not applied yet. */
export interface InFlight {
  readonly placed: readonly Allocation[];
  /** IDs of allocations that stop. */
  readonly stopped: ReadonlySet<string>;
}

/**
 * Whether a node can take the proposed allocations beside what it has, by the very rules by which the scheduler chose it. `proposed`
 * holds new allocations and in-place updates; `inFlight.stopped` includes what the same plan stops.
 */
export function planFits(
  view: ReadView,
  node: Node | undefined,
  proposed: readonly Allocation[],
  inFlight: InFlight,
): PlanFit {
  if (!node) return { ok: false, reason: "node does not exist" };
  const fresh = proposed.some((alloc) => view.get("allocations", alloc.ID) === undefined);
  if (fresh && node.Status !== NodeStatus.ready) return { ok: false, reason: "node is not ready for placements" };
  if (fresh && (node.SchedulingEligibility !== "eligible" || node.DrainStrategy))
    return { ok: false, reason: "node is not eligible" };
  const usage = new NodeUsage(node);
  // An allocation counts once, as it was proposed last: it may be in the view, on its way and proposed again, all at a time.
  const newest = new Set(proposed.map((alloc) => alloc.ID));
  const onTheWay = inFlight.placed.filter((alloc) => !newest.has(alloc.ID));
  for (const alloc of onTheWay) {
    newest.add(alloc.ID);
    if (!inFlight.stopped.has(alloc.ID)) usage.add(allocationHolding(alloc));
  }
  for (const alloc of view.byIndex("allocations", "byNode", node.ID)) {
    const counts = !terminalStatus(alloc) && !inFlight.stopped.has(alloc.ID) && !newest.has(alloc.ID);
    if (counts) usage.add(allocationHolding(alloc));
  }
  for (const alloc of proposed) {
    const holding = allocationHolding(alloc);
    const dimension = usage.exhaustedBy(holding);
    if (dimension !== undefined) return { ok: false, reason: dimension };
    usage.add(holding);
  }
  return FITS;
}
