import type { MigrateStrategy, ReschedulePolicy, RestartPolicy, UpdateStrategy } from "./policies.js";

/** What applies where a job says nothing, by type of job. Durations in nanoseconds. */
const SECOND = 1e9;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const SERVICE_RESTART: RestartPolicy = {
  Attempts: 2,
  Interval: 30 * MINUTE,
  Delay: 15 * SECOND,
  Mode: "fail",
  RenderTemplates: false,
};
const BATCH_RESTART: RestartPolicy = { ...SERVICE_RESTART, Attempts: 3, Interval: 24 * HOUR };

export const DEFAULT_RESTART: Readonly<Record<string, RestartPolicy>> = {
  service: SERVICE_RESTART,
  system: SERVICE_RESTART,
  batch: BATCH_RESTART,
  sysbatch: BATCH_RESTART,
};

/** System and sysbatch jobs are not rescheduled. */
export const DEFAULT_RESCHEDULE: Readonly<Record<string, ReschedulePolicy>> = {
  service: {
    Attempts: 0,
    Interval: 0,
    Delay: 30 * SECOND,
    DelayFunction: "exponential",
    MaxDelay: HOUR,
    Unlimited: true,
  },
  batch: {
    Attempts: 1,
    Interval: 24 * HOUR,
    Delay: 5 * SECOND,
    DelayFunction: "constant",
    MaxDelay: 0,
    Unlimited: false,
  },
};

export const DEFAULT_UPDATE: UpdateStrategy = {
  Stagger: 30 * SECOND,
  MaxParallel: 1,
  HealthCheck: "checks",
  MinHealthyTime: 10 * SECOND,
  HealthyDeadline: 5 * MINUTE,
  ProgressDeadline: 10 * MINUTE,
  AutoRevert: false,
  AutoPromote: false,
  Canary: 0,
};

export const DEFAULT_MIGRATE: MigrateStrategy = {
  MaxParallel: 1,
  HealthCheck: "checks",
  MinHealthyTime: 10 * SECOND,
  HealthyDeadline: 5 * MINUTE,
};

/** The job-level update block of jobs that have none. */
export const NO_UPDATE: UpdateStrategy = {
  Stagger: 0,
  MaxParallel: 0,
  HealthCheck: "",
  MinHealthyTime: 0,
  HealthyDeadline: 0,
  ProgressDeadline: 0,
  AutoRevert: false,
  AutoPromote: false,
  Canary: 0,
};

export const DEFAULT_CPU_MHZ = 100;
export const DEFAULT_MEMORY_MB = 300;

/** Who the identity that every task gets is for. */
export const IDENTITY_NAME = "default";
export const IDENTITY_AUDIENCE = "nomadproject.io";
