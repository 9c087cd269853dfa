// A leader: appends proposals, replicates them, commits, and watches over its followers.

import { asConfChangeV2, decodeConfChange } from "./conf-change.js";
import { RaftError, invariant } from "./errors.js";
import { isJoint } from "./membership.js";
import { newMessage } from "./messages.js";
import type { Progress } from "./progress.js";
import type { Raft } from "./raft.js";
import { acknowledgeRead, handleReadIndex, releasePostponedReads } from "./reads.js";
import { broadcastAppend, maybeSendAppend, payloadSize, sendTimeoutNow } from "./replication.js";
import { ProgressState } from "./status.js";
import { EntryType, MessageType, NONE, RaftState, type Entry, type Message } from "./types.js";

const noBytes = new Uint8Array(0);

export function stepLeader(raft: Raft, message: Message): void {
  if (message.type === MessageType.msgProp) {
    handleProposal(raft, message);
    return;
  }
  if (message.type === MessageType.msgReadIndex) {
    handleReadIndex(raft, message);
    return;
  }
  const progress = raft.tracker.progress.get(message.from);
  // From somebody who is not a member (any more).
  if (progress === undefined) return;
  switch (message.type) {
    case MessageType.msgAppResp:
      handleAppendResponse(raft, message, progress);
      break;
    case MessageType.msgHeartbeatResp:
      handleHeartbeatResponse(raft, message, progress);
      break;
    case MessageType.msgSnapStatus:
      handleSnapshotStatus(message, progress);
      break;
    case MessageType.msgUnreachable:
      // What was sent ahead is probably lost.
      if (progress.state === ProgressState.replicate) progress.becomeProbe();
      break;
    case MessageType.msgTransferLeader:
      handleTransfer(raft, message, progress);
      break;
    default:
    // Everything else is for other roles.
  }
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

function handleProposal(raft: Raft, message: Message): void {
  invariant(message.entries.length > 0, "raft: a proposal without entries");
  // A removed leader could not even count its own acknowledgement; a departing one must let its successor catch up.
  if (!raft.tracker.progress.has(raft.id) || raft.leadTransferee !== NONE) throw new RaftError("proposalDropped");
  const entries = screenConfChanges(raft, message.entries);
  if (!appendOwnEntries(raft, entries, message.from === raft.id)) throw new RaftError("proposalDropped");
  broadcastAppend(raft);
}

/** Replaces configuration changes that may not be made now by empty entries. */
function screenConfChanges(raft: Raft, entries: readonly Entry[]): readonly Entry[] {
  if (entries.every((entry) => entry.type === EntryType.normal)) return entries;
  const lastIndex = raft.log.lastIndex();
  return entries.map((entry, i) => {
    if (entry.type === EntryType.normal) return entry;
    const problem = findConfChangeProblem(raft, entry);
    if (problem !== undefined && !raft.config.disableConfChangeValidation) {
      raft.logger?.info?.(`${raft.id} ignoring a configuration change: ${problem}`);
      return { term: 0, index: 0, type: EntryType.normal, data: noBytes };
    }
    raft.pendingConfIndex = lastIndex + 1 + i;
    return entry;
  });
}

function findConfChangeProblem(raft: Raft, entry: Entry): string | undefined {
  const change = asConfChangeV2(decodeConfChange(entry.type, entry.data));
  const wantsLeave = change.changes.length === 0;
  const joint = isJoint(raft.tracker.config);
  // Two changes in flight could make configurations take effect whose majorities do not overlap. Since pendingConfIndex
  // is set to the log's end on election, this also waits for a commit of the own term, without which single-step
  // changes were unsafe as first published (Raft mailing list, July 2015).
  if (raft.pendingConfIndex > raft.log.applied) {
    return `possible unapplied conf change at index ${raft.pendingConfIndex} (applied to ${raft.log.applied})`;
  }
  if (joint && !wantsLeave) return "must transition out of joint config first";
  if (!joint && wantsLeave) return "not in joint state; refusing empty conf change";
  return undefined;
}

/**
 * Gives entries their place in the log. False if the uncommitted data would exceed its limit. `owned` entries belong to
 * nobody else and are filled in; others are copied.
 */
export function appendOwnEntries(raft: Raft, entries: readonly Entry[], owned: boolean): boolean {
  const size = payloadSize(entries);
  // The first entry is let through whatever its size, and so is one without data: those that a leader makes for itself.
  if (raft.uncommittedSize > 0 && size > 0 && raft.uncommittedSize + size > raft.config.maxUncommittedEntriesSize) {
    raft.logger?.debug?.(`${raft.id} appending new entries to log would exceed uncommitted entry size limit`);
    return false;
  }
  raft.uncommittedSize += size;
  const { term } = raft;
  let index = raft.log.lastIndex();
  invariant(Number.isSafeInteger(index + entries.length), "raft: the log's indexes are exhausted");
  if (owned) {
    for (const entry of entries) Object.assign(entry, { term, index: ++index });
    raft.log.append(entries);
  } else {
    raft.log.append(entries.map(({ type, data }) => ({ term, index: ++index, type, data })));
  }
  // The leader acknowledges to itself, like a follower, when this is stored; it need not be the first to store it
  // (Raft thesis §10.2.1).
  raft.send(newMessage(MessageType.msgAppResp, raft.id, { index }));
  return true;
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

function handleSnapshotStatus(message: Message, progress: Progress): void {
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

/** The driver has applied everything up to an index. */
export function advanceApplied(raft: Raft, index: number, size: number): void {
  const applied = Math.max(index, raft.log.applied);
  raft.log.appliedTo(applied, size);
  if (!raft.tracker.config.autoLeave || applied < raft.pendingConfIndex || raft.state !== RaftState.leader) return;
  // The joint configuration is in effect, and it is this leader's to leave it. An entry without data is never refused for
  // its size. If a transfer is under way it is dropped: the next leader will do it, or we after the next entry applied.
  const leave: Entry = { term: 0, index: 0, type: EntryType.confChangeV2, data: noBytes };
  try {
    raft.step(newMessage(MessageType.msgProp, raft.id, { from: raft.id, entries: [leave] }));
    raft.logger?.info?.("initiating automatic transition out of joint configuration");
  } catch (error) {
    if (!(error instanceof RaftError)) throw error;
    raft.logger?.debug?.("not initiating automatic transition out of joint configuration");
  }
}
