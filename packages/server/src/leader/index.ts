export { DELIVERY_LIMIT, EvaluationBroker } from "./evaluation-broker.js";
export type { GarbageThresholds } from "./garbage-collector.js";
export type { LeaderContext, LeaderLoop } from "./leader-context.js";
export { LeaderLoops, type LeaderOptions } from "./leader-loops.js";
export { createEvaluationsForNode } from "./node-evaluations.js";
