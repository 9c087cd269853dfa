import { RaftError } from "./errors.js";
import type { Storage } from "./storage.js";
import type { Logger } from "./types.js";

export const ReadOnlyOption = { safe: "safe", leaseBased: "leaseBased" } as const;
export type ReadOnlyOption = (typeof ReadOnlyOption)[keyof typeof ReadOnlyOption];

export interface Config {
  /** This node's id: never 0, never used again for another node, even after its removal. */
  readonly id: number;
  /**
   * Ticks without a leader before a follower campaigns: a random number in [electionTick, 2 * electionTick). Must
   * exceed heartbeatTick; ten times is usual.
   */
  readonly electionTick: number;
  /** Ticks between the heartbeats of a leader. */
  readonly heartbeatTick: number;
  readonly storage: Storage;
  /** Uniform in [0, 1): spreads the election timeouts. Injected so that a run can be repeated from a seed. */
  readonly random: () => number;
  /**
   * The last applied index, if the state machine survived the restart: nothing up to it is given out again. The stored log
   * must reach it, and Storage.initialState() must have the configuration of that index.
   */
  readonly applied?: number;
  /** Storage work is handed out as messages, and may overlap with further Readys. See Ready. */
  readonly asyncStorageWrites?: boolean;
  /** Limit of the entries in one msgApp; at least one is always sent. Default 1 MiB. */
  readonly maxSizePerMsg?: number;
  /** Limit of committed entries handed out and not yet applied. Default: maxSizePerMsg. */
  readonly maxCommittedSizePerReady?: number;
  /** Limit of the data of proposals not yet committed and applied; proposals above it are dropped. Default: none. */
  readonly maxUncommittedEntriesSize?: number;
  /** Limit of msgApp in flight to one follower. Default 256. */
  readonly maxInflightMsgs?: number;
  /** Limit of the bytes in flight to one follower; 0 or absent: none. At least maxSizePerMsg. */
  readonly maxInflightBytes?: number;
  /**
   * A leader that hears from no quorum for an election timeout steps down, and who heard from a leader within the
   * election timeout refuses to vote for another (Raft thesis §6.2, §4.2.3). All nodes of a cluster should agree on it.
   */
  readonly checkQuorum?: boolean;
  /** Ask whether an election could be won before raising the term (Raft thesis §9.6). */
  readonly preVote?: boolean;
  /** How readIndex() is answered: by a round of heartbeats, or from the leader's lease while it holds. Default safe. */
  readonly readOnlyOption?: ReadOnlyOption;
  /**
   * Keep the promises which make hasLease() true, on this node as leader and as follower: so it must be set on all
   * nodes. Needs checkQuorum. Default: readOnlyOption is leaseBased. See lease.ts for what it demands of the clocks.
   */
  readonly leaderLease?: boolean;
  /**
   * Ticks that a follower's promise lasts, from 3 to electionTick, which is the default; the same on all nodes. A short
   * promise beside a long election timeout makes a leader fall back to readIndex() where it is merely slow, and lets a driver
   * that knows the leader to be dead have another elected soon, by forgetLeader() and campaign().
   */
  readonly leaseTick?: number;
  /** A follower drops proposals rather than hand them to the leader. */
  readonly disableProposalForwarding?: boolean;
  /** Append configuration changes even where they seem not to fit; the application then has to refuse them. */
  readonly disableConfChangeValidation?: boolean;
  /** A leader that is removed, or made a learner, steps down once this is applied. */
  readonly stepDownOnRemoval?: boolean;
  readonly logger?: Logger;
}

/** A Config with nothing left out. */
export type ResolvedConfig = Required<Omit<Config, "logger">> & { readonly logger: Logger | undefined };

const DEFAULT_MAX_SIZE_PER_MSG = 1024 * 1024;
const DEFAULT_MAX_INFLIGHT_MSGS = 256;

export function resolveConfig(config: Config): ResolvedConfig {
  const maxSizePerMsg = config.maxSizePerMsg ?? DEFAULT_MAX_SIZE_PER_MSG;
  const readOnlyOption = config.readOnlyOption ?? ReadOnlyOption.safe;
  const resolved: ResolvedConfig = {
    id: config.id,
    electionTick: config.electionTick,
    heartbeatTick: config.heartbeatTick,
    storage: config.storage,
    random: config.random,
    applied: config.applied ?? 0,
    asyncStorageWrites: config.asyncStorageWrites ?? false,
    maxSizePerMsg,
    maxCommittedSizePerReady: config.maxCommittedSizePerReady ?? maxSizePerMsg,
    maxUncommittedEntriesSize: config.maxUncommittedEntriesSize || Infinity,
    maxInflightMsgs: config.maxInflightMsgs ?? DEFAULT_MAX_INFLIGHT_MSGS,
    maxInflightBytes: config.maxInflightBytes || Infinity,
    checkQuorum: config.checkQuorum ?? false,
    preVote: config.preVote ?? false,
    readOnlyOption,
    leaderLease: config.leaderLease ?? readOnlyOption === ReadOnlyOption.leaseBased,
    leaseTick: config.leaseTick ?? config.electionTick,
    disableProposalForwarding: config.disableProposalForwarding ?? false,
    disableConfChangeValidation: config.disableConfChangeValidation ?? false,
    stepDownOnRemoval: config.stepDownOnRemoval ?? false,
    logger: config.logger,
  };
  const problem = findProblem(resolved);
  if (problem !== undefined) throw new RaftError("invalidConfig", `raft: ${problem}`);
  return resolved;
}

function findProblem(config: ResolvedConfig): string | undefined {
  // The two largest ids are the local threads'.
  if (!Number.isSafeInteger(config.id) || config.id <= 0 || config.id >= Number.MAX_SAFE_INTEGER - 1) {
    return "id must be a positive safe integer";
  }
  if (!(config.heartbeatTick > 0)) return "heartbeatTick must be greater than 0";
  if (!(config.electionTick > config.heartbeatTick)) return "electionTick must be greater than heartbeatTick";
  if (!(config.maxSizePerMsg >= 0)) return "maxSizePerMsg must not be negative";
  if (!(config.maxCommittedSizePerReady > 0)) return "maxCommittedSizePerReady must be greater than 0";
  if (!(config.maxInflightMsgs > 0)) return "maxInflightMsgs must be greater than 0";
  if (config.maxInflightBytes < config.maxSizePerMsg) return "maxInflightBytes must be at least maxSizePerMsg";
  if (config.readOnlyOption === ReadOnlyOption.leaseBased && !config.checkQuorum) {
    return "readOnlyOption leaseBased needs checkQuorum";
  }
  if (config.readOnlyOption === ReadOnlyOption.leaseBased && !config.leaderLease) {
    return "readOnlyOption leaseBased needs leaderLease";
  }
  if (config.leaderLease && !config.checkQuorum) return "leaderLease needs checkQuorum";
  if (config.leaderLease && config.leaseTick < 3) return "leaderLease needs a leaseTick of at least 3";
  if (config.leaseTick > config.electionTick) return "leaseTick must not be greater than electionTick";
  return undefined;
}
