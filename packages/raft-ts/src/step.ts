// Where everything comes in: the clock's ticks, and messages, whose terms are settled before a role sees them.

import { campaignTransfer, candidateHandlers, handleVoteRequest, learnCommitted, startElection } from "./election.js";
import { followerHandlers } from "./follower.js";
import { checkQuorum, leaderHandlers } from "./leader.js";
import { isPromised } from "./lease.js";
import { newMessage } from "./messages.js";
import { advanceApplied } from "./proposals.js";
import type { Raft } from "./raft.js";
import { broadcastHeartbeat, payloadSize } from "./replication.js";
import { entriesSize } from "./storage.js";
import { MessageType, NONE, RaftState, type Message, type MessageHandlers, type Snapshot } from "./types.js";

export function tick(raft: Raft): void {
  raft.ticks++;
  if (raft.state === RaftState.leader) tickLeader(raft);
  else tickElection(raft);
}

function tickElection(raft: Raft): void {
  raft.electionElapsed++;
  if (!raft.promotable() || raft.electionElapsed < raft.randomizedElectionTimeout) return;
  raft.electionElapsed = 0;
  startElection(raft);
}

function tickLeader(raft: Raft): void {
  raft.heartbeatElapsed++;
  raft.electionElapsed++;
  if (raft.electionElapsed >= raft.config.electionTick) {
    raft.electionElapsed = 0;
    if (raft.config.checkQuorum) checkQuorum(raft);
    // The target did not take over in time: go on as leader (Raft thesis §3.10).
    raft.leadTransferee = NONE;
  }
  if (raft.state !== RaftState.leader || raft.heartbeatElapsed < raft.config.heartbeatTick) return;
  raft.heartbeatElapsed = 0;
  broadcastHeartbeat(raft);
}

const roleHandlers: Record<RaftState, MessageHandlers<Raft>> = {
  follower: followerHandlers,
  preCandidate: candidateHandlers,
  candidate: candidateHandlers,
  leader: leaderHandlers,
};

/** What is done alike in every role. */
const commonHandlers: MessageHandlers<Raft> = {
  [MessageType.msgHup]: startElection,
  [MessageType.msgStorageAppendResp](raft, message) {
    if (message.index !== 0) raft.log.stableTo({ term: message.logTerm, index: message.index });
    if (message.snapshot !== undefined) snapshotStored(raft, message.snapshot);
  },
  [MessageType.msgStorageApplyResp](raft, { entries }) {
    const last = entries.at(-1);
    if (last === undefined) return;
    advanceApplied(raft, last.index, entriesSize(entries));
    raft.uncommittedSize = Math.max(0, raft.uncommittedSize - payloadSize(entries));
  },
  [MessageType.msgVote](raft, message) {
    if (!votesBarredFor(raft, message)) handleVoteRequest(raft, message);
  },
  [MessageType.msgPreVote](raft, message) {
    if (!votesBarredFor(raft, message)) handleVoteRequest(raft, message);
  },
};

export function step(raft: Raft, message: Message): void {
  if (message.term !== 0 && message.term !== raft.term && !settleTerm(raft, message)) return;
  if (message.committed !== undefined && raft.state !== RaftState.leader) learnCommitted(raft, message.committed);
  const handler = commonHandlers[message.type] ?? roleHandlers[raft.state][message.type];
  handler?.(raft, message);
}

/** Handles a term that is not ours. False if that is all there is to the message. */
function settleTerm(raft: Raft, message: Message): boolean {
  if (message.term < raft.term) {
    answerOldTerm(raft, message);
    return false;
  }
  const { type } = message;
  if (type === MessageType.msgVote || type === MessageType.msgPreVote) {
    const follows = raft.lead !== NONE && raft.electionElapsed < raft.config.electionTick;
    const forced = message.context === campaignTransfer;
    if (votesBarredFor(raft, message) || (raft.config.checkQuorum && follows && !forced)) {
      // Who hears from a leader does not let others disturb it, a removed node least of all (Raft thesis §4.2.3).
      raft.logger?.info?.(`${raft.id} at term ${raft.term} ignored a vote request from ${message.from}: leader lease`);
      return false;
    }
  }
  // A pre-vote is about a term that nobody has entered yet, and so is its grant.
  if (type === MessageType.msgPreVote) return true;
  if (type === MessageType.msgPreVoteResp && !message.reject) return true;
  const fromLeader = type === MessageType.msgApp || type === MessageType.msgHeartbeat || type === MessageType.msgSnap;
  raft.logger?.info?.(`${raft.id} [term: ${raft.term}] received a message with term ${message.term}`);
  raft.becomeFollower(message.term, fromLeader ? message.from : NONE);
  return true;
}

function votesBarredFor(raft: Raft, message: Message): boolean {
  return isPromised(raft) && message.context !== campaignTransfer;
}

function answerOldTerm(raft: Raft, message: Message): void {
  const { type } = message;
  const { checkQuorum: checks, preVote } = raft.config;
  if ((checks || preVote) && (type === MessageType.msgHeartbeat || type === MessageType.msgApp)) {
    // A leader of an old term, which we cannot rejoin, for our term is higher; and our requests for votes are ignored or
    // lost, so that it would never hear of the term. An answer makes it step down, and all can elect anew.
    raft.send(newMessage(MessageType.msgAppResp, message.from));
  } else if (type === MessageType.msgPreVote) {
    // Silence could leave a candidate of an old term asking for ever; the rejection tells it the term.
    raft.send(newMessage(MessageType.msgPreVoteResp, message.from, { term: raft.term, reject: true }));
  } else if (type === MessageType.msgStorageAppendResp) {
    // The entries may have been replaced since by others, and those must still be stored; so that acknowledgement is
    // void. A snapshot holds only committed state, whatever the term.
    if (message.snapshot !== undefined) snapshotStored(raft, message.snapshot);
  }
}

function snapshotStored(raft: Raft, snapshot: Snapshot): void {
  const { index } = snapshot.metadata;
  raft.log.unstable.stableSnapshotTo(index);
  advanceApplied(raft, Math.max(index, raft.log.applied), 0);
}
