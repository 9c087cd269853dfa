import type { Allocation } from "./allocation.js";
import type { Deployment } from "./deployment.js";
import type { Evaluation } from "./evaluation.js";
import type { Job } from "./job.js";
import type { Node } from "./node.js";

export const JobType = {
  service: "service",
  batch: "batch",
  system: "system",
  sysbatch: "sysbatch",
  core: "_core",
} as const;

export const JobStatus = { pending: "pending", running: "running", dead: "dead" } as const;

/** Priorities that jobs may have. */
export const JOB_MIN_PRIORITY = 1;
export const JOB_DEFAULT_PRIORITY = 50;
export const JOB_MAX_PRIORITY = 100;
/** Core (housekeeping) evaluations come before any job's. */
export const CORE_JOB_PRIORITY = 200;

/** Versions of a job that are kept, the current one included. */
export const JOB_TRACKED_VERSIONS = 6;

/** Separates a parent's ID from a child's: `cron/periodic-1700000000`, `param/dispatch-1700000000-1a2b3c4d`. */
export const PERIODIC_LAUNCH_SUFFIX = "/periodic-";
export const DISPATCH_LAUNCH_SUFFIX = "/dispatch-";

export const EvalStatus = {
  pending: "pending",
  blocked: "blocked",
  complete: "complete",
  failed: "failed",
  canceled: "canceled",
} as const;

export const EvalTrigger = {
  jobRegister: "job-register",
  jobDeregister: "job-deregister",
  jobScaling: "job-scaling",
  periodicJob: "periodic-job",
  nodeDrain: "node-drain",
  nodeUpdate: "node-update",
  allocStop: "alloc-stop",
  scheduled: "scheduled",
  rollingUpdate: "rolling-update",
  deploymentWatcher: "deployment-watcher",
  failedFollowUp: "failed-follow-up",
  maxPlans: "max-plan-attempts",
  retryFailedAlloc: "alloc-failure",
  queuedAllocs: "queued-allocs",
  preemption: "preemption",
  reconnect: "reconnect",
  maxDisconnectTimeout: "max-disconnect-timeout",
} as const;

export const AllocDesiredStatus = { run: "run", stop: "stop", evict: "evict" } as const;

export const AllocClientStatus = {
  pending: "pending",
  running: "running",
  complete: "complete",
  failed: "failed",
  lost: "lost",
  unknown: "unknown",
} as const;

export const TaskStateName = { pending: "pending", running: "running", dead: "dead" } as const;

export const NodeStatus = {
  initializing: "initializing",
  ready: "ready",
  down: "down",
  disconnected: "disconnected",
} as const;

export const NodeEligibility = { eligible: "eligible", ineligible: "ineligible" } as const;

export const DrainStatus = { draining: "draining", complete: "complete", canceled: "canceled" } as const;

export const DeploymentStatus = {
  running: "running",
  paused: "paused",
  failed: "failed",
  successful: "successful",
  cancelled: "cancelled",
  initializing: "initializing",
  pending: "pending",
  blocked: "blocked",
  unblocking: "unblocking",
} as const;

export const DeploymentStatusDescription = {
  running: "Deployment is running",
  runningNeedsPromotion: "Deployment is running but requires manual promotion",
  runningAutoPromotion: "Deployment is running pending automatic promotion",
  paused: "Deployment is paused",
  successful: "Deployment completed successfully",
  stoppedJob: "Cancelled because job is stopped",
  newerJob: "Cancelled due to newer version of job",
  failedAllocations: "Failed due to unhealthy allocations",
  progressDeadline: "Failed due to progress deadline",
  failedByUser: "Deployment marked as failed",
} as const;

/** The names of the pools that always exist, and the default namespace. */
export const NODE_POOL_ALL = "all";
export const NODE_POOL_DEFAULT = "default";
export const NAMESPACE_DEFAULT = "default";

/** The server has asked for the end, or the client has seen it: nothing of the allocation counts any more. */
export const terminalStatus = (alloc: Pick<Allocation, "DesiredStatus" | "ClientStatus">): boolean =>
  serverTerminal(alloc) || clientTerminal(alloc);

/** The server wants the allocation to stop. */
export const serverTerminal = (alloc: Pick<Allocation, "DesiredStatus">): boolean =>
  alloc.DesiredStatus === AllocDesiredStatus.stop || alloc.DesiredStatus === AllocDesiredStatus.evict;

/** The client reports that nothing of the allocation runs, or the node is lost: its resources are free. */
export const clientTerminal = (alloc: Pick<Allocation, "ClientStatus">): boolean =>
  alloc.ClientStatus === AllocClientStatus.complete ||
  alloc.ClientStatus === AllocClientStatus.failed ||
  alloc.ClientStatus === AllocClientStatus.lost;

/** Nothing more will happen to the evaluation. A blocked one still waits. */
export const evalTerminal = (evaluation: Pick<Evaluation, "Status">): boolean =>
  evaluation.Status === EvalStatus.complete ||
  evaluation.Status === EvalStatus.failed ||
  evaluation.Status === EvalStatus.canceled;

/** The deployment still does something: it is not at one of its ends. */
export const deploymentActive = (deployment: Pick<Deployment, "Status">): boolean =>
  deployment.Status !== DeploymentStatus.failed &&
  deployment.Status !== DeploymentStatus.successful &&
  deployment.Status !== DeploymentStatus.cancelled;

/** The job is a template for others (periodic or parameterized and not itself dispatched): it is never evaluated itself. */
export const isPeriodic = (job: Pick<Job, "Periodic">): boolean => job.Periodic !== null;
export const isParameterized = (job: Pick<Job, "ParameterizedJob" | "Dispatched">): boolean =>
  job.ParameterizedJob !== null && !job.Dispatched;

/** Registering the job asks the scheduler for work. */
export const needsEvaluation = (job: Pick<Job, "Periodic" | "ParameterizedJob" | "Dispatched">): boolean =>
  !isPeriodic(job) && !isParameterized(job);

/** The node can take new allocations. */
export const nodeReady = (node: Pick<Node, "Status" | "DrainStrategy" | "SchedulingEligibility">): boolean =>
  node.Status === NodeStatus.ready &&
  node.DrainStrategy === null &&
  node.SchedulingEligibility === NodeEligibility.eligible;
