import { Inflights } from "./inflights.js";
import { Progress } from "./progress.js";
import { jointCommittedIndex, jointVoteResult, unionOfIds, VoteResult, type JointVoters } from "./quorum.js";
import type { ConfState } from "./types.js";

/** A membership with the voters' two halves. All lists are sorted. */
export interface TrackerConfig {
  readonly voters: JointVoters;
  readonly learners: readonly number[];
  /** Members of the outgoing half that become learners on leaving it: until then they still vote there. */
  readonly learnersNext: readonly number[];
  readonly autoLeave: boolean;
}

export const emptyTrackerConfig: TrackerConfig = {
  voters: { incoming: [], outgoing: [] },
  learners: [],
  learnersNext: [],
  autoLeave: false,
};

export function confStateOf(config: TrackerConfig): ConfState {
  return {
    voters: config.voters.incoming,
    learners: config.learners,
    votersOutgoing: config.voters.outgoing,
    learnersNext: config.learnersNext,
    autoLeave: config.autoLeave,
  };
}

export type ProgressMap = ReadonlyMap<number, Progress>;

/** The membership with each node's progress, and the votes of an election. */
export class Tracker {
  config: TrackerConfig = emptyTrackerConfig;
  progress: ProgressMap = new Map();
  /** The members, learners included, in ascending order: whatever is done for all is done in this order. */
  ids: readonly number[] = [];
  /** The voters of both halves, in ascending order. */
  voterIds: readonly number[] = [];
  private readonly maxInflightMsgs: number;
  private readonly maxInflightBytes: number;
  private readonly votes = new Map<number, boolean>();
  // Bound once, for they are used for every acknowledgement.
  private readonly matchOf = (id: number): number => this.progress.get(id)?.match ?? 0;

  constructor(maxInflightMsgs: number, maxInflightBytes: number) {
    this.maxInflightMsgs = maxInflightMsgs;
    this.maxInflightBytes = maxInflightBytes;
  }

  newProgress(next: number, isLearner: boolean): Progress {
    // A new node counts as active, lest a leader step down for not having heard from a node that it just added.
    return new Progress(next, isLearner, new Inflights(this.maxInflightMsgs, this.maxInflightBytes), true);
  }

  switchTo(config: TrackerConfig, progress: ProgressMap): void {
    this.config = config;
    this.progress = progress;
    this.ids = unionOfIds([...progress.keys()]);
    this.voterIds = unionOfIds(config.voters.incoming, config.voters.outgoing);
  }

  /** Whether this node's word alone decides. */
  isSingletonOf(id: number): boolean {
    const { incoming, outgoing } = this.config.voters;
    return incoming.length === 1 && outgoing.length === 0 && incoming[0] === id;
  }

  /** The highest index that is stored by a quorum. */
  committed(): number {
    return jointCommittedIndex(this.config.voters, this.matchOf);
  }

  quorumActive(): boolean {
    const active = new Map<number, boolean>();
    for (const id of this.voterIds) active.set(id, this.progress.get(id)!.recentActive);
    return jointVoteResult(this.config.voters, active) === VoteResult.won;
  }

  resetVotes(): void {
    this.votes.clear();
  }

  /** The first answer counts: a duplicate cannot change it. */
  recordVote(id: number, granted: boolean): void {
    if (!this.votes.has(id)) this.votes.set(id, granted);
  }

  tallyVotes(): { granted: number; rejected: number; result: VoteResult } {
    let granted = 0;
    let rejected = 0;
    for (const id of this.voterIds) {
      const vote = this.votes.get(id);
      if (vote === true) granted++;
      else if (vote === false) rejected++;
    }
    return { granted, rejected, result: jointVoteResult(this.config.voters, this.votes) };
  }
}
