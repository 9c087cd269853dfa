import type { ReadView } from "@steppe/state";
import { type Evaluation, JobType } from "@steppe/structs";
import type { SchedulerContext, SchedulerResult } from "./context.js";
import { EvaluationRun } from "./evaluation-run.js";
import { scheduleService } from "./service.js";
import { scheduleSystem } from "./system.js";

/**
 * Compares what a job wants with what there is, and plans the difference. Pure: the same view, evaluation and context give the same
 * result. The generator yields often enough (well under 10 ms apart) for the caller to let others run in between;
 * the view must not change meanwhile, so pass a snapshot.
 */
export function* schedule(
  view: ReadView,
  evaluation: Evaluation,
  context: SchedulerContext,
): Generator<void, SchedulerResult> {
  const run = new EvaluationRun(view, evaluation, context);
  const type = run.job?.Type ?? evaluation.Type;
  if (type === JobType.system || type === JobType.sysbatch) return yield* scheduleSystem(run);
  return yield* scheduleService(run);
}
