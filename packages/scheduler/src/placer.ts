import type { Random } from "@steppe/shared";
import type { AllocMetric, Job, Node, TaskGroup } from "@steppe/structs";
import type { GroupFeasibility } from "./feasibility.js";
import type { JobPlacements, PropertyCounter } from "./job-placements.js";
import { countRejection, newMetric, type Rejection, type Scored, topScores } from "./metrics.js";
import type { NodeSet } from "./node-set.js";
import type { PortGrant } from "./ports.js";
import { type Demand, groupDemand } from "./resources.js";
import { affinityScore, type Algorithm, antiAffinityScore, fitScore, groupAffinities } from "./scores.js";
import { SpreadScorer } from "./spread.js";
import type { UsageMap } from "./usage.js";

/** What the groups of one evaluation share. */
export interface PlacementScope {
  readonly job: Job;
  readonly nodeSet: NodeSet;
  readonly usage: UsageMap;
  readonly placements: JobPlacements;
  readonly random: Random;
  readonly algorithm: Algorithm;
}

export interface Choice {
  readonly node: Node;
  readonly ports: readonly PortGrant[];
  readonly metric: AllocMetric;
}

/** Two candidates are enough for a good fit; a batch job's placements need no better one. */
const BATCH_CANDIDATES = 2;
/** With affinities or spreads the best node may be far away, so more are compared. */
const WIDE_CANDIDATES = 100;
/** Up to so many nodes with a score of 0 or less are passed over in the hope of a better one. */
const MAX_SKIPPED = 3;
/** How many nodes are looked at between two yields. */
const NODES_PER_SLICE = 128;

const DISTINCT_HOSTS_REJECTION: Rejection = { kind: "filtered", reason: "distinct_hosts" };

/**
 * Chooses nodes for the allocations of one group. Nodes are visited round robin from a random start in the set's shuffled
 * order, and only until there are enough candidates to choose from; a node that was found infeasible or exhausted is taken
 * out of the round until something on it is released. So a placement's cost does not depend on the number of nodes.
 */
export class GroupPlacer {
  readonly feasibility: GroupFeasibility;
  readonly demand: Demand;
  readonly #scope: PlacementScope;
  readonly #group: TaskGroup;
  readonly #limit: number;
  readonly #spread: SpreadScorer;
  readonly #affinities: ReturnType<typeof groupAffinities>;
  readonly #properties: { counter: PropertyCounter; allowed: number; rejection: Rejection }[];
  readonly #active: Int32Array;
  #activeCount: number;
  #cursor: number;
  readonly #rejections = new Map<number, Rejection>();

  constructor(scope: PlacementScope, group: TaskGroup, feasibility: GroupFeasibility) {
    this.#scope = scope;
    this.#group = group;
    this.feasibility = feasibility;
    this.demand = groupDemand(group);
    this.#spread = new SpreadScorer(scope.job, group, scope.placements);
    this.#affinities = groupAffinities(scope.job, group);
    this.#properties = this.feasibility.distinctProperties.map(({ constraint, scope: reach }) => ({
      counter: scope.placements.countProperty(constraint.LTarget, reach === "group" ? group.Name : undefined),
      allowed: Math.max(Number.parseInt(constraint.RTarget || "1", 10) || 1, 1),
      rejection: { kind: "filtered", reason: `distinct_property: ${constraint.LTarget}` },
    }));
    const count = scope.nodeSet.nodes.length;
    this.#limit = candidateLimit(scope.job, count, this.#affinities.length > 0 || this.#spread.active);
    this.#active = scope.nodeSet.order.slice();
    this.#activeCount = count;
    this.#cursor = Math.floor(scope.random.next() * count);
  }

  /**
   * The best of a few feasible nodes, or the record of why there is none. `penalized` are nodes on which the allocation
   * failed before.
   */
  *choose(penalized: ReadonlySet<string>): Generator<void, Choice | AllocMetric> {
    const { nodeSet, job } = this.#scope;
    const metric = newMetric(nodeSet, job.NodePool);
    const scored: Scored[] = [];
    let best: { node: Node; ports: readonly PortGrant[]; score: number } | undefined;
    let counted = 0;
    let visits = this.#activeCount;
    for (; visits > 0 && counted < this.#limit; visits--) {
      if (this.#cursor >= this.#activeCount) this.#cursor = 0;
      const position = this.#active[this.#cursor] as number;
      const node = nodeSet.nodes[position] as Node;
      metric.NodesEvaluated++;
      if (metric.NodesEvaluated % NODES_PER_SLICE === 0) yield;
      const verdict = this.judge(node);
      if ("kind" in verdict) {
        countRejection(metric, node, verdict);
        this.#reject(position, verdict);
        continue;
      }
      this.#cursor++;
      const score = this.#score(node, penalized.has(node.ID));
      scored.push(score);
      if (score.norm > 0 || scored.length - counted > MAX_SKIPPED) counted++;
      if (!best || score.norm > best.score) best = { node, ports: verdict.ports, score: score.norm };
    }
    if (!best) return this.#failure();
    metric.ScoreMetaData = topScores(scored, this.#spread.active);
    return { node: best.node, ports: best.ports, metric };
  }

  /** One given node (a system job's), by the same rules. */
  chooseOn(node: Node): Choice | AllocMetric {
    const metric = newMetric(this.#scope.nodeSet, this.#scope.job.NodePool);
    metric.NodesEvaluated = 1;
    const verdict = this.judge(node);
    if ("kind" in verdict) {
      countRejection(metric, node, verdict);
      return metric;
    }
    metric.ScoreMetaData = topScores([this.#score(node, false)], this.#spread.active);
    return { node, ports: verdict.ports, metric };
  }

  /** Whether a node is feasible and has room, with the ports it would give. */
  judge(node: Node): { readonly ports: readonly PortGrant[] } | Rejection {
    const reason = this.feasibility.infeasible(node);
    if (reason !== null) return { kind: "filtered", reason };
    const distinct = this.#distinctRejection(node);
    if (distinct) return distinct;
    const fit = this.#scope.usage.of(node).fits(this.demand, this.#scope.random);
    return fit.ok ? fit : { kind: "exhausted", reason: fit.dimension };
  }

  /** Something on a node was stopped: it, and nodes that only a distinct property kept out, are worth another look. */
  released(nodeID: string): void {
    const position = this.#scope.nodeSet.positions.get(nodeID);
    if (position !== undefined) this.#reactivate(position);
    if (this.#properties.length === 0) return;
    for (const [other, rejection] of this.#rejections) {
      if (this.#properties.some((property) => property.rejection === rejection)) this.#reactivate(other);
    }
  }

  #distinctRejection(node: Node): Rejection | undefined {
    const { placements } = this.#scope;
    const { distinctHosts } = this.feasibility;
    if (distinctHosts && placements.onNode(node.ID, distinctHosts === "group" ? this.#group.Name : undefined) > 0)
      return DISTINCT_HOSTS_REJECTION;
    for (const property of this.#properties) {
      const used = property.counter.on(node);
      if (used === undefined || used >= property.allowed) return property.rejection;
    }
    return undefined;
  }

  /** Only scores that say something enter the mean. */
  #score(node: Node, penalized: boolean): Scored {
    const { usage, placements, algorithm, job } = this.#scope;
    const binpack = fitScore(usage.of(node), this.demand, algorithm);
    const antiAffinity = antiAffinityScore(placements.onNode(node.ID, this.#group.Name), this.#group.Count);
    const penalty = penalized ? -1 : 0;
    const affinity = this.#affinities.length === 0 ? 0 : affinityScore(this.#affinities, node, job.Region);
    const spread = this.#spread.active ? this.#spread.score(node) : 0;
    const counted =
      1 + Number(antiAffinity !== 0) + Number(penalty !== 0) + Number(affinity !== 0) + Number(spread !== 0);
    const norm = (binpack + antiAffinity + penalty + affinity + spread) / counted;
    return { nodeID: node.ID, binpack, antiAffinity, penalty, affinity, spread, norm };
  }

  #reject(position: number, rejection: Rejection): void {
    this.#activeCount--;
    this.#active[this.#cursor] = this.#active[this.#activeCount] as number;
    this.#rejections.set(position, rejection);
  }

  #reactivate(position: number): void {
    if (!this.#rejections.delete(position)) return;
    this.#active[this.#activeCount] = position;
    this.#activeCount++;
  }

  /** Every node was looked at and rejected at some time of this evaluation, or had nothing to offer. */
  #failure(): AllocMetric {
    const { nodeSet, job } = this.#scope;
    const metric = newMetric(nodeSet, job.NodePool);
    metric.NodesEvaluated = nodeSet.nodes.length;
    for (const [position, rejection] of this.#rejections)
      countRejection(metric, nodeSet.nodes[position] as Node, rejection);
    return metric;
  }
}

function candidateLimit(job: Job, nodeCount: number, wide: boolean): number {
  if (wide) return WIDE_CANDIDATES;
  if (job.Type === "batch") return BATCH_CANDIDATES;
  return Math.max(BATCH_CANDIDATES, Math.ceil(Math.log2(Math.max(nodeCount, 1))));
}
