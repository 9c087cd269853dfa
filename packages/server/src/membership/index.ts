export { type Member, type MemberRecord, type MemberStatus } from "./member.js";
export { Membership, type MembershipOptions } from "./membership.js";
export { ServerReconciler, type ServerReconcilerOptions } from "./server-reconciler.js";
