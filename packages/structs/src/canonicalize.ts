import { canonicalGroup, type CanonicalizeContext, type JobDefaults } from "./canonicalize-group.js";
import { DEFAULT_MIGRATE, DEFAULT_RESCHEDULE, DEFAULT_UPDATE, NO_UPDATE } from "./defaults.js";
import { type Job, type JobInput, JobSchema } from "./job.js";
import { merge, mergeUpdate } from "./merge.js";
import { fill } from "./normalize.js";
import { JOB_DEFAULT_PRIORITY, JobType, NAMESPACE_DEFAULT, NODE_POOL_DEFAULT } from "./status.js";

/**
 * The stored shape of a job: every key present, every default of its type filled in. The input is what `decodeJob` gave (or
 * written by hand, with exact key names) and is not changed. Never throws: `validateJob` judges the result.
 */
export function canonicalizeJob(input: JobInput, context: CanonicalizeContext = {}): Job {
  const job = fill(JobSchema, input) as Job;
  job.Region = input.Region || context.region || "global";
  job.Namespace = context.namespace || input.Namespace || NAMESPACE_DEFAULT;
  job.Name ||= job.ID;
  job.Priority ||= JOB_DEFAULT_PRIORITY;
  job.NodePool ||= NODE_POOL_DEFAULT;
  job.Datacenters ??= ["*"];
  if (context.nowNs) job.SubmitTime = context.nowNs;
  const defaults = jobDefaults(input, job, context);
  // Only these two of the job's own block are stored: the rest lives in the groups.
  job.Update = defaults.update
    ? { ...NO_UPDATE, Stagger: defaults.update.Stagger, MaxParallel: defaults.update.MaxParallel }
    : { ...NO_UPDATE };
  delete job.Reschedule;
  delete job.Migrate;
  const groups = input.TaskGroups ?? [];
  for (let i = 0; i < job.TaskGroups.length; i++) {
    const group = job.TaskGroups[i];
    if (group) canonicalGroup(groups[i] ?? {}, group, defaults);
  }
  return job;
}

function jobDefaults(input: JobInput, job: Job, context: CanonicalizeContext): JobDefaults {
  const rolls = job.Type === JobType.service || job.Type === JobType.system;
  const update = input.Update || rolls ? mergeUpdate(DEFAULT_UPDATE, input.Update) : null;
  const migrate = input.Migrate || job.Type === JobType.service ? merge(DEFAULT_MIGRATE, input.Migrate) : null;
  const reschedule = DEFAULT_RESCHEDULE[job.Type];
  return { job, update, migrate, reschedule: reschedule ? merge(reschedule, input.Reschedule) : null, context };
}
