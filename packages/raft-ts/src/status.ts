import type { RaftState } from "./types.js";

export const ProgressState = { probe: "probe", replicate: "replicate", snapshot: "snapshot" } as const;
export type ProgressState = (typeof ProgressState)[keyof typeof ProgressState];

/** What the leader knows of one node. */
export interface ProgressStatus {
  readonly state: ProgressState;
  /** The highest index known to be stored there. */
  readonly match: number;
  /** The next index to send. */
  readonly next: number;
  readonly isLearner: boolean;
  /** Heard from in the current check-quorum window. */
  readonly recentActive: boolean;
  /** Nothing is sent until an answer comes. */
  readonly paused: boolean;
  /** The index of the snapshot that is under way, or 0. */
  readonly pendingSnapshot: number;
  readonly inflightCount: number;
  readonly inflightFull: boolean;
}

export interface ConfigStatus {
  readonly voters: readonly number[];
  readonly votersOutgoing: readonly number[];
  readonly learners: readonly number[];
  readonly learnersNext: readonly number[];
  readonly autoLeave: boolean;
}

/** A copy of a node's state, for people and for tests. */
export interface Status {
  readonly id: number;
  readonly term: number;
  readonly vote: number;
  readonly commit: number;
  readonly applied: number;
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly lead: number;
  readonly raftState: RaftState;
  /** Whom leadership is being handed to, or NONE. */
  readonly leadTransferee: number;
  readonly hasLease: boolean;
  readonly config: ConfigStatus;
  /** Empty unless leader. In ascending order of ids. */
  readonly progress: ReadonlyMap<number, ProgressStatus>;
}
