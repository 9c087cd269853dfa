import { schedule, SchedulerCache, type SchedulerResult, timestampNs } from "@steppe/scheduler";
import { type ReadView, SCHEDULER_CONFIG_KEY } from "@steppe/state";
import { type Evaluation, EvalStatus, EvalTrigger } from "@steppe/structs";
import type { EvaluationBroker } from "./evaluation-broker.js";
import { type LeaderContext, type LeaderLoop, yieldToEventLoop } from "./leader-context.js";
import type { PlanApplier } from "./plan-applier.js";

/** How long the scheduler computes before the event loop gets its turn. */
const SLICE_MS = 5;
/** Evaluations that are computed on one snapshot. */
const EVALUATIONS_PER_ROUND = 256;
/** How often an evaluation is tried again because parts of its plan did not fit any more. */
const MAX_PLAN_ATTEMPTS = 5;
/** When an evaluation that failed for good is tried anew: a minute, and up to nine more. */
const FAILED_FOLLOW_UP_MS = 60_000;
const FAILED_FOLLOW_UP_SPREAD_MS = 540_000;

/**
 * Computes what is ready, many evaluations per round on one snapshot, and hands the results to the plan applier without waiting for
 * them: the next round begins while the last one's plans are on their way.
 */
export class EvaluationWorker implements LeaderLoop {
  readonly #context: LeaderContext;
  readonly #broker: EvaluationBroker;
  readonly #applier: PlanApplier;
  readonly #attempts = new Map<string, number>();
  #cache = new SchedulerCache();
  #running = false;
  #generation = 0;
  #sliceStartMs = 0;

  constructor(context: LeaderContext, broker: EvaluationBroker, applier: PlanApplier) {
    this.#context = context;
    this.#broker = broker;
    this.#applier = applier;
  }

  start(): void {
    this.#generation++;
    this.#cache = new SchedulerCache();
    this.#attempts.clear();
    this.notify();
  }

  stop(): void {
    this.#generation++;
  }

  /** Something may be ready. */
  notify(): void {
    if (this.#running) return;
    this.#running = true;
    setImmediate(() => void this.#work());
  }

  async #work(): Promise<void> {
    const generation = this.#generation;
    try {
      while (generation === this.#generation && this.#broker.readyCount > 0) {
        await this.#applier.ready();
        await this.#round(generation);
      }
    } finally {
      this.#running = false;
      if (this.#broker.readyCount > 0) this.notify();
    }
  }

  async #round(generation: number): Promise<void> {
    const { state, clock } = this.#context;
    const view = state.snapshotView();
    this.#sliceStartMs = clock.monotonicMs();
    for (const evaluation of this.#broker.take(EVALUATIONS_PER_ROUND)) {
      const result = await this.#compute(view, evaluation);
      if (generation !== this.#generation) return;
      if (result) void this.#apply(evaluation, result, generation);
      else await this.#retryLater(evaluation);
    }
  }

  /** Undefined when the scheduler failed, which is logged: one broken job must not stop the others. */
  async #compute(view: ReadView, evaluation: Evaluation): Promise<SchedulerResult | undefined> {
    const { clock, random, logger } = this.#context;
    try {
      const config = view.get("schedulerConfig", SCHEDULER_CONFIG_KEY);
      const steps = schedule(view, evaluation, { nowMs: clock.nowMs(), random, config, cache: this.#cache });
      for (;;) {
        const step = steps.next();
        if (clock.monotonicMs() - this.#sliceStartMs > SLICE_MS) {
          await yieldToEventLoop();
          this.#sliceStartMs = clock.monotonicMs();
        }
        if (step.done) return step.value;
      }
    } catch (error) {
      logger.error("evaluation failed", { evalID: evaluation.ID, jobID: evaluation.JobID, error: String(error) });
      return undefined;
    }
  }

  async #apply(evaluation: Evaluation, result: SchedulerResult, generation: number): Promise<void> {
    const outcome = await this.#applier.apply(result);
    if (generation !== this.#generation) return;
    if (outcome === "failed") return this.#retryLater(evaluation);
    if (outcome === "applied") return this.#finish(evaluation);
    const attempts = (this.#attempts.get(evaluation.ID) ?? 0) + 1;
    this.#attempts.set(evaluation.ID, attempts);
    if (attempts >= MAX_PLAN_ATTEMPTS) await this.#block(evaluation);
    else this.#broker.requeue(this.#context.state.get("evaluations", evaluation.ID) ?? evaluation);
  }

  #finish(evaluation: Evaluation): void {
    this.#attempts.delete(evaluation.ID);
    this.#cancel(this.#broker.ack(evaluation));
  }

  /** Plans keep colliding: let others go first, and wait for capacity. */
  async #block(evaluation: Evaluation): Promise<void> {
    const { random, clock } = this.#context;
    const nowNs = timestampNs(clock.nowMs());
    const blocked: Evaluation = {
      ...successor(evaluation, random.uuid(), nowNs),
      Status: EvalStatus.blocked,
      StatusDescription: "created due to placement conflicts",
      TriggeredBy: EvalTrigger.maxPlans,
      EscapedComputedClass: true,
    };
    const StatusDescription = `maximum attempts reached (${MAX_PLAN_ATTEMPTS})`;
    const failed = {
      ...evaluation,
      Status: EvalStatus.failed,
      StatusDescription,
      BlockedEval: blocked.ID,
      ModifyTime: nowNs,
    };
    await this.#end(evaluation, [failed, blocked]);
  }

  async #retryLater(evaluation: Evaluation): Promise<void> {
    if (this.#broker.nack(evaluation) === "retried") return;
    const { random, clock } = this.#context;
    const nowNs = timestampNs(clock.nowMs());
    const waitMs = FAILED_FOLLOW_UP_MS + Math.floor(random.next() * FAILED_FOLLOW_UP_SPREAD_MS);
    const followUp: Evaluation = {
      ...successor(evaluation, random.uuid(), nowNs),
      Status: EvalStatus.pending,
      TriggeredBy: EvalTrigger.failedFollowUp,
      WaitUntil: new Date(clock.nowMs() + waitMs).toISOString(),
    };
    const StatusDescription = "evaluation reached delivery limit (3)";
    const failed = {
      ...evaluation,
      Status: EvalStatus.failed,
      StatusDescription,
      NextEval: followUp.ID,
      ModifyTime: nowNs,
    };
    await this.#end(evaluation, [failed, followUp]);
  }

  async #end(evaluation: Evaluation, evaluations: Evaluation[]): Promise<void> {
    const generation = this.#generation;
    try {
      await this.#context.propose("evalUpsert", { evaluations });
    } catch (error) {
      this.#context.logger.warn("evaluation's end was not recorded", { evalID: evaluation.ID, error: String(error) });
    }
    if (generation === this.#generation) this.#finish(evaluation);
  }

  /** The newest evaluation of a job sees all that those before it would have seen. */
  #cancel(superseded: readonly Evaluation[]): void {
    if (superseded.length === 0) return;
    const nowNs = timestampNs(this.#context.clock.nowMs());
    const StatusDescription = "canceled after more recent eval was processed";
    const evaluations = superseded.map((evaluation) => ({
      ...evaluation,
      Status: EvalStatus.canceled,
      StatusDescription,
      ModifyTime: nowNs,
    }));
    this.#context.propose("evalUpsert", { evaluations }).catch((error: unknown) => {
      this.#context.logger.warn("superseded evaluations were not canceled", { error: String(error) });
    });
  }
}

function successor(evaluation: Evaluation, ID: string, nowNs: number): Evaluation {
  const { Namespace, Priority, Type, JobID, JobModifyIndex } = evaluation;
  return {
    ID,
    Namespace,
    Priority,
    Type,
    TriggeredBy: "",
    JobID,
    ...(JobModifyIndex ? { JobModifyIndex } : {}),
    Status: "",
    PreviousEval: evaluation.ID,
    CreateIndex: 0,
    ModifyIndex: 0,
    CreateTime: nowNs,
    ModifyTime: nowNs,
  };
}
