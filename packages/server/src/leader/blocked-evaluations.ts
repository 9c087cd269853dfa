import type { Timer } from "@steppe/shared";
import { type Change, jobKey } from "@steppe/state";
import { timestampNs } from "@steppe/scheduler";
import { clientTerminal, type Evaluation, EvalStatus, type Node, nodeReady } from "@steppe/structs";
import type { EvaluationBroker } from "./evaluation-broker.js";
import type { LeaderContext, LeaderLoop } from "./leader-context.js";

/** Capacity that comes within this wakes evaluations once. */
const COALESCE_MS = 20;

/**
 * Evaluations that wait for room: at most one per job. When a node comes up or gives something free, those that may run on its class are
 * handed to the broker; the scheduler then finds out whether the room is enough.
 */
export class BlockedEvaluations implements LeaderLoop {
  readonly #context: LeaderContext;
  readonly #broker: EvaluationBroker;
  readonly #byJob = new Map<string, Evaluation>();
  /** When (at which index) each class last had capacity to give. */
  readonly #capacityIndex = new Map<string, number>();
  readonly #pendingClasses = new Set<string>();
  readonly #superseded: Evaluation[] = [];
  #timer: Timer | undefined;

  constructor(context: LeaderContext, broker: EvaluationBroker) {
    this.#context = context;
    this.#broker = broker;
  }

  get size(): number {
    return this.#byJob.size;
  }

  start(): void {
    for (const evaluation of this.#context.state.snapshotView().scan("evaluations")) {
      if (evaluation.Status === EvalStatus.blocked) this.#track(evaluation);
    }
    // Room may have come while nobody led: each is tried once.
    for (const evaluation of this.#byJob.values()) this.#broker.enqueue(evaluation);
  }

  stop(): void {
    this.#timer?.clear();
    this.#timer = undefined;
    this.#byJob.clear();
    this.#capacityIndex.clear();
    this.#pendingClasses.clear();
    this.#superseded.length = 0;
  }

  /** Follows what an entry changed. */
  observe(changes: readonly Change[], index: number): void {
    for (const change of changes) {
      if (change.table === "evaluations") this.#evaluationChanged(change);
      else if (change.table === "nodes") this.#nodeChanged(change, index);
      else if (change.table === "allocations") this.#allocationChanged(change, index);
    }
  }

  #evaluationChanged({ before, after }: Change<"evaluations">): void {
    if (after?.Status === EvalStatus.blocked) this.#track(after);
    else if (before?.Status === EvalStatus.blocked) this.#forget(before);
    // All that its job wants is placed: what waited for it has nothing left to do.
    if (after?.Status === EvalStatus.complete && !after.FailedTGAllocs) {
      const waiting = this.#byJob.get(keyOf(after));
      if (waiting && waiting.ID !== after.ID) {
        this.#byJob.delete(keyOf(after));
        this.#supersede(waiting);
      }
    }
  }

  #track(evaluation: Evaluation): void {
    const key = keyOf(evaluation);
    const known = this.#byJob.get(key);
    if (known && known.ID !== evaluation.ID)
      this.#supersede(known.CreateIndex > evaluation.CreateIndex ? evaluation : known);
    if (known && known.CreateIndex > evaluation.CreateIndex) return;
    this.#byJob.set(key, evaluation);
    // Room may have come between the snapshot on which the evaluation was computed and now.
    for (const [nodeClass, index] of this.#capacityIndex) {
      if (index > (evaluation.SnapshotIndex ?? 0) && mayRunOn(evaluation, nodeClass))
        return this.#unblockSoon(nodeClass);
    }
  }

  #forget(evaluation: Evaluation): void {
    if (this.#byJob.get(keyOf(evaluation))?.ID === evaluation.ID) this.#byJob.delete(keyOf(evaluation));
  }

  #nodeChanged({ before, after }: Change<"nodes">, index: number): void {
    if (!after || !nodeReady(after)) return;
    const gained = !before || !nodeReady(before) || changedForPlacement(before, after);
    if (gained) this.#capacity(after.ComputedClass, index);
  }

  #allocationChanged({ before, after }: Change<"allocations">, index: number): void {
    if (!before) return;
    const held = !clientTerminal(before) && before.DesiredStatus === "run";
    const holds = after !== undefined && !clientTerminal(after) && after.DesiredStatus === "run";
    if (!held || holds) return;
    const node = this.#context.state.get("nodes", before.NodeID);
    if (node && nodeReady(node)) this.#capacity(node.ComputedClass, index);
  }

  #capacity(nodeClass: string, index: number): void {
    this.#capacityIndex.set(nodeClass, index);
    if (this.#byJob.size > 0) this.#unblockSoon(nodeClass);
  }

  #unblockSoon(nodeClass: string): void {
    this.#pendingClasses.add(nodeClass);
    this.#schedule();
  }

  #supersede(evaluation: Evaluation): void {
    this.#superseded.push(evaluation);
    this.#schedule();
  }

  #schedule(): void {
    this.#timer ??= this.#context.clock.after(COALESCE_MS, () => this.#flush(), true);
  }

  #flush(): void {
    this.#timer = undefined;
    const classes = [...this.#pendingClasses];
    this.#pendingClasses.clear();
    for (const evaluation of this.#byJob.values()) {
      if (classes.some((nodeClass) => mayRunOn(evaluation, nodeClass))) this.#broker.enqueue(evaluation);
    }
    this.#cancelSuperseded();
  }

  #cancelSuperseded(): void {
    const { state, clock, propose, logger } = this.#context;
    const ModifyTime = timestampNs(clock.nowMs());
    const StatusDescription = "canceled: a newer evaluation of the job takes its place";
    const evaluations = this.#superseded
      .splice(0)
      .filter(({ ID }) => state.get("evaluations", ID)?.Status === EvalStatus.blocked)
      .map((evaluation) => ({ ...evaluation, Status: EvalStatus.canceled, StatusDescription, ModifyTime }));
    if (evaluations.length === 0) return;
    propose("evalUpsert", { evaluations }).catch((error: unknown) => {
      logger.warn("superseded blocked evaluations were not canceled", { error: String(error) });
    });
  }
}

function keyOf(evaluation: Evaluation): string {
  return jobKey(evaluation.Namespace, evaluation.JobID);
}

/** A class that the evaluation has not seen may do. */
function mayRunOn(evaluation: Evaluation, nodeClass: string): boolean {
  return evaluation.EscapedComputedClass === true || evaluation.ClassEligibility?.[nodeClass] !== false;
}

/** Whether a ready node offers something that it did not offer before. */
function changedForPlacement(before: Node, after: Node): boolean {
  return (
    before.ComputedClass !== after.ComputedClass ||
    before.NodePool !== after.NodePool ||
    before.Datacenter !== after.Datacenter ||
    JSON.stringify([before.NodeResources, before.Drivers, before.HostVolumes]) !==
      JSON.stringify([after.NodeResources, after.Drivers, after.HostVolumes])
  );
}
