// What a leader sends to its followers.

import { isRaftError, invariant } from "./errors.js";
import { UNKNOWN_TERM } from "./log.js";
import { newMessage } from "./messages.js";
import type { Progress } from "./progress.js";
import type { Raft } from "./raft.js";
import { ProgressState } from "./status.js";
import { MessageType, type Entry, type Snapshot } from "./types.js";

const nothing: readonly Entry[] = Object.freeze([]);

export function payloadSize(entries: readonly Entry[]): number {
  let size = 0;
  for (const entry of entries) size += entry.data.byteLength;
  return size;
}

/** Sends every follower what it lacks, or an empty msgApp that carries the commit index. */
export function broadcastAppend(raft: Raft): void {
  for (const id of raft.tracker.ids) {
    if (id !== raft.id) maybeSendAppend(raft, id, true);
  }
}

/** Sends one msgApp, or a snapshot, unless flow control forbids it. False if nothing was sent. */
export function maybeSendAppend(raft: Raft, to: number, sendIfEmpty: boolean): boolean {
  const progress = raft.tracker.progress.get(to)!;
  if (progress.paused) return false;
  const { log } = raft;
  const previous = progress.next - 1;
  const previousTerm = log.term(previous);
  // The follower needs entries which are compacted.
  if (previousTerm === UNKNOWN_TERM) return maybeSendSnapshot(raft, to, progress);

  // With a full window only empty messages go out: if all in flight were lost, the answer to one brings them back.
  const throttled = progress.state === ProgressState.replicate && progress.inflights.full;
  const entries = throttled ? nothing : log.entriesFrom(progress.next, raft.config.maxSizePerMsg);
  if (entries.length === 0 && !sendIfEmpty) return false;

  const message = newMessage(MessageType.msgApp, to);
  message.index = previous;
  message.logTerm = previousTerm;
  message.entries = entries;
  message.commit = log.committed;
  raft.send(message);
  progress.sentEntries(entries.length, payloadSize(entries));
  progress.noteSentCommit(log.committed);
  return true;
}

function maybeSendSnapshot(raft: Raft, to: number, progress: Progress): boolean {
  // A snapshot is costly: not for a node that may be dead.
  if (!progress.recentActive) return false;
  let snapshot: Snapshot;
  try {
    snapshot = raft.log.snapshot();
  } catch (error) {
    if (!isRaftError(error, "snapshotTemporarilyUnavailable")) throw error;
    raft.logger?.debug?.(`${raft.id} has no snapshot for ${to} yet`);
    return false;
  }
  const { index } = snapshot.metadata;
  invariant(index > 0, "raft: the log is compacted, but there is no snapshot");
  raft.logger?.debug?.(`${raft.id} sent snapshot[index: ${index}, term: ${snapshot.metadata.term}] to ${to}`);
  progress.becomeSnapshot(index);
  raft.send(newMessage(MessageType.msgSnap, to, { snapshot }));
  return true;
}

export function broadcastHeartbeat(raft: Raft): void {
  const context = raft.reads.lastContext();
  const leaseTick = raft.config.leaderLease ? raft.ticks : 0;
  for (const id of raft.tracker.ids) {
    if (id === raft.id) continue;
    const progress = raft.tracker.progress.get(id)!;
    // A follower must not be told to commit what is not known to be in its log: another entry may stand there.
    const commit = Math.min(progress.match, raft.log.committed);
    raft.send(newMessage(MessageType.msgHeartbeat, id, { commit, context, leaseTick }));
    progress.noteSentCommit(commit);
  }
}

export function sendTimeoutNow(raft: Raft, to: number): void {
  raft.leaseForfeited = true;
  raft.send(newMessage(MessageType.msgTimeoutNow, to));
}
