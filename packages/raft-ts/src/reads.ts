// Linearizable reads without writing to the log (Raft thesis §6.4): remember the commit index, make sure that this node
// was still leader after the request came, wait until the index is applied.

import { ReadOnlyOption } from "./config.js";
import { confirmedByLease } from "./lease.js";
import { newMessage } from "./messages.js";
import { jointVoteResult, VoteResult } from "./quorum.js";
import type { Raft } from "./raft.js";
import { broadcastHeartbeat } from "./replication.js";
import { MessageType, NONE, type Message } from "./types.js";

/** A read request has reached the leader. */
export function handleReadIndex(raft: Raft, request: Message): void {
  // A new leader has all committed entries, but does not know which are: until an entry of its own term commits, its
  // commit index may be older than an answer that was given already (Raft thesis §6.4, step 1).
  if (!committedInOwnTerm(raft)) {
    raft.postponedReads.push(request);
    return;
  }
  startRead(raft, request);
}

/** The leader's term has its first commit: reads which waited for it can begin. */
export function releasePostponedReads(raft: Raft): void {
  if (raft.postponedReads.length === 0 || !committedInOwnTerm(raft)) return;
  const requests = raft.postponedReads;
  raft.postponedReads = [];
  for (const request of requests) startRead(raft, request);
}

/** A follower answered a heartbeat with this context. */
export function acknowledgeRead(raft: Raft, from: number, context: string): void {
  const acks = raft.reads.acknowledge(from, context);
  if (acks === undefined || jointVoteResult(raft.tracker.config.voters, acks) !== VoteResult.won) return;
  for (const read of raft.reads.release(context)) answerRead(raft, read.request, read.index);
}

export function committedInOwnTerm(raft: Raft): boolean {
  return raft.log.term(raft.log.committed) === raft.term;
}

function startRead(raft: Raft, request: Message): void {
  const { committed } = raft.log;
  const confirmed =
    raft.tracker.isSingletonOf(raft.id) ||
    (raft.config.readOnlyOption === ReadOnlyOption.leaseBased && confirmedByLease(raft, 0));
  if (confirmed) {
    answerRead(raft, request, committed);
    return;
  }
  raft.reads.add(request, committed, raft.id);
  broadcastHeartbeat(raft);
}

function answerRead(raft: Raft, request: Message, index: number): void {
  if (request.from === NONE || request.from === raft.id) {
    raft.readStates.push({ index, context: request.context ?? "" });
    return;
  }
  raft.send(newMessage(MessageType.msgReadIndexResp, request.from, { index, context: request.context }));
}
