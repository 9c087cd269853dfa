export { SchedulerCache, type SchedulerContext, type SchedulerResult } from "./context.js";
export { constraintHolds, describeConstraint, resolveTarget } from "./constraints.js";
export { formatTimestamp, parseTimestampMs, timestampNs } from "./timestamps.js";
export { matchesGlob, matchesRegex } from "./patterns.js";
export { needsReplacement } from "./task-changes.js";
export { type InFlight, type PlanFit, planFits } from "./plan-fits.js";
export { schedule } from "./schedule.js";
export { StopReason } from "./reconciler.js";
export { versionConstraintValid, versionSatisfies } from "./versions.js";
