import type { Affinity, Job, Node, TaskGroup } from "@steppe/structs";
import { constraintHolds } from "./constraints.js";
import type { Demand, NodeUsage } from "./resources.js";

/** `binpack` prefers full nodes, `spread` empty ones (`SchedulerAlgorithm` of the scheduler's configuration). */
export type Algorithm = "binpack" | "spread";

/** The best fit there is; scores are normalised by it into 0..1. */
const MAX_FIT_SCORE = 18;

/**
 * BestFit v3 (as Nomad documents it, after Google's work on bin packing): 20 - (10^freeCpu + 10^freeMemory), each free share in
 * 0..1 after the placement, clamped to 0..18 and normalised. The spread algorithm turns it round.
 */
export function fitScore(usage: NodeUsage, demand: Demand, algorithm: Algorithm): number {
  const { capacity } = usage;
  const freeCpu = capacity.cpuShares > 0 ? 1 - (usage.cpuShares + demand.cpuShares) / capacity.cpuShares : 0;
  const freeMemory = capacity.memoryMB > 0 ? 1 - (usage.memoryMB + demand.memoryMB) / capacity.memoryMB : 0;
  const total = Math.pow(10, freeCpu) + Math.pow(10, freeMemory);
  const score = algorithm === "binpack" ? 20 - total : total - 2;
  return Math.min(Math.max(score, 0), MAX_FIT_SCORE) / MAX_FIT_SCORE;
}

/** Below 0 for a node that already runs allocations of the same group: the more of them, the lower. */
export function antiAffinityScore(collisions: number, desiredCount: number): number {
  return collisions === 0 ? 0 : -(collisions + 1) / Math.max(desiredCount, 1);
}

/** The affinities of a job, a group and its tasks. */
export function groupAffinities(job: Job, group: TaskGroup): Affinity[] {
  return [
    ...(job.Affinities ?? []),
    ...(group.Affinities ?? []),
    ...group.Tasks.flatMap((task) => task.Affinities ?? []),
  ];
}

/** The weights of the affinities that a node fulfils, as a share of all weights: -1..1. */
export function affinityScore(affinities: readonly Affinity[], node: Node, region: string): number {
  let sum = 0;
  let total = 0;
  for (const affinity of affinities) {
    total += Math.abs(affinity.Weight);
    if (constraintHolds(affinity, node, { region })) sum += affinity.Weight;
  }
  return total === 0 ? 0 : sum / total;
}
