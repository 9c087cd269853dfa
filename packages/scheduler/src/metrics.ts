import type { AllocMetric, Node, NodeScore } from "@steppe/structs";
import type { NodeSet } from "./node-set.js";

/** How many scored nodes an allocation remembers. */
const MAX_SCORED_NODES = 5;

/** Why a node was passed over: filtered by a constraint, or exhausted in a dimension. */
export interface Rejection {
  readonly kind: "filtered" | "exhausted";
  readonly reason: string;
}

/** An empty record of one choice. `NodesAvailable` is shared with the node set: rows are frozen. */
export function newMetric(nodeSet: NodeSet, pool: string): AllocMetric {
  return {
    NodesEvaluated: 0,
    NodesFiltered: 0,
    NodesInPool: nodeSet.nodesInPool,
    NodePool: pool,
    NodesAvailable: nodeSet.availableByDatacenter,
    ClassFiltered: null,
    ConstraintFiltered: null,
    NodesExhausted: 0,
    ClassExhausted: null,
    DimensionExhausted: null,
    QuotaExhausted: null,
    ResourcesExhausted: null,
    Scores: null,
    ScoreMetaData: null,
    AllocationTime: 0,
    CoalescedFailures: 0,
  };
}

export function countRejection(metric: AllocMetric, node: Node, { kind, reason }: Rejection): void {
  if (kind === "filtered") {
    metric.NodesFiltered++;
    count((metric.ConstraintFiltered ??= {}), reason);
    if (node.NodeClass !== "") count((metric.ClassFiltered ??= {}), node.NodeClass);
  } else {
    metric.NodesExhausted++;
    count((metric.DimensionExhausted ??= {}), reason);
    if (node.NodeClass !== "") count((metric.ClassExhausted ??= {}), node.NodeClass);
  }
}

function count(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}

/** What speaks for and against one node. */
export interface Scored {
  readonly nodeID: string;
  readonly binpack: number;
  readonly antiAffinity: number;
  readonly penalty: number;
  readonly affinity: number;
  readonly spread: number;
  /** The mean of those that say something. */
  readonly norm: number;
}

/** The best few, best first, as they are shown. */
export function topScores(scored: readonly Scored[], withSpread: boolean): NodeScore[] {
  const best = [...scored].sort((a, b) => b.norm - a.norm).slice(0, MAX_SCORED_NODES);
  return best.map(({ nodeID, binpack, antiAffinity, penalty, affinity, spread, norm }) => {
    const Scores: Record<string, number> = {
      binpack,
      "job-anti-affinity": antiAffinity,
      "node-reschedule-penalty": penalty,
      "node-affinity": affinity,
    };
    if (withSpread) Scores["allocation-spread"] = spread;
    return { NodeID: nodeID, Scores, NormScore: norm };
  });
}
