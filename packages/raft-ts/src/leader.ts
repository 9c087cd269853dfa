// A leader: appends proposals, replicates them, commits, and watches over its followers.

import type { Progress } from "./progress.js";
import { handleProposal } from "./proposals.js";
import type { Raft } from "./raft.js";
import { acknowledgeRead, handleReadIndex, releasePostponedReads } from "./reads.js";
import { broadcastAppend, maybeSendAppend, sendTimeoutNow } from "./replication.js";
import { ProgressState } from "./status.js";
import { MessageType, NONE, type Message, type MessageHandlers } from "./types.js";

export const leaderHandlers: MessageHandlers<Raft> = {
  [MessageType.msgProp]: handleProposal,
  [MessageType.msgReadIndex]: handleReadIndex,
  [MessageType.msgAppResp]: withProgress(handleAppendResponse),
  [MessageType.msgHeartbeatResp]: withProgress(handleHeartbeatResponse),
  [MessageType.msgSnapStatus]: withProgress(handleSnapshotStatus),
  [MessageType.msgUnreachable]: withProgress((_raft, _message, progress) => {
    // What was sent ahead is probably lost.
    if (progress.state === ProgressState.replicate) progress.becomeProbe();
  }),
  [MessageType.msgTransferLeader]: withProgress(handleTransfer),
};

type ProgressHandler = (raft: Raft, message: Message, progress: Progress) => void;

/** Drops messages from, or about, a node that is not a member (any more). */
function withProgress(handler: ProgressHandler): (raft: Raft, message: Message) => void {
  return (raft, message) => {
    const progress = raft.tracker.progress.get(message.from);
    if (progress !== undefined) handler(raft, message, progress);
  };
}

/** Steps down unless a quorum was heard from since the last check (Raft thesis §6.2). */
export function checkQuorum(raft: Raft): void {
  if (!raft.tracker.quorumActive()) {
    raft.logger?.warn?.(`${raft.id} stepped down to follower since quorum is not active`);
    raft.becomeFollower(raft.term, NONE);
  }
  for (const id of raft.tracker.ids) {
    if (id !== raft.id) raft.tracker.progress.get(id)!.recentActive = false;
  }
}

function handleAppendResponse(raft: Raft, message: Message, progress: Progress): void {
  const { from } = message;
  progress.recentActive = true;
  if (message.reject) {
    handleRejection(raft, message, progress);
    return;
  }
  // Also if nothing is new, a probe that is answered ends the probing.
  const probed = progress.match === message.index && progress.state === ProgressState.probe;
  if (!progress.maybeUpdate(message.index) && !probed) return;
  if (progress.state === ProgressState.probe) {
    progress.becomeReplicate();
  } else if (progress.state === ProgressState.replicate) {
    progress.inflights.freeUpTo(message.index);
  } else if (progress.match + 1 >= raft.log.firstIndex()) {
    // Whether by this snapshot or another one, the follower can go on from the log.
    progress.becomeProbe();
    progress.becomeReplicate();
  }
  if (maybeCommit(raft)) {
    releasePostponedReads(raft);
    broadcastAppend(raft);
  } else if (from !== raft.id && progress.canBumpCommit(raft.log.committed)) {
    // It would learn the commit index by a heartbeat, but later.
    maybeSendAppend(raft, from, true);
  }
  // The window has room again.
  if (from !== raft.id) while (maybeSendAppend(raft, from, false));
  if (from === raft.leadTransferee && progress.match === raft.log.lastIndex()) sendTimeoutNow(raft, from);
}

function handleRejection(raft: Raft, message: Message, progress: Progress): void {
  // The follower's hint skipped what cannot agree in its log; now skip what cannot in ours: above the last entry
  // whose term is at most the hint's, ours has higher terms than the follower can have there (Raft paper §5.3).
  const hint =
    message.logTerm > 0 ? raft.log.findConflictByTerm(message.rejectHint, message.logTerm).index : message.rejectHint;
  if (!progress.maybeDecrementTo(message.index, hint)) return;
  raft.logger?.debug?.(`${raft.id} decreased progress of ${message.from} to next=${progress.next}`);
  if (progress.state === ProgressState.replicate) progress.becomeProbe();
  maybeSendAppend(raft, message.from, true);
}

/**
 * Commits what a quorum has stored, but only if it is an entry of the own term: an older one can be on a quorum and still
 * be replaced by a later leader (Raft paper §5.4.2, figure 8). It is committed along with the first of this term.
 */
export function maybeCommit(raft: Raft): boolean {
  const index = raft.tracker.committed();
  if (index <= raft.log.committed || index === Infinity || !raft.log.matchTerm(raft.term, index)) return false;
  raft.log.commitTo(index);
  return true;
}

function handleHeartbeatResponse(raft: Raft, message: Message, progress: Progress): void {
  progress.recentActive = true;
  progress.appendPaused = false;
  progress.leaseTick = Math.max(progress.leaseTick, message.leaseTick);
  // It is alive: try again what may have been lost. With a full window, or nothing to send to a probed follower, that
  // is an empty msgApp, whose answer gets things going again.
  if (progress.match < raft.log.lastIndex() || progress.state === ProgressState.probe) {
    maybeSendAppend(raft, message.from, true);
  }
  if (message.context !== undefined) acknowledgeRead(raft, message.from, message.context);
}

function handleSnapshotStatus(_raft: Raft, message: Message, progress: Progress): void {
  if (progress.state !== ProgressState.snapshot) return;
  // After a failure it is not there, so probing after it would be in vain.
  if (message.reject) progress.pendingSnapshot = 0;
  progress.becomeProbe();
  // Wait for the follower's msgAppResp, or after a failure for a heartbeat's answer, before sending anything.
  progress.appendPaused = true;
}

function handleTransfer(raft: Raft, message: Message, progress: Progress): void {
  const target = message.from;
  if (progress.isLearner || target === raft.leadTransferee) return;
  raft.leadTransferee = NONE;
  if (target === raft.id) return;
  // It has one election timeout to happen.
  raft.electionElapsed = 0;
  raft.leadTransferee = target;
  // A target whose log lags could not win; first it gets the rest.
  if (progress.match === raft.log.lastIndex()) sendTimeoutNow(raft, target);
  else maybeSendAppend(raft, target, true);
}
