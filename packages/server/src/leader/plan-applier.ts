import { planFits, type SchedulerResult } from "@steppe/scheduler";
import type { PlanPayload } from "@steppe/state";
import type { Allocation, AllocationChange, Plan } from "@steppe/structs";
import { InFlightPlans } from "./in-flight-plans.js";
import { type LeaderContext, yieldToEventLoop } from "./leader-context.js";

/**
 * How many allocations one command carries. Encoding and applying one holds the event loop of every server, for a few milliseconds at this size;
 * a bigger plan is committed in parts, and its evaluation with the last of them.
 */
const ALLOCATIONS_PER_COMMAND = 64;
const EVALUATIONS_PER_COMMAND = 256;
/** Commands on their way at a time: enough to keep the log busy, few enough that they are not applied in one go. */
const MAX_IN_FLIGHT = 2;
const NODES_PER_SLICE = 64;

/** What became of a result that was handed in. */
export type PlanOutcome = "applied" | "partial" | "failed";

interface Part {
  readonly payload: PlanPayload;
  readonly stopped: { nodeID: string; allocID: string }[];
  readonly done: (applied: boolean) => void;
}

/**
 * The one place through which plans enter the log. A plan was made on a snapshot: every node of it is checked again against the newest
 * state and against the plans that are on their way, by the scheduler's own rules. What does not fit any more is left out.
 */
export class PlanApplier {
  readonly #context: LeaderContext;
  readonly #inFlight = new InFlightPlans();
  readonly #parts: Part[] = [];
  #commandsInFlight = 0;
  #flushQueued = false;
  #generation = 0;
  #wakeups: (() => void)[] = [];

  constructor(context: LeaderContext) {
    this.#context = context;
  }

  /** Forgets what is on its way: leadership has changed, and what becomes of it shows in state. */
  reset(): void {
    this.#generation++;
    this.#inFlight.clear();
    this.#commandsInFlight = 0;
    for (const part of this.#parts.splice(0)) part.done(false);
    this.#wake();
  }

  /** Resolves when the queue is short enough to take more. */
  async ready(): Promise<void> {
    while (this.#parts.length + this.#commandsInFlight > MAX_IN_FLIGHT * 2 * EVALUATIONS_PER_COMMAND)
      await this.#change();
  }

  /**
   * Checks a result and puts what fits into the log. `applied`: all of it, and the evaluation's end with it. `partial`: the evaluation
   * is to run again, on a state that has what was applied. `failed`: the log did not take it, or its fate is unknown.
   */
  async apply(result: SchedulerResult): Promise<PlanOutcome> {
    const { plan, evaluation, createdEvaluations } = result;
    if (!plan) {
      const payload = emptyPayload(evaluation.ID, evaluation.SnapshotIndex ?? 0);
      payload.evaluations.push(evaluation, ...createdEvaluations);
      return (await this.#propose([{ payload, stopped: [] }])) ? "applied" : "failed";
    }
    const rejected = await this.#verify(plan);
    const all = rejected.size === 0;
    if (!all) this.#context.metrics.increment("nomad.plan.node_rejected", rejected.size);
    const parts = plan.allAtOnce && !all ? [] : splitPlan(plan, rejected);
    const last = parts[parts.length - 1];
    if (all) last?.payload.evaluations.push(evaluation, ...createdEvaluations);
    for (const part of parts) this.#reserve(part);
    const applied = await this.#propose(parts);
    if (!applied) return "failed";
    return all ? "applied" : "partial";
  }

  /** The nodes that do not take what the plan has for them. */
  async #verify(plan: Plan): Promise<ReadonlySet<string>> {
    const rejected = new Set<string>();
    let checked = 0;
    for (const [nodeID, proposed] of plan.placed) {
      const { state } = this.#context;
      const inFlight = this.#inFlight.on(nodeID);
      const stopping = (plan.changed.get(nodeID) ?? []).filter((change) => change.DesiredStatus !== undefined);
      const stopped =
        stopping.length === 0 ? inFlight.stopped : new Set([...inFlight.stopped, ...stopping.map(({ ID }) => ID)]);
      const fit = planFits(state, state.get("nodes", nodeID), proposed, { placed: inFlight.placed, stopped });
      if (!fit.ok) {
        rejected.add(nodeID);
        this.#context.logger.debug("plan for node rejected", { nodeID, evalID: plan.evalID, reason: fit.reason });
      }
      if (++checked % NODES_PER_SLICE === 0) await yieldToEventLoop();
    }
    return rejected;
  }

  #reserve({ payload, stopped }: Omit<Part, "done">): void {
    for (const alloc of payload.allocsPlaced) this.#inFlight.place(alloc as Allocation);
    for (const { nodeID, allocID } of stopped) this.#inFlight.stop(nodeID, allocID);
  }

  async #propose(parts: readonly Omit<Part, "done">[]): Promise<boolean> {
    const outcomes = parts.map((part) => new Promise<boolean>((done) => this.#parts.push({ ...part, done })));
    this.#queueFlush();
    return (await Promise.all(outcomes)).every(Boolean);
  }

  /** Waits for the end of this turn, so that plans that come together share a command. */
  #queueFlush(): void {
    if (this.#flushQueued) return;
    this.#flushQueued = true;
    setImmediate(() => {
      this.#flushQueued = false;
      if (this.#parts.length > 0 && this.#commandsInFlight < MAX_IN_FLIGHT) void this.#send(this.#nextBatch());
      if (this.#parts.length > 0 && this.#commandsInFlight < MAX_IN_FLIGHT) this.#queueFlush();
    });
  }

  #nextBatch(): Part[] {
    let allocations = 0;
    let length = 0;
    while (length < this.#parts.length && length < EVALUATIONS_PER_COMMAND) {
      const { payload } = this.#parts[length] as Part;
      allocations += payload.allocsPlaced.length + payload.allocsUpdated.length;
      if (length > 0 && allocations > ALLOCATIONS_PER_COMMAND) break;
      length++;
    }
    return this.#parts.splice(0, length);
  }

  async #send(batch: readonly Part[]): Promise<void> {
    const generation = this.#generation;
    this.#commandsInFlight++;
    let applied = false;
    try {
      await this.#context.propose("planApply", { plans: batch.map((part) => part.payload) });
      applied = true;
    } catch (error) {
      this.#context.logger.warn("plan was not applied", { error: String(error), plans: batch.length });
    }
    if (generation === this.#generation) {
      this.#commandsInFlight--;
      for (const part of batch) this.#inFlight.remove(part.payload, part.stopped);
    }
    for (const part of batch) part.done(applied);
    if (this.#parts.length > 0) this.#queueFlush();
    this.#wake();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#wakeups.push(resolve));
  }

  #wake(): void {
    for (const wakeup of this.#wakeups.splice(0)) wakeup();
  }
}

function emptyPayload(evalID: string, snapshotIndex: number): PlanPayload {
  return {
    evalID,
    snapshotIndex,
    allocsPlaced: [],
    allocsUpdated: [],
    deployment: null,
    deploymentUpdates: [],
    evaluations: [],
  };
}

/** Cuts a plan into commands. The deployment goes with the first part: allocations are counted in it. */
function splitPlan(plan: Plan, rejected: ReadonlySet<string>): Omit<Part, "done">[] {
  const parts: Omit<Part, "done">[] = [];
  let part = addPart(parts, plan);
  part.payload.deployment = plan.deployment;
  part.payload.deploymentUpdates = plan.deploymentUpdates;
  const withRoom = (): Omit<Part, "done"> => {
    if (part.payload.allocsPlaced.length + part.payload.allocsUpdated.length >= ALLOCATIONS_PER_COMMAND)
      part = addPart(parts, plan);
    return part;
  };
  // What stops goes first: what is placed was counted on the room that it leaves.
  for (const [nodeID, changes] of plan.changed) {
    if (!rejected.has(nodeID)) for (const change of changes) addChange(withRoom(), nodeID, change);
  }
  for (const [nodeID, allocs] of plan.placed) {
    if (!rejected.has(nodeID)) for (const alloc of allocs) withRoom().payload.allocsPlaced.push(alloc);
  }
  return parts;
}

function addPart(parts: Omit<Part, "done">[], plan: Plan): Omit<Part, "done"> {
  const part = { payload: emptyPayload(plan.evalID, plan.snapshotIndex), stopped: [] };
  parts.push(part);
  return part;
}

function addChange({ payload, stopped }: Omit<Part, "done">, nodeID: string, change: AllocationChange): void {
  payload.allocsUpdated.push(change);
  if (change.DesiredStatus !== undefined) stopped.push({ nodeID, allocID: change.ID });
}
