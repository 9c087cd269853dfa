// A follower: stores what the leader sends, and hands on what is meant for the leader.

import { campaign } from "./election.js";
import { ReadOnlyOption } from "./config.js";
import { RaftError } from "./errors.js";
import { handleAppend, handleHeartbeat, handleSnapshot } from "./leader-messages.js";
import { isPromised } from "./lease.js";
import type { Raft } from "./raft.js";
import { MessageType, NONE, type Message, type MessageHandlers } from "./types.js";

/** What is not here is an answer to a role that this node no longer has. */
export const followerHandlers: MessageHandlers<Raft> = {
  [MessageType.msgProp]: forwardProposal,
  [MessageType.msgApp](raft, message) {
    hearFromLeader(raft, message.from);
    handleAppend(raft, message);
  },
  [MessageType.msgHeartbeat](raft, message) {
    hearFromLeader(raft, message.from);
    handleHeartbeat(raft, message);
  },
  [MessageType.msgSnap](raft, message) {
    hearFromLeader(raft, message.from);
    handleSnapshot(raft, message);
  },
  [MessageType.msgTransferLeader]: forwardToLeader,
  [MessageType.msgReadIndex]: forwardToLeader,
  [MessageType.msgForgetLeader]: forgetLeader,
  [MessageType.msgTimeoutNow](raft) {
    // No pre-election: the leader has decided already, and is not heard from again.
    campaign(raft, "transfer");
  },
  [MessageType.msgReadIndexResp](raft, message) {
    if (message.context !== undefined) raft.readStates.push({ index: message.index, context: message.context });
  },
};

function hearFromLeader(raft: Raft, from: number): void {
  raft.electionElapsed = 0;
  raft.lead = from;
}

function forwardProposal(raft: Raft, message: Message): void {
  if (raft.lead === NONE || raft.config.disableProposalForwarding) throw new RaftError("proposalDropped");
  forwardToLeader(raft, message);
}

function forwardToLeader(raft: Raft, message: Message): void {
  if (raft.lead === NONE) {
    raft.logger?.info?.(`${raft.id} knows no leader to forward a request to; dropped`);
    return;
  }
  // A copy: the caller's message is not ours to change. The sender stays who asked first: it gets the answer.
  raft.send({ ...message, to: raft.lead, term: 0 });
}

function forgetLeader(raft: Raft): void {
  // A lease-based readOnlyOption never forgets, as in etcd; the promise alone is what the lease rests on.
  if (raft.config.readOnlyOption === ReadOnlyOption.leaseBased || isPromised(raft)) {
    raft.logger?.error?.("ignoring msgForgetLeader: a leader may rely on its lease");
  } else if (raft.lead !== NONE) {
    raft.logger?.info?.(`${raft.id} forgetting leader ${raft.lead} at term ${raft.term}`);
    raft.lead = NONE;
  }
}
