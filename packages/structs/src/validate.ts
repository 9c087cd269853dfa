import type { Job } from "./job.js";
import { isPeriodic, JOB_MAX_PRIORITY, JOB_MIN_PRIORITY, JobType } from "./status.js";
import { groupWarnings, validateGroup } from "./validate-group.js";
import { validateConstraints } from "./validate-constraint.js";
import { nest } from "./validate-text.js";

const TYPES: readonly string[] = [JobType.service, JobType.batch, JobType.system, JobType.sysbatch];

/** What speaks against a canonical job, and what its author should know. Texts are Nomad's. */
export interface JobVerdict {
  errors: string[];
  warnings: string[];
}

/** Judges a canonical job. An empty `errors` means that it may be registered. */
export function validateJob(job: Job): JobVerdict {
  const errors: string[] = [];
  validateHead(job, errors);
  validateConstraints(job.Constraints, errors);
  if (job.Type === JobType.system || job.Type === JobType.sysbatch) {
    if (job.Affinities) errors.push("System jobs may not have an affinity block");
    if (job.Spreads) errors.push("System jobs may not have a spread block");
  }
  validateGroups(job, errors);
  validateLaunch(job, errors);
  return { errors, warnings: jobWarnings(job) };
}

function validateHead(job: Job, errors: string[]): void {
  if (job.Region === "") errors.push("Missing job region");
  if (job.ID === "") errors.push("Missing job ID");
  else if (job.ID.includes(" ")) errors.push("Job ID contains a space");
  else if (job.ID.includes("\0")) errors.push("Job ID contains a null character");
  if (job.Name === "") errors.push("Missing job name");
  else if (job.Name.includes("\0")) errors.push("Job Name contains a null character");
  if (job.Namespace === "") errors.push("Job must be in a namespace");
  if (!TYPES.includes(job.Type)) errors.push(`Invalid job type: "${job.Type}"`);
  if (job.Priority < JOB_MIN_PRIORITY || job.Priority > JOB_MAX_PRIORITY) {
    errors.push(`Job priority must be between [${JOB_MIN_PRIORITY}, ${JOB_MAX_PRIORITY}]`);
  }
  if (!job.Datacenters?.length) errors.push("Missing job datacenters");
  else if (job.Datacenters.includes("")) errors.push("Job datacenter must be non-empty string");
  if (job.TaskGroups.length === 0) errors.push("Missing job task groups");
}

function validateGroups(job: Job, errors: string[]): void {
  const seen = new Map<string, number>();
  job.TaskGroups.forEach((group, i) => {
    const before = seen.get(group.Name);
    if (group.Name === "") errors.push(`Job task group ${i + 1} missing name`);
    else if (before !== undefined) {
      errors.push(`Job task group ${i + 1} redefines '${group.Name}' from group ${before + 1}`);
    } else seen.set(group.Name, i);
    if (job.Type === JobType.system && group.Count > 1) {
      errors.push(`Job task group ${group.Name} has count ${group.Count}. Count cannot exceed 1 with system scheduler`);
    }
  });
  for (const group of job.TaskGroups) {
    nest(errors, `Task group ${group.Name} validation failed`, validateGroup(job, group));
  }
}

function validateLaunch(job: Job, errors: string[]): void {
  const batch = job.Type === JobType.batch || job.Type === JobType.sysbatch;
  if (job.Periodic) {
    if (!batch) errors.push('Periodic can only be used with "batch" or "sysbatch" scheduler');
    const { Spec, Specs, SpecType, Enabled } = job.Periodic;
    if (Spec !== "" && Specs.length > 0) errors.push("Only cron or crons may be used");
    if (Enabled && Spec === "" && Specs.length === 0) errors.push("Must specify a spec");
    if (SpecType !== "cron" && SpecType !== "_internal_test")
      errors.push(`Unknown periodic specification type "${SpecType}"`);
  }
  if (job.ParameterizedJob && !job.Dispatched) {
    if (!batch) errors.push('Parameterized job can only be used with "batch" or "sysbatch" scheduler');
    const { Payload, MetaRequired, MetaOptional } = job.ParameterizedJob;
    if (!["optional", "required", "forbidden"].includes(Payload))
      errors.push(`Unknown payload requirement: "${Payload}"`);
    const both = (MetaRequired ?? []).filter((key) => MetaOptional?.includes(key));
    if (both.length > 0)
      errors.push(
        `Required and optional meta keys should be disjoint. Following keys exist in both: [${both.join(" ")}]`,
      );
  }
}

function jobWarnings(job: Job): string[] {
  const warnings = job.TaskGroups.flatMap((group) => groupWarnings(job, group));
  const promoting = job.TaskGroups.filter((group) => group.Update?.AutoPromote);
  const canaries = job.TaskGroups.filter((group) => group.Update && group.Update.Canary > 0);
  if (promoting.length > 0 && canaries.some((group) => !group.Update?.AutoPromote)) {
    warnings.push("auto_promote must be true for all groups to enable automatic promotion");
  }
  if (isPeriodic(job) && job.Periodic?.Spec !== "") {
    warnings.push("cron is deprecated and may be removed in a future release. Use crons instead");
  }
  return warnings;
}
