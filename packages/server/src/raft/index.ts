export type { CompactionLimits } from "./compaction.js";
export { RaftDriver } from "./driver.js";
export { raftErrors } from "./errors.js";
export type { ServerAddress } from "./members.js";
export { DEFAULT_TIMING, type RaftDriverOptions, type RaftTiming } from "./options.js";
export type { ProposalResult } from "./proposals.js";
export { type PeersRecovery, recoverFromPeersFile } from "./peers-file.js";
export { raftIdOf } from "./raft-id.js";
export type { AppliedEntry, RaftStateMachine } from "./state-machine.js";
