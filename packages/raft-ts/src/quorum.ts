// Majorities, and joint majorities (Raft paper §6): a decision in a joint configuration needs a majority of both halves.
// A half is a sorted list of ids; an empty half agrees to everything, so a plain configuration is a joint one whose
// outgoing half is empty.

import { invariant } from "./errors.js";

export type Voters = readonly number[];

export interface JointVoters {
  readonly incoming: Voters;
  readonly outgoing: Voters;
}

export const VoteResult = { pending: "pending", lost: "lost", won: "won" } as const;
export type VoteResult = (typeof VoteResult)[keyof typeof VoteResult];

// Reused between calls: the committed index is computed for every acknowledgement. Nothing here is re-entrant.
const scratch: number[] = [];

/** The largest index that a majority has acknowledged. `acknowledged` gives 0 for voters that said nothing yet. */
export function majorityCommittedIndex(voters: Voters, acknowledged: (id: number) => number): number {
  const count = voters.length;
  if (count === 0) return Infinity;
  // Insertion sort, ascending: there are rarely more than seven voters.
  for (let i = 0; i < count; i++) {
    const index = acknowledged(voters[i]!);
    let at = i;
    while (at > 0 && scratch[at - 1]! > index) {
      scratch[at] = scratch[at - 1]!;
      at--;
    }
    scratch[at] = index;
  }
  // A majority is count/2 + 1 voters: that many have acknowledged the entry that many places from the top.
  return scratch[count - (Math.floor(count / 2) + 1)]!;
}

export function jointCommittedIndex(voters: JointVoters, acknowledged: (id: number) => number): number {
  const incoming = majorityCommittedIndex(voters.incoming, acknowledged);
  if (voters.outgoing.length === 0) return incoming;
  return Math.min(incoming, majorityCommittedIndex(voters.outgoing, acknowledged));
}

/** The state of a vote. Who is not in `votes` has not answered; who is not among the voters does not count. */
export function majorityVoteResult(voters: Voters, votes: ReadonlyMap<number, boolean>): VoteResult {
  if (voters.length === 0) return VoteResult.won;
  let granted = 0;
  let missing = 0;
  for (const id of voters) {
    const vote = votes.get(id);
    if (vote === undefined) missing++;
    else if (vote) granted++;
  }
  const majority = Math.floor(voters.length / 2) + 1;
  if (granted >= majority) return VoteResult.won;
  return granted + missing >= majority ? VoteResult.pending : VoteResult.lost;
}

export function jointVoteResult(voters: JointVoters, votes: ReadonlyMap<number, boolean>): VoteResult {
  const incoming = majorityVoteResult(voters.incoming, votes);
  const outgoing = majorityVoteResult(voters.outgoing, votes);
  if (incoming === outgoing) return incoming;
  if (incoming === VoteResult.lost || outgoing === VoteResult.lost) return VoteResult.lost;
  return VoteResult.pending;
}

/** The union of some sorted id lists, sorted. */
export function unionOfIds(...lists: readonly Voters[]): number[] {
  return sortedIds(new Set(lists.flat()));
}

export function sortedIds(ids: Iterable<number>): number[] {
  const sorted = [...ids].sort((a, b) => a - b);
  invariant(
    sorted.every((id) => Number.isSafeInteger(id) && id > 0),
    "raft: a node id must be a positive safe integer",
  );
  return sorted;
}
