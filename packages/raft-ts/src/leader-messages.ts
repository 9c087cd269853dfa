// What a node does with what the leader of its term sends, whatever role it was in before.

import { promiseNoVotes } from "./lease.js";
import { restoreMembership } from "./membership.js";
import { newMessage } from "./messages.js";
import type { Raft } from "./raft.js";
import { Tracker } from "./tracker.js";
import { MessageType, RaftState, type Message, type Snapshot } from "./types.js";

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
  if (raft.log.applying > raft.log.applied) {
    // The driver is applying entries, perhaps a configuration change, which must not follow the snapshot's configuration.
    // The leader will send it again: it sees from the answer that nothing came of it.
    raft.logger?.info?.(`${raft.id} ignored a snapshot at index ${index}: still applying up to ${raft.log.applying}`);
    return false;
  }
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
