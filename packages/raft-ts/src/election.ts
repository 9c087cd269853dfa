// Elections (Raft paper §5.2, §5.4.1), pre-elections (Raft thesis §9.6) and forced ones (§3.10).

import { RaftError, invariant } from "./errors.js";
import { handleAppend, handleHeartbeat, handleSnapshot } from "./leader-messages.js";
import { isPromised } from "./lease.js";
import { newMessage, voteResponseType } from "./messages.js";
import { appendOwnEntries } from "./proposals.js";
import { VoteResult } from "./quorum.js";
import type { Raft } from "./raft.js";
import { broadcastAppend } from "./replication.js";
import { EntryType, MessageType, NONE, RaftState, type EntryId, type Message, type MessageHandlers } from "./types.js";

/** The context of vote requests that a leader has ordered: no lease stands against them. */
export const campaignTransfer = "CampaignTransfer";

const noBytes = new Uint8Array(0);

type Campaign = "preElection" | "election" | "transfer";

/** An election timeout, or an order from outside. */
export function startElection(raft: Raft): void {
  if (isPromised(raft)) {
    // It would vote for itself, which is what it promised not to do.
    raft.logger?.info?.(`${raft.id} ignores the election timeout: it promised a leader not to vote`);
    return;
  }
  campaign(raft, raft.config.preVote ? "preElection" : "election");
}

/** Starts a campaign if this node may win: not a leader, not a learner, and sure of its configuration. */
export function campaign(raft: Raft, kind: Campaign): void {
  if (raft.state === RaftState.leader) return;
  if (!raft.promotable()) {
    raft.logger?.warn?.(`${raft.id} is unpromotable and can not campaign`);
    return;
  }
  if (raft.log.hasConfChange(raft.log.applied + 1, raft.log.committed + 1)) {
    // It is committed, so others may use that configuration already: ours could be two steps behind theirs.
    raft.logger?.warn?.(`${raft.id} cannot campaign at term ${raft.term}: there are pending configuration changes`);
    return;
  }
  raft.logger?.info?.(`${raft.id} is starting a new election at term ${raft.term}`);
  startCampaign(raft, kind);
}

function startCampaign(raft: Raft, kind: Campaign): void {
  const pre = kind === "preElection";
  if (pre) raft.becomePreCandidate();
  else raft.becomeCandidate();
  const type = pre ? MessageType.msgPreVote : MessageType.msgVote;
  // A pre-candidate asks about the term which it would enter.
  const term = pre ? raft.term + 1 : raft.term;
  const context = kind === "transfer" ? campaignTransfer : undefined;
  for (const id of raft.tracker.voterIds) {
    if (id === raft.id) {
      // The own vote counts once it is stored, like any other.
      raft.send(newMessage(voteResponseType(type), id, { term }));
      continue;
    }
    const last = raft.log.lastEntryId();
    raft.logger?.info?.(`${raft.id} [logterm: ${last.term}, index: ${last.index}] asks ${id} for its vote at ${term}`);
    raft.send(newMessage(type, id, { term, index: last.index, logTerm: last.term, context }));
  }
}

/** Answers a request for a vote, or a pre-vote, whose term is settled. */
export function handleVoteRequest(raft: Raft, message: Message): void {
  const pre = message.type === MessageType.msgPreVote;
  const canVote =
    // The same vote again: the answer was lost,
    raft.vote === message.from ||
    // or no vote is given in this term, and no leader known that has won it without us,
    (raft.vote === NONE && raft.lead === NONE) ||
    // or it is only asked what we would do in a later term.
    (pre && message.term > raft.term);
  // Learners vote too: who is asked may be a voter already in the candidate's configuration, and not know it yet.
  const granted = canVote && raft.log.isUpToDate(message.logTerm, message.index);
  // A grant has the term asked for, which with a pre-vote is not ours; a rejection tells ours.
  const term = granted ? message.term : raft.term;
  raft.logger?.info?.(
    `${raft.id} [vote: ${raft.vote}] ${granted ? "granted" : "rejected"} ${pre ? "pre-vote" : "vote"} ` +
      `to ${message.from} [logterm: ${message.logTerm}, index: ${message.index}] at term ${raft.term}`,
  );
  const response = newMessage(voteResponseType(message.type), message.from, { term, reject: !granted });
  if (!granted) {
    const { committed } = raft.log;
    response.committed = { term: raft.log.term(committed), index: committed };
  }
  raft.send(response);
  if (granted && !pre) {
    raft.electionElapsed = 0;
    raft.vote = message.from;
  }
}

/**
 * A node that rejected a vote tells what it knows to be committed. That is true for ever, whatever the terms, and if our
 * log has that entry we may believe it. Without this a membership change can end in a deadlock: a leader which that
 * change removed or demoted stepped down, and the messages that told of the commit were lost. The others still need
 * its vote, but its log is longer than theirs; and it may not campaign itself.
 */
export function learnCommitted(raft: Raft, { term, index }: EntryId): void {
  const { log } = raft;
  if (index <= log.committed || term <= 0 || !log.matchTerm(term, index)) return;
  const changed = log.hasConfChange(log.committed + 1, index + 1);
  log.commitTo(index);
  // Votes asked for under the former configuration must not elect a leader in the next.
  if (changed && raft.state !== RaftState.follower) raft.becomeFollower(raft.term, NONE);
}

/**
 * Candidates and pre-candidates count votes, and give way to a leader of the term. Nothing else concerns them; an order
 * to take over is moot.
 */
export const candidateHandlers: MessageHandlers<Raft> = {
  [MessageType.msgProp]() {
    throw new RaftError("proposalDropped");
  },
  [MessageType.msgApp](raft, message) {
    raft.becomeFollower(message.term, message.from);
    handleAppend(raft, message);
  },
  [MessageType.msgHeartbeat](raft, message) {
    raft.becomeFollower(message.term, message.from);
    handleHeartbeat(raft, message);
  },
  [MessageType.msgSnap](raft, message) {
    raft.becomeFollower(message.term, message.from);
    handleSnapshot(raft, message);
  },
  [MessageType.msgVoteResp](raft, message) {
    if (raft.state === RaftState.candidate) countVote(raft, message);
  },
  [MessageType.msgPreVoteResp](raft, message) {
    // A late answer must not count in the election itself: it is no promise.
    if (raft.state === RaftState.preCandidate) countVote(raft, message);
  },
};

function countVote(raft: Raft, message: Message): void {
  raft.tracker.recordVote(message.from, !message.reject);
  const { granted, rejected, result } = raft.tracker.tallyVotes();
  raft.logger?.info?.(`${raft.id} has received ${granted} votes and ${rejected} vote rejections`);
  if (result === VoteResult.won) {
    if (raft.state === RaftState.preCandidate) {
      startCampaign(raft, "election");
    } else {
      becomeLeader(raft);
      broadcastAppend(raft);
    }
  } else if (result === VoteResult.lost) {
    // Not the message's term: a pre-vote's is one ahead.
    raft.becomeFollower(raft.term, NONE);
  }
}

function becomeLeader(raft: Raft): void {
  invariant(raft.state === RaftState.candidate, "raft: only a candidate can become leader");
  raft.reset(raft.term);
  raft.lead = raft.id;
  raft.state = RaftState.leader;
  const own = raft.tracker.progress.get(raft.id)!;
  own.becomeReplicate();
  own.recentActive = true;
  // Conservative: any of the entries that are not committed may be a configuration change. That changes need not wait for a
  // commit of the own term as well, as the original algorithm's must (raft-dev mailing list, July 2015), is due to their
  // taking effect only when committed, and the entry below is committed before them.
  raft.pendingConfIndex = raft.log.lastIndex();
  // An entry of its own term, for only such an entry's commit commits those of earlier terms (Raft paper §5.4.2, §8).
  const accepted = appendOwnEntries(raft, [{ term: 0, index: 0, type: EntryType.normal, data: noBytes }], true);
  invariant(accepted, "raft: the empty entry was refused");
  raft.logger?.info?.(`${raft.id} became leader at term ${raft.term}`);
}
