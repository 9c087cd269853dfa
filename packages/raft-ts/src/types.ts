// The vocabulary of the library: what is stored, what is sent, and what a driver is told.
//
// Node ids, terms and indexes are plain numbers. They must be safe integers: a cluster that appends a million entries a
// second reaches 2^53 in 285 years.

/** The id of nobody: no leader known, no vote cast. No node may have it. */
export const NONE = 0;

/** The target of storage messages which carry writes to the log, see Config.asyncStorageWrites. */
export const LOCAL_APPEND_THREAD = Number.MAX_SAFE_INTEGER;

/** The target of storage messages which carry committed entries to the state machine, see Config.asyncStorageWrites. */
export const LOCAL_APPLY_THREAD = Number.MAX_SAFE_INTEGER - 1;

export const EntryType = { normal: 0, confChange: 1, confChangeV2: 2 } as const;
export type EntryType = (typeof EntryType)[keyof typeof EntryType];

/**
 * One position of the log. Once (term, index) exists it never changes its content (Log Matching, Raft paper §5.3), which
 * is why entries are shared between the log, messages and Ready without copying. Nobody may modify one.
 */
export interface Entry {
  readonly term: number;
  readonly index: number;
  readonly type: EntryType;
  /** Empty for the entry with which a new leader opens its term: a state machine must accept and ignore it. */
  readonly data: Uint8Array;
}

/** Names one entry: what a driver remembers of a proposal that waits for its commit. */
export interface EntryId {
  readonly term: number;
  readonly index: number;
}

/** What must survive a crash besides the log itself (Raft paper, figure 2: "persistent state"; commit is a convenience). */
export interface HardState {
  readonly term: number;
  /** Who got this node's vote in `term`, or NONE. Losing it allows two leaders in one term. */
  readonly vote: number;
  readonly commit: number;
}

export const RaftState = {
  follower: "follower",
  candidate: "candidate",
  preCandidate: "preCandidate",
  leader: "leader",
} as const;
export type RaftState = (typeof RaftState)[keyof typeof RaftState];

/** State that is lost on restart, and may be. */
export interface SoftState {
  /** The leader that this node follows, or NONE. */
  readonly lead: number;
  readonly raftState: RaftState;
}

/** A membership as a snapshot carries it. All lists are sorted. */
export interface ConfState {
  readonly voters: readonly number[];
  readonly learners: readonly number[];
  /** The old half of a joint configuration; empty when the configuration is not joint. */
  readonly votersOutgoing: readonly number[];
  /** Voters of the outgoing half which become learners when the joint configuration is left. */
  readonly learnersNext: readonly number[];
  /** Whether the leader leaves the joint configuration by itself. */
  readonly autoLeave: boolean;
}

export interface SnapshotMetadata {
  readonly confState: ConfState;
  /** The last entry that the snapshot covers. */
  readonly index: number;
  readonly term: number;
}

export interface Snapshot {
  /** Opaque: the state itself, or whatever a driver needs to fetch it. */
  readonly data: Uint8Array;
  readonly metadata: SnapshotMetadata;
}

export const MessageType = {
  // Local: a node to itself.
  msgHup: 0,
  msgBeat: 1,
  msgProp: 2,
  msgApp: 3,
  msgAppResp: 4,
  msgVote: 5,
  msgVoteResp: 6,
  msgSnap: 7,
  msgHeartbeat: 8,
  msgHeartbeatResp: 9,
  msgUnreachable: 10,
  msgSnapStatus: 11,
  msgCheckQuorum: 12,
  msgTransferLeader: 13,
  msgTimeoutNow: 14,
  msgReadIndex: 15,
  msgReadIndexResp: 16,
  msgPreVote: 17,
  msgPreVoteResp: 18,
  msgStorageAppend: 19,
  msgStorageAppendResp: 20,
  msgStorageApply: 21,
  msgStorageApplyResp: 22,
  msgForgetLeader: 23,
} as const;
export type MessageType = (typeof MessageType)[keyof typeof MessageType];

/**
 * What nodes say to each other. One shape for all types: a field which a type does not use is 0, false or empty, so
 * that every message has the same hidden class. `newMessage` fills what is left out; a transport may send only the
 * fields that differ from those defaults.
 */
export interface Message {
  type: MessageType;
  to: number;
  from: number;
  /** 0 only for messages that belong to no term: proposals, read requests, and everything local. */
  term: number;
  /** msgApp: the term of the entry at `index`. msgVote: of the last entry. A rejection: the term at `rejectHint`. */
  logTerm: number;
  /** msgApp: the entry before `entries`. msgAppResp: the last entry accepted, or the one rejected. */
  index: number;
  entries: readonly Entry[];
  commit: number;
  /** Only in msgStorageAppend, where term, vote and commit together are the hard state (or all of them 0). */
  vote: number;
  reject: boolean;
  /** In a rejecting msgAppResp: the last index at which the follower's log may agree with the leader's. */
  rejectHint: number;
  /**
   * msgHeartbeat: the sender's tick count, echoed by the response: it dates the follower's promise not to vote for
   * another, on which the leader's lease rests. 0 where unused.
   */
  leaseTick: number;
  /** msgReadIndex, msgHeartbeat and their responses: which read. msgVote: why. Must come back unchanged. */
  context: string | undefined;
  snapshot: Snapshot | undefined;
  /** In a rejected vote: the last entry that the rejecting node knows to be committed, see election.ts. */
  committed: EntryId | undefined;
  /** Storage messages only: what to deliver once the work is done (to this node: step(), to others: the network). */
  responses: Message[] | undefined;
}

/** What a role does, by type; a message of any other type is ignored. */
export type MessageHandlers<Node> = { readonly [Type in MessageType]?: (node: Node, message: Message) => void };

/** Answers a readIndex(context): once `index` is applied, the read is linearizable. */
export interface ReadState {
  readonly index: number;
  readonly context: string;
}

/**
 * What a driver has to do now. The orders below are what the proofs rest on: break one and acknowledged writes get lost.
 *
 * Without asyncStorageWrites, for each Ready, in this order: (1) persist `snapshot`, `hardState` and `entries`, in one
 * batch or in this order, synced if `mustSync` is set or there is a snapshot; (2) send `messages`; (3) apply
 * `committedEntries`; (4) call advance(). The next ready() is refused before that.
 *
 * With asyncStorageWrites: send `messages` at once, handing those for LOCAL_APPEND_THREAD and LOCAL_APPLY_THREAD to two
 * queues that work in order; advance() is not used.
 */
export interface Ready {
  /** Set if it changed. Volatile: nothing to store. */
  readonly softState: SoftState | undefined;
  /**
   * Set if it changed. Persist before sending `messages`: they may carry a vote, and a vote that is forgotten by a crash
   * can be given twice. A change of `commit` alone needs no sync.
   */
  readonly hardState: HardState | undefined;
  /** Reads whose index is settled. Answer each once its index is applied; order with other fields does not matter. */
  readonly readStates: readonly ReadState[];
  /**
   * Persist before sending `messages`, which acknowledge them. They start at or before the end of the stored log and
   * replace everything there from their first index on.
   */
  readonly entries: readonly Entry[];
  /**
   * Persist, durably, before `entries` are appended and `messages` are sent. It replaces the log up to its index and
   * the whole state machine. Always synced, whatever `mustSync` says.
   */
  readonly snapshot: Snapshot | undefined;
  /**
   * Apply to the state machine, in order, each once. Persist `entries` first (these may be among them). For a
   * configuration change decode it and call applyConfChange() before advance(), even if it is refused by
   * the application: then with a change that changes nothing.
   */
  readonly committedEntries: readonly Entry[];
  /**
   * Send after `hardState`, `entries` and `snapshot` are stored. Loss, duplication and reordering are safe. Report a
   * msgSnap's fate by reportSnapshot(), and an unreachable peer by reportUnreachable().
   */
  readonly messages: readonly Message[];
  /** Whether `hardState` and `entries` must be on disk (fsync) before `messages` are sent. */
  readonly mustSync: boolean;
}

/** A sink for explanations. Nothing of the algorithm depends on it; messages are built only if the method is there. */
export interface Logger {
  debug?(message: string): void;
  info?(message: string): void;
  warn?(message: string): void;
  error?(message: string): void;
}
