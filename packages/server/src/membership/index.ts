export { type Member, type MemberRecord, type MemberStatus } from "./member.js";
export { Membership, type MembershipOptions } from "./membership.js";
export {
  AUTOPILOT_KEY,
  type AutopilotConfig,
  changedAutopilotConfig,
  DEFAULT_AUTOPILOT_CONFIG,
} from "./autopilot-config.js";
export { ServerReconciler, type ServerReconcilerOptions } from "./server-reconciler.js";
