// The leader's lease: linearizable reads with no message at all (Raft thesis §6.4.1), counted in ticks.
//
// A follower that answers a heartbeat promises to give no vote, at any term, and not to campaign, for leaseTick of
// its ticks. A heartbeat carries the leader's tick count and the answer brings it back, so the leader knows a moment that
// is surely before the promise was made: when it *sent* the heartbeat. While the promises of a quorum last there is no
// other leader, since every election needs a vote from each quorum. The lease is counted from the oldest promise of the
// youngest quorum. (A check-quorum window alone would not do: an answer at its begin would count to the end of the next.)
//
// What breaks the promise, and how that is dealt with:
// - Leadership transfer: the votes are forced. A leader that began one has no lease; once it sent msgTimeoutNow, which may
//   be delivered at any later time, it has none for the rest of its term.
// - Restart: a node with a past gives no vote for leaseTick ticks after it starts, for it may have promised.
// - campaign() and forgetLeader() are ignored by a node while its promise lasts.
//
// What it demands of the drivers: ticks of the same length everywhere, from monotonic clocks. A leader's clock may run
// slow, and a follower's fast, by no more than what leaseTicks() leaves: for leaseTick 10, 8 ticks of the leader must not
// take longer than 9 of a follower. A process that was paused (by a signal, a virtual machine, a long collection) has to
// make up for the ticks that it missed, or pass their number, *before* it asks for the lease: it must read its clock
// for each answer. A node whose clock may jump or stop must not serve reads from the lease; use readIndex().
//
// It also needs leaderLease and the same leaseTick on all nodes, and configuration changes validated (disableConfChangeValidation off), since
// it relies on each configuration's quorums overlapping with those of the next.

import { jointCommittedIndex } from "./quorum.js";
import type { Raft } from "./raft.js";
import { NONE, RaftState } from "./types.js";

/**
 * How long a promise of leaseTick ticks is relied on: one tick less, since the promise may begin just before a tick of
 * the follower; and a tenth less, for clocks that do not run alike.
 */
export function leaseTicks(leaseTick: number): number {
  return leaseTick - 1 - Math.ceil(leaseTick / 10);
}

/** Whether no other node can be leader now, if `missedTicks` ticks should have been counted but are not yet. */
export function confirmedByLease(raft: Raft, missedTicks: number): boolean {
  if (!raft.config.leaderLease || raft.state !== RaftState.leader) return false;
  if (raft.leadTransferee !== NONE || raft.leaseForfeited) return false;
  const start = jointCommittedIndex(raft.tracker.config.voters, (id) =>
    id === raft.id ? raft.ticks : (raft.tracker.progress.get(id)?.leaseTick ?? 0),
  );
  return start > 0 && raft.ticks + missedTicks < start + leaseTicks(raft.config.leaseTick);
}

/** Whether the applied state may be read now, if writes are acknowledged only by the node that led when they came. */
export function mayReadApplied(raft: Raft, missedTicks: number): boolean {
  // Earlier leaders' acknowledged writes are all before the first entry of this term; this leader's own ones are
  // acknowledged after they are applied here.
  return raft.log.term(raft.log.applied) === raft.term && confirmedByLease(raft, missedTicks);
}

/** The index at which a read would be linearizable, whoever acknowledges writes; undefined without the lease. */
export function leaseReadIndex(raft: Raft, missedTicks: number): number | undefined {
  const { committed } = raft.log;
  // Until an entry of the own term is committed, the commit index may lag behind what an earlier leader acknowledged.
  return raft.log.term(committed) === raft.term && confirmedByLease(raft, missedTicks) ? committed : undefined;
}

/** A follower promises; see above. */
export function promiseNoVotes(raft: Raft): void {
  if (raft.config.leaderLease) raft.promisedUntilTick = raft.ticks + raft.config.leaseTick;
}

export function isPromised(raft: Raft): boolean {
  return raft.ticks < raft.promisedUntilTick;
}
