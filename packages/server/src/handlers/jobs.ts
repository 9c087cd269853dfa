import { jobKey } from "@steppe/state";
import {
  AllocClientStatus,
  AllocDesiredStatus,
  canonicalizeJob,
  decodeInput,
  EvalTrigger,
  formatErrors,
  formatWarnings,
  isParameterized,
  isPeriodic,
  type Job,
  JobEvaluateRequestSchema,
  jobListStub,
  JobValidateRequestSchema,
  type JobValidateResponse,
  needsEvaluation,
  validateJob,
} from "@steppe/structs";

import type { ServerContext } from "../context.js";
import type { Handlers } from "../http/handler.js";
import { listSource } from "../http/list-source.js";
import type { ParsedRequest } from "../http/parsed-request.js";
import { writeMeta } from "./answers.js";
import { errors } from "./errors.js";
import { jobEvaluation, nowNs } from "./new-evaluation.js";
import { checkedInput, register } from "./registration.js";

/** The lists' two forms: with and without the jobs' meta. */
const JOB_LISTS = [false, true].map((meta) =>
  listSource({
    table: "jobs",
    join: "jobSummaries",
    order: "namespace",
    stub: (job, summary) => jobListStub(job, summary, { meta }),
    variant: meta ? "meta" : "",
  }),
);

/** Jobs: listing, registering, checking, stopping and evaluating them. */
export const jobHandlers: Pick<
  Handlers,
  "listJobs" | "registerJob" | "updateJob" | "validateJob" | "deregisterJob" | "evaluateJob"
> = {
  listJobs: (_view, { query }) => JOB_LISTS[query.bool("meta") ? 1 : 0] as (typeof JOB_LISTS)[number],

  registerJob: (context, request) => register(context, request),

  updateJob: (context, request) => register(context, request, request.params.id),

  validateJob: (context, request) => {
    const body = decodeInput(JobValidateRequestSchema, request.body ?? {});
    const input = checkedInput(body.Job);
    const namespace = request.query.get("namespace") || input.Namespace || body.Namespace || request.namespace;
    const verdict = validateJob(canonicalizeJob(input, { namespace, region: context.config.region }));
    const data: JobValidateResponse = {
      DriverConfigValidated: true,
      ValidationErrors: verdict.errors.length > 0 ? verdict.errors : null,
      Error: formatErrors(verdict.errors),
      Warnings: formatWarnings(verdict.warnings),
    };
    return { data };
  },

  deregisterJob: async (context, request) => {
    const { query, params, namespace } = request;
    const purge = query.bool("purge") ?? false;
    const priority = query.integer("eval_priority") ?? 0;
    if (priority < 0 || priority > 100) throw errors.evalPriority();
    const job = context.state.get("jobs", jobKey(namespace, params.id));
    const nothing = { EvalID: "", EvalCreateIndex: 0, JobModifyIndex: 0, VolumeEvalID: "", VolumeEvalIndex: 0 };
    // Stopping what is not there has succeeded, and changes nothing.
    if (!job) return { data: { ...nothing, ...writeMeta(0) }, index: 0 };
    const fields = priority > 0 ? { Priority: priority } : {};
    const evaluation = needsEvaluation(job) ? jobEvaluation(context, job, EvalTrigger.jobDeregister, fields) : null;
    const { index, result } = await context.propose("jobDeregister", {
      namespace,
      jobID: job.ID,
      purge,
      evaluation,
      submitTimeNs: nowNs(context.clock),
    });
    const data = {
      ...nothing,
      EvalID: evaluation?.ID ?? "",
      EvalCreateIndex: result.evalCreateIndex,
      JobModifyIndex: result.jobModifyIndex,
      ...writeMeta(index),
    };
    return { data, index };
  },

  evaluateJob: async (context, request) => {
    const body = decodeInput(JobEvaluateRequestSchema, request.body ?? {});
    const job = evaluableJob(context, request);
    const evaluation = jobEvaluation(context, job, EvalTrigger.jobRegister, { JobModifyIndex: job.ModifyIndex });
    const allocs = body.EvalOptions?.ForceReschedule ? failedAllocations(context, job) : {};
    const { index } = await context.propose("allocDesiredTransition", { allocs, evaluations: [evaluation] });
    const data = {
      EvalID: evaluation.ID,
      EvalCreateIndex: index,
      JobModifyIndex: job.JobModifyIndex,
      Warnings: "",
      ...writeMeta(index),
    };
    return { data, index };
  },
};

function evaluableJob({ state }: ServerContext, { params, namespace }: ParsedRequest<"id">): Job {
  const job = state.get("jobs", jobKey(namespace, params.id));
  if (!job) throw errors.jobNotFound();
  if (isPeriodic(job)) throw errors.evaluatePeriodic();
  if (isParameterized(job)) throw errors.evaluateParameterized();
  return job;
}

/** The job's allocations that have failed and were not replaced, each with the wish to replace it whatever its policy says. */
function failedAllocations({ state }: ServerContext, job: Job): Record<string, { ForceReschedule: boolean }> {
  const failed = state
    .byIndex("allocations", "byJob", jobKey(job.Namespace, job.ID))
    .filter(
      (alloc) =>
        alloc.ClientStatus === AllocClientStatus.failed &&
        alloc.DesiredStatus === AllocDesiredStatus.run &&
        !alloc.NextAllocation,
    );
  return Object.fromEntries(failed.map((alloc) => [alloc.ID, { ForceReschedule: true }]));
}
