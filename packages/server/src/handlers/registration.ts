import { jobKey, SCHEDULER_CONFIG_KEY } from "@steppe/state";
import {
  canonicalizeJob,
  decodeInput,
  EvalTrigger,
  formatErrors,
  formatWarnings,
  type Job,
  type JobInput,
  JobRegisterRequestSchema,
  JOB_MAX_PRIORITY,
  JobType,
  needsEvaluation,
  validateJob,
} from "@steppe/structs";

import type { ServerContext } from "../context.js";
import type { WriteResult } from "../http/handler.js";
import type { ParsedRequest } from "../http/parsed-request.js";
import { requireNamespace } from "./access.js";
import { writeMeta } from "./answers.js";
import { errors } from "./errors.js";
import { jobEvaluation, nowNs } from "./new-evaluation.js";

/** Registers the job in the body; `pathID` is the ID that the path names, if it does. */
export async function register(context: ServerContext, request: ParsedRequest, pathID?: string): Promise<WriteResult> {
  const body = decodeInput(JobRegisterRequestSchema, request.body ?? {});
  const input = checkedInput(body.Job, pathID);
  const evalPriority = body.EvalPriority ?? 0;
  if (evalPriority > JOB_MAX_PRIORITY) throw errors.evalPriority();
  const { job, warnings } = admit(context, request, input, body.Namespace ?? "");
  const evaluation = needsEvaluation(job)
    ? jobEvaluation(context, job, EvalTrigger.jobRegister, evalPriority > 0 ? { Priority: evalPriority } : {})
    : null;
  const { index, result } = await context.propose("jobRegister", {
    job,
    evaluation,
    submission: body.Submission ? submissionOf(body.Submission, job) : null,
    enforceIndex: body.EnforceIndex ? (body.JobModifyIndex ?? 0) : null,
    preserveCounts: body.PreserveCounts ?? false,
  });
  const data = {
    EvalID: evaluation?.ID ?? "",
    EvalCreateIndex: result.evalCreateIndex,
    JobModifyIndex: result.jobModifyIndex,
    Warnings: formatWarnings(warnings),
    ...writeMeta(index),
  };
  return { data, index };
}

/** The body's job, checked as far as it must be before defaults are filled in. @throws 400 */
export function checkedInput(input: unknown, pathID?: string): JobInput {
  if (!input) throw errors.jobMissing();
  const job = input as JobInput;
  if (!job.ID) throw errors.jobIDMissing();
  if (pathID !== undefined && job.ID !== pathID) throw errors.jobIDMismatch();
  const type = job.Type ?? "";
  if (type === JobType.system || type === JobType.sysbatch) {
    if (job.TaskGroups?.some((group) => group.Scaling)) throw errors.systemScaling({ type });
  }
  return job;
}

/** The canonical job, if it may be registered. The query's namespace beats the job's, which beats the request's. @throws 4xx */
function admit(
  context: ServerContext,
  request: ParsedRequest,
  input: JobInput,
  bodyNamespace: string,
): { job: Job; warnings: string[] } {
  const { state, config, random } = context;
  if (input.Region && input.Region !== config.region && input.Region !== "global") {
    throw errors.otherRegion({ region: input.Region });
  }
  const namespace = request.query.get("namespace") || input.Namespace || bodyNamespace || request.namespace;
  requireNamespace(request, namespace);
  const job = canonicalizeJob(input, {
    nowNs: nowNs(context.clock),
    namespace,
    region: config.region,
    existing: state.get("jobs", jobKey(namespace, input.ID ?? "")),
    uuid: () => random.uuid(),
  });
  resetServerFields(job, config.region);
  const verdict = validateJob(job);
  if (verdict.errors.length > 0) throw errors.invalidJob({ text: formatErrors(verdict.errors) });
  if (!state.get("namespaces", namespace)) {
    throw errors.invalidJob({ text: formatErrors([`job "${job.ID}" is in nonexistent namespace "${namespace}"`]) });
  }
  if (state.get("schedulerConfig", SCHEDULER_CONFIG_KEY)?.RejectJobRegistration) throw errors.registrationRejected();
  return { job, warnings: verdict.warnings };
}

/** What a client may not decide, though the job that it read and sends back has it. */
function resetServerFields(job: Job, region: string): void {
  job.Region = region;
  job.Stop = false;
  job.Status = "";
  job.StatusDescription = "";
  job.Stable = false;
  job.Version = 0;
  job.CreateIndex = 0;
  job.ModifyIndex = 0;
  job.JobModifyIndex = 0;
  job.VersionTag = null;
}

type SubmissionInput = NonNullable<ReturnType<typeof decodeInput<typeof JobRegisterRequestSchema>>["Submission"]>;

function submissionOf(input: SubmissionInput, job: Job) {
  return {
    Source: input.Source ?? "",
    Format: input.Format ?? "",
    VariableFlags: input.VariableFlags ? (input.VariableFlags as Record<string, string>) : null,
    Variables: input.Variables ?? "",
    Namespace: job.Namespace,
    JobID: job.ID,
    Version: 0,
    JobModifyIndex: 0,
  };
}
