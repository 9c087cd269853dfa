// A follower: stores what the leader sends, and hands on what is meant for the leader.

import { RaftError } from "./errors.js";
import { hup } from "./election.js";
import { promiseNoVotes } from "./lease.js";
import { restoreMembership } from "./membership.js";
import { newMessage } from "./messages.js";
import type { Raft } from "./raft.js";
import { Tracker } from "./tracker.js";
import { MessageType, NONE, RaftState, type Message, type Snapshot } from "./types.js";

export function stepFollower(raft: Raft, message: Message): void {
  switch (message.type) {
    case MessageType.msgProp:
      if (raft.lead === NONE || raft.config.disableProposalForwarding) throw new RaftError("proposalDropped");
      forwardToLeader(raft, message);
      break;
    case MessageType.msgApp:
      hearFromLeader(raft, message.from);
      handleAppend(raft, message);
      break;
    case MessageType.msgHeartbeat:
      hearFromLeader(raft, message.from);
      handleHeartbeat(raft, message);
      break;
    case MessageType.msgSnap:
      hearFromLeader(raft, message.from);
      handleSnapshot(raft, message);
      break;
    case MessageType.msgTransferLeader:
    case MessageType.msgReadIndex:
      if (raft.lead === NONE) raft.logger?.info?.(`${raft.id} knows no leader to forward a request to; dropped`);
      else forwardToLeader(raft, message);
      break;
    case MessageType.msgForgetLeader:
      forgetLeader(raft);
      break;
    case MessageType.msgTimeoutNow:
      // No pre-election: the leader has decided already, and is not heard from again.
      hup(raft, "transfer");
      break;
    case MessageType.msgReadIndexResp:
      if (message.context !== undefined) raft.readStates.push({ index: message.index, context: message.context });
      break;
    default:
    // Answers to a role that this node no longer has.
  }
}

function hearFromLeader(raft: Raft, from: number): void {
  raft.electionElapsed = 0;
  raft.lead = from;
}

function forwardToLeader(raft: Raft, message: Message): void {
  // A copy: the caller's message is not ours to change. The sender stays who asked first: it gets the answer.
  raft.send({ ...message, to: raft.lead, term: 0 });
}

function forgetLeader(raft: Raft): void {
  if (raft.config.leaderLease) {
    raft.logger?.error?.("ignoring msgForgetLeader: a leader may rely on its lease");
  } else if (raft.lead !== NONE) {
    raft.logger?.info?.(`${raft.id} forgetting leader ${raft.lead} at term ${raft.term}`);
    raft.lead = NONE;
  }
}

/** AppendEntries (Raft paper, figure 2). */
export function handleAppend(raft: Raft, message: Message): void {
  const { log } = raft;
  const { from, index, logTerm, entries } = message;
  const response = newMessage(MessageType.msgAppResp, from);
  if (index < log.committed) {
    // What is committed agrees with every later leader's log; there may be no entries left to compare.
    response.index = log.committed;
  } else if (log.maybeAppend(logTerm, index, entries, message.commit)) {
    response.index = index + entries.length;
  } else {
    // Tell where the logs may agree at best, so that the leader need not go back entry by entry (Raft paper §5.3).
    const hint = log.findConflictByTerm(Math.min(index, log.lastIndex()), logTerm);
    raft.logger?.debug?.(`${raft.id} rejected msgApp [logterm: ${logTerm}, index: ${index}] from ${from}`);
    response.index = index;
    response.reject = true;
    response.rejectHint = hint.index;
    response.logTerm = hint.term;
  }
  raft.send(response);
}

export function handleHeartbeat(raft: Raft, message: Message): void {
  raft.log.commitTo(message.commit);
  const response = newMessage(MessageType.msgHeartbeatResp, message.from);
  response.context = message.context;
  if (raft.config.leaderLease && message.leaseTick > 0) {
    promiseNoVotes(raft);
    response.leaseTick = message.leaseTick;
  }
  raft.send(response);
}

/** InstallSnapshot (Raft paper §7). */
export function handleSnapshot(raft: Raft, message: Message): void {
  const restored = message.snapshot !== undefined && restoreSnapshot(raft, message.snapshot);
  const index = restored ? raft.log.lastIndex() : raft.log.committed;
  raft.logger?.info?.(`${raft.id} [commit: ${raft.log.committed}] ${restored ? "restored" : "ignored"} a snapshot`);
  raft.send(newMessage(MessageType.msgAppResp, message.from, { index }));
}

/** Takes over a snapshot's state and membership. False if it is not needed. */
function restoreSnapshot(raft: Raft, snapshot: Snapshot): boolean {
  const { index, term, confState } = snapshot.metadata;
  if (index <= raft.log.committed || raft.state !== RaftState.follower) return false;
  const members = [confState.voters, confState.learners, confState.votersOutgoing];
  if (!members.some((ids) => ids.includes(raft.id))) {
    // A member's snapshots always name it. This one was not meant for us, or is older than our membership.
    raft.logger?.warn?.(`${raft.id} ignored a snapshot at index ${index} whose configuration does not include it`);
    return false;
  }
  if (raft.log.matchTerm(term, index)) {
    // All of it is in our log: keep the entries after it, and only learn that it is committed.
    raft.log.commitTo(index);
    return false;
  }
  raft.log.restore(snapshot);
  const fresh = new Tracker(raft.config.maxInflightMsgs, raft.config.maxInflightBytes);
  const { config, progress } = restoreMembership(fresh, raft.log.lastIndex(), confState);
  raft.tracker.switchTo(config, progress);
  raft.logger?.info?.(`${raft.id} [commit: ${raft.log.committed}] restored snapshot [index: ${index}, term: ${term}]`);
  return true;
}
