import type { LogStore } from "@steppe/storage";
import { RawNode } from "raft-ts";

import type { RaftDriverOptions, RaftTiming } from "./options.js";
import { raftErrors } from "./errors.js";
import type { RaftStateMachine } from "./state-machine.js";

const MAX_MESSAGE_BYTES = 1024 * 1024;
const MAX_INFLIGHT_BYTES = 16 * 1024 * 1024;
const MAX_UNCOMMITTED_BYTES = 64 * 1024 * 1024;
const MAX_APPLYING_BYTES = 8 * 1024 * 1024;

/**
 * Checks that the log and the state on disk overlap; throws `stateAhead` or `stateBehind` if they do not. What the state holds was committed,
 * whatever the log's hard state remembers of that.
 */
export async function reconcile(log: LogStore, stateMachine: RaftStateMachine): Promise<void> {
  const durable = stateMachine.appliedIndex;
  if (durable > log.lastIndex()) throw raftErrors.stateAhead({ durable, last: log.lastIndex() });
  if (durable < log.firstIndex() - 1) throw raftErrors.stateBehind({ durable, first: log.firstIndex() - 1 });
  const { hardState } = log.initialState();
  if (durable > hardState.commit) await log.append({ hardState: { ...hardState, commit: durable } });
}

/** The Raft node on this log, as all servers of a cluster must set it up. */
export function makeNode(id: number, timing: RaftTiming, options: RaftDriverOptions): RawNode {
  const { log, stateMachine, random, logger } = options;
  return new RawNode({
    id,
    storage: log,
    applied: stateMachine.appliedIndex,
    random: () => random.next(),
    electionTick: timing.electionTicks,
    leaseTick: timing.leaseTicks,
    heartbeatTick: timing.heartbeatTicks,
    asyncStorageWrites: true,
    preVote: true,
    checkQuorum: true,
    leaderLease: true,
    disableProposalForwarding: true,
    stepDownOnRemoval: true,
    maxSizePerMsg: MAX_MESSAGE_BYTES,
    maxInflightBytes: MAX_INFLIGHT_BYTES,
    maxUncommittedEntriesSize: MAX_UNCOMMITTED_BYTES,
    maxCommittedSizePerReady: MAX_APPLYING_BYTES,
    logger: {
      info: (message) => logger.debug(`raft: ${message}`),
      warn: (message) => logger.debug(`raft: ${message}`),
      error: (message) => logger.error(`raft: ${message}`),
    },
  });
}
