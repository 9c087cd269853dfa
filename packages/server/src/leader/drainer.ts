import type { Timer } from "@steppe/shared";
import { parseTimestampMs, timestampNs } from "@steppe/scheduler";
import { type Change, jobKey } from "@steppe/state";
import {
  type Allocation,
  type Evaluation,
  EvalStatus,
  EvalTrigger,
  JobType,
  type Node,
  terminalStatus,
} from "@steppe/structs";
import type { LeaderContext, LeaderLoop } from "./leader-context.js";

const CHECK_MS = 1000;
const COALESCE_MS = 50;

/**
 * Empties draining nodes. Service allocations move a few at a time, as the group's migrate block says; batch ones may finish; system ones
 * go last. At the deadline everything that is left moves. An empty node's drain is complete.
 */
export class Drainer implements LeaderLoop {
  readonly #context: LeaderContext;
  readonly #draining = new Set<string>();
  #checkTimer: Timer | undefined;
  #soonTimer: Timer | undefined;
  #busy = false;

  constructor(context: LeaderContext) {
    this.#context = context;
  }

  get size(): number {
    return this.#draining.size;
  }

  start(): void {
    for (const node of this.#context.state.scan("nodes")) if (node.DrainStrategy) this.#draining.add(node.ID);
    this.#checkTimer = this.#context.clock.every(CHECK_MS, () => void this.#check(), true);
    if (this.#draining.size > 0) this.#checkSoon();
  }

  stop(): void {
    this.#checkTimer?.clear();
    this.#soonTimer?.clear();
    this.#checkTimer = undefined;
    this.#soonTimer = undefined;
    this.#draining.clear();
  }

  observe(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.table === "nodes") {
        const { key, after } = change;
        if (after?.DrainStrategy) this.#draining.add(key);
        else this.#draining.delete(key);
        if (after?.DrainStrategy) this.#checkSoon();
      } else if (change.table === "allocations" && this.#draining.size > 0) this.#checkSoon();
    }
  }

  #checkSoon(): void {
    this.#soonTimer ??= this.#context.clock.after(
      COALESCE_MS,
      () => {
        this.#soonTimer = undefined;
        void this.#check();
      },
      true,
    );
  }

  async #check(): Promise<void> {
    if (this.#busy || this.#draining.size === 0) return;
    this.#busy = true;
    try {
      const moves = new Map<string, Allocation>();
      for (const nodeID of this.#draining) {
        const node = this.#context.state.get("nodes", nodeID);
        if (node?.DrainStrategy) await this.#drain(node, moves);
      }
      if (moves.size > 0) await this.#move([...moves.values()]);
    } catch (error) {
      this.#context.logger.warn("drain did not go on", { error: String(error) });
    } finally {
      this.#busy = false;
    }
  }

  async #drain(node: Node, moves: Map<string, Allocation>): Promise<void> {
    const strategy = node.DrainStrategy;
    if (!strategy) return;
    const { state, clock, propose } = this.#context;
    const left = state.byIndex("allocations", "byNode", node.ID).filter((alloc) => !terminalStatus(alloc));
    const system = left.filter(isSystem);
    const others = left.filter((alloc) => !isSystem(alloc));
    const remaining = strategy.IgnoreSystemJobs ? others : left;
    if (remaining.length === 0) {
      const nowMs = clock.nowMs();
      await propose("nodeDrain", { nodeID: node.ID, drainStrategy: null, markEligible: false, nowMs, complete: true });
      return;
    }
    if (deadlinePassed(strategy, clock.nowMs())) {
      for (const alloc of remaining) this.#choose(alloc, moves);
      return;
    }
    this.#chooseInTurn(others, moves);
    if (others.length === 0 && !strategy.IgnoreSystemJobs) for (const alloc of system) this.#choose(alloc, moves);
  }

  /** As many of each group as may be away at a time. Batch allocations are left to finish. */
  #chooseInTurn(allocs: readonly Allocation[], moves: Map<string, Allocation>): void {
    for (const alloc of allocs) {
      if (alloc.Job.Type !== JobType.service || alloc.DesiredTransition?.Migrate) continue;
      const group = alloc.Job.TaskGroups.find(({ Name }) => Name === alloc.TaskGroup);
      const maxParallel = group?.Migrate?.MaxParallel ?? 1;
      if (this.#away(alloc, group?.Count ?? 0, moves) < maxParallel) this.#choose(alloc, moves);
    }
  }

  /** How many allocations of the group are moving, or not yet healthy where they moved to. */
  #away(of: Allocation, count: number, moves: ReadonlyMap<string, Allocation>): number {
    const { state } = this.#context;
    let staying = 0;
    for (const alloc of state.byIndex("allocations", "byJob", jobKey(of.Namespace, of.JobID))) {
      if (
        alloc.TaskGroup !== of.TaskGroup ||
        terminalStatus(alloc) ||
        alloc.DesiredTransition?.Migrate ||
        moves.has(alloc.ID)
      )
        continue;
      const healthy = alloc.DeploymentStatus?.Healthy ?? alloc.ClientStatus === "running";
      if (healthy) staying++;
    }
    return count - staying;
  }

  #choose(alloc: Allocation, moves: Map<string, Allocation>): void {
    if (!alloc.DesiredTransition?.Migrate) moves.set(alloc.ID, alloc);
  }

  async #move(allocs: readonly Allocation[]): Promise<void> {
    const { random, clock, propose } = this.#context;
    const nowNs = timestampNs(clock.nowMs());
    const evaluations = new Map<string, Evaluation>();
    for (const alloc of allocs) {
      const key = jobKey(alloc.Namespace, alloc.JobID);
      if (evaluations.has(key)) continue;
      evaluations.set(key, {
        ID: random.uuid(),
        Namespace: alloc.Namespace,
        Priority: alloc.Job.Priority,
        Type: alloc.Job.Type,
        TriggeredBy: EvalTrigger.nodeDrain,
        JobID: alloc.JobID,
        NodeID: alloc.NodeID,
        Status: EvalStatus.pending,
        CreateIndex: 0,
        ModifyIndex: 0,
        CreateTime: nowNs,
        ModifyTime: nowNs,
      });
    }
    const transitions = Object.fromEntries(allocs.map((alloc) => [alloc.ID, { Migrate: true }]));
    await propose("allocDesiredTransition", { allocs: transitions, evaluations: [...evaluations.values()] });
  }
}

function isSystem(alloc: Allocation): boolean {
  return alloc.Job.Type === JobType.system || alloc.Job.Type === JobType.sysbatch;
}

/** A deadline below 0 has passed from the start, one of 0 never does. */
function deadlinePassed(strategy: NonNullable<Node["DrainStrategy"]>, nowMs: number): boolean {
  if (strategy.Deadline === 0) return false;
  return strategy.Deadline < 0 || (parseTimestampMs(strategy.ForceDeadline) ?? Infinity) <= nowMs;
}
