// Elections (Raft paper §5.2, §5.4.1), pre-elections (Raft thesis §9.6) and forced ones (§3.10).

import { RaftError } from "./errors.js";
import { handleAppend, handleHeartbeat, handleSnapshot } from "./follower.js";
import { isPromised } from "./lease.js";
import { newMessage, voteResponseType } from "./messages.js";
import { VoteResult } from "./quorum.js";
import type { Raft } from "./raft.js";
import { broadcastAppend } from "./replication.js";
import { EntryType, MessageType, NONE, RaftState, type Message } from "./types.js";

/** The context of vote requests that a leader has ordered: no lease stands against them. */
export const campaignTransfer = "CampaignTransfer";

type Campaign = "preElection" | "election" | "transfer";

/** An election timeout, or an order from outside. */
export function startElection(raft: Raft): void {
  if (isPromised(raft)) {
    // It would vote for itself, which is what it promised not to do.
    raft.logger?.info?.(`${raft.id} ignores the election timeout: it promised a leader not to vote`);
    return;
  }
  hup(raft, raft.config.preVote ? "preElection" : "election");
}

/** Starts a campaign if this node may win: not a leader, not a learner, and sure of its configuration. */
export function hup(raft: Raft, campaign: Campaign): void {
  if (raft.state === RaftState.leader) return;
  if (!raft.promotable()) {
    raft.logger?.warn?.(`${raft.id} is unpromotable and can not campaign`);
    return;
  }
  if (hasUnappliedConfChange(raft)) {
    // It is committed, so others may use that configuration already: ours could be two steps behind theirs.
    raft.logger?.warn?.(`${raft.id} cannot campaign at term ${raft.term}: there are pending configuration changes`);
    return;
  }
  raft.logger?.info?.(`${raft.id} is starting a new election at term ${raft.term}`);
  startCampaign(raft, campaign);
}

function hasUnappliedConfChange(raft: Raft): boolean {
  const { log } = raft;
  let next = Math.max(log.applied + 1, log.firstIndex());
  while (next <= log.committed) {
    const entries = log.slice(next, log.committed + 1, raft.config.maxCommittedSizePerReady);
    if (entries.some((entry) => entry.type !== EntryType.normal)) return true;
    next += entries.length;
  }
  return false;
}

function startCampaign(raft: Raft, campaign: Campaign): void {
  const pre = campaign === "preElection";
  if (pre) raft.becomePreCandidate();
  else raft.becomeCandidate();
  const type = pre ? MessageType.msgPreVote : MessageType.msgVote;
  // A pre-candidate asks about the term which it would enter.
  const term = pre ? raft.term + 1 : raft.term;
  const context = campaign === "transfer" ? campaignTransfer : undefined;
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
  raft.send(newMessage(voteResponseType(message.type), message.from, { term, reject: !granted }));
  if (granted && !pre) {
    raft.electionElapsed = 0;
    raft.vote = message.from;
  }
}

/** Candidates and pre-candidates: count votes, and give way to a leader of the term. */
export function stepCandidate(raft: Raft, message: Message): void {
  switch (message.type) {
    case MessageType.msgProp:
      throw new RaftError("proposalDropped");
    case MessageType.msgApp:
      raft.becomeFollower(message.term, message.from);
      handleAppend(raft, message);
      break;
    case MessageType.msgHeartbeat:
      raft.becomeFollower(message.term, message.from);
      handleHeartbeat(raft, message);
      break;
    case MessageType.msgSnap:
      raft.becomeFollower(message.term, message.from);
      handleSnapshot(raft, message);
      break;
    case MessageType.msgVoteResp:
      if (raft.state === RaftState.candidate) countVote(raft, message);
      break;
    case MessageType.msgPreVoteResp:
      // A late answer must not count in the election itself: it is no promise.
      if (raft.state === RaftState.preCandidate) countVote(raft, message);
      break;
    default:
    // Nothing else concerns a candidate; an order to take over is moot.
  }
}

function countVote(raft: Raft, message: Message): void {
  raft.tracker.recordVote(message.from, !message.reject);
  const { granted, rejected, result } = raft.tracker.tallyVotes();
  raft.logger?.info?.(`${raft.id} has received ${granted} votes and ${rejected} vote rejections`);
  if (result === VoteResult.won) {
    if (raft.state === RaftState.preCandidate) {
      startCampaign(raft, "election");
    } else {
      raft.becomeLeader();
      broadcastAppend(raft);
    }
  } else if (result === VoteResult.lost) {
    // Not the message's term: a pre-vote's is one ahead.
    raft.becomeFollower(raft.term, NONE);
  }
}
