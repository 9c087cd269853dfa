// Putting a committed configuration change into effect.

import { asConfChangeV2, confChangeStep, type ConfChange } from "./conf-change.js";
import { maybeCommit } from "./leader.js";
import { enterJoint, leaveJoint, simpleChange, type MembershipChange } from "./membership.js";
import type { Raft } from "./raft.js";
import { releasePostponedReads } from "./reads.js";
import { broadcastAppend, maybeSendAppend } from "./replication.js";
import { confStateOf } from "./tracker.js";
import { NONE, RaftState, type ConfState } from "./types.js";

/**
 * Changes are applied when they are committed, not when they are appended as the Raft paper has it (§6). That is as
 * safe, as long as there is at most one in flight, and a node campaigns only after it applied what it knows to be committed.
 */
export function applyConfChange(raft: Raft, change: ConfChange): ConfState {
  const next = nextMembership(raft, change);
  raft.tracker.switchTo(next.config, next.progress);
  raft.logger?.info?.(`${raft.id} switched to configuration voters=(${next.config.voters.incoming.join(" ")})`);
  const state = confStateOf(raft.tracker.config);
  if (raft.state !== RaftState.leader) return state;

  const own = raft.tracker.progress.get(raft.id);
  if (own === undefined || own.isLearner) {
    // It leads on without a vote of its own, until told to stop, or deposed (Raft thesis §4.2.2).
    if (raft.config.stepDownOnRemoval) raft.becomeFollower(raft.term, NONE);
    return state;
  }
  if (maybeCommit(raft)) {
    // The quorum shrank, so more is committed.
    releasePostponedReads(raft);
    broadcastAppend(raft);
  } else {
    // Let new members begin without waiting for a heartbeat.
    for (const id of raft.tracker.ids) {
      if (id !== raft.id) maybeSendAppend(raft, id, false);
    }
  }
  if (!raft.tracker.voterIds.includes(raft.leadTransferee)) raft.leadTransferee = NONE;
  return state;
}

function nextMembership(raft: Raft, change: ConfChange): MembershipChange {
  const v2 = asConfChangeV2(change);
  const lastIndex = raft.log.lastIndex();
  const { kind, autoLeave } = confChangeStep(v2);
  if (kind === "leave") return leaveJoint(raft.tracker, lastIndex);
  if (kind === "enter") return enterJoint(raft.tracker, lastIndex, autoLeave, v2.changes);
  return simpleChange(raft.tracker, lastIndex, v2.changes);
}
