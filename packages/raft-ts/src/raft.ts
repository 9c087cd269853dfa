// One node's state, and the transitions between its roles. What the roles do with messages is in follower.ts,
// election.ts and leader.ts; step.ts is where a message, or a tick, comes in.

import type { ResolvedConfig } from "./config.js";
import { invariant } from "./errors.js";
import { RaftLog } from "./log.js";
import { restoreMembership } from "./membership.js";
import { messageTraits } from "./messages.js";
import { ReadQueue } from "./read-queue.js";
import { Tracker } from "./tracker.js";
import { NONE, RaftState, type HardState, type Logger, type Message, type ReadState } from "./types.js";

export class Raft {
  readonly config: ResolvedConfig;
  readonly id: number;
  readonly log: RaftLog;
  readonly tracker: Tracker;
  readonly logger: Logger | undefined;

  term = 0;
  vote: number = NONE;
  state: RaftState = RaftState.follower;
  lead: number = NONE;

  /** To be sent at once; with synchronous storage, together with the others. */
  messages: Message[] = [];
  /** Promises about stored state (votes, acknowledgements): to be sent after it is stored. Also those to this node. */
  messagesAfterAppend: Message[] = [];
  readStates: ReadState[] = [];
  readonly reads = new ReadQueue();
  /** Reads that came before the leader's first commit of its term. */
  postponedReads: Message[] = [];

  /** Whom leadership is being handed to. No proposals are taken meanwhile, so that the target can catch up. */
  leadTransferee: number = NONE;
  /**
   * As leader: no configuration change may be appended before this index is applied, so at most one is ever in flight.
   * It may be higher than the last change's index: a new leader does not search its log for one.
   */
  pendingConfIndex = 0;
  /** As leader: the data of its entries which are not applied yet. */
  uncommittedSize = 0;

  /** All ticks since the start: the clock of leases. Starts at 1, for 0 means "no heartbeat" in messages. */
  ticks = 1;
  /** No votes before this tick; see lease.ts. */
  promisedUntilTick = 0;
  /** As leader: another node may hold an order to take over. */
  leaseForfeited = false;
  electionElapsed = 0;
  heartbeatElapsed = 0;
  randomizedElectionTimeout = 0;

  constructor(config: ResolvedConfig) {
    this.config = config;
    this.id = config.id;
    this.logger = config.logger;
    this.log = new RaftLog(config.storage, config.maxCommittedSizePerReady, config.logger);
    this.tracker = new Tracker(config.maxInflightMsgs, config.maxInflightBytes);
    const { hardState, confState } = config.storage.initialState();
    const { config: members, progress } = restoreMembership(this.tracker, this.log.lastIndex(), confState);
    this.tracker.switchTo(members, progress);
    this.loadState(hardState, config.applied);
    // It may have promised something in its former life.
    if (config.leaderLease && this.term > 0) this.promisedUntilTick = this.ticks + config.leaseTick;
    this.becomeFollower(this.term, NONE);
  }

  hardState(): HardState {
    return { term: this.term, vote: this.vote, commit: this.log.committed };
  }

  private loadState(state: HardState, applied: number): void {
    const lastIndex = this.log.lastIndex();
    invariant(state.commit <= lastIndex, () => `raft: the stored commit ${state.commit} is beyond the log`);
    invariant(applied <= lastIndex, () => `raft: the applied index ${applied} is beyond the log`);
    // The stored commit index may be older than the snapshot or the applied state: it need not be synced. What was
    // applied is committed.
    this.log.commitTo(Math.max(state.commit, applied));
    this.term = state.term;
    this.vote = state.vote;
    if (applied > this.log.applied) this.log.appliedTo(applied, 0);
  }

  // Transitions (Raft paper, figure 4).

  becomeFollower(term: number, lead: number): void {
    this.reset(term);
    this.lead = lead;
    this.state = RaftState.follower;
    this.logger?.info?.(`${this.id} became follower at term ${term}`);
  }

  becomeCandidate(): void {
    invariant(this.state !== RaftState.leader, "raft: a leader cannot become a candidate");
    this.reset(this.term + 1);
    this.vote = this.id;
    this.state = RaftState.candidate;
    this.logger?.info?.(`${this.id} became candidate at term ${this.term}`);
  }

  /** Changes neither term nor vote: that is the point of a pre-election (Raft thesis §9.6). */
  becomePreCandidate(): void {
    invariant(this.state !== RaftState.leader, "raft: a leader cannot become a pre-candidate");
    this.tracker.resetVotes();
    this.lead = NONE;
    this.state = RaftState.preCandidate;
    this.logger?.info?.(`${this.id} became pre-candidate at term ${this.term}`);
  }

  /** Begins a term, or a role in it, with everything unknown. */
  reset(term: number): void {
    if (this.term !== term) {
      invariant(term > this.term && Number.isSafeInteger(term), "raft: a term must not decrease");
      this.term = term;
      this.vote = NONE;
    }
    this.lead = NONE;
    this.electionElapsed = 0;
    this.heartbeatElapsed = 0;
    this.resetRandomizedElectionTimeout();
    this.leadTransferee = NONE;
    this.leaseForfeited = false;
    this.tracker.resetVotes();
    const lastIndex = this.log.lastIndex();
    for (const [id, progress] of this.tracker.progress) progress.reset(id === this.id ? lastIndex : 0, lastIndex + 1);
    this.pendingConfIndex = 0;
    this.uncommittedSize = 0;
    this.reads.clear();
    this.postponedReads = [];
  }

  private resetRandomizedElectionTimeout(): void {
    const { electionTick, random } = this.config;
    this.randomizedElectionTimeout = electionTick + Math.floor(random() * electionTick);
  }

  /** Whether this node may become leader: a voter, whose log is not about to be replaced. */
  promotable(): boolean {
    const own = this.tracker.progress.get(this.id);
    return own !== undefined && !own.isLearner && this.log.unstable.snapshot === undefined;
  }

  // Messages.

  send(message: Message): void {
    if (message.from === NONE) message.from = this.id;
    const { ownTerm, termless, afterAppend } = messageTraits(message.type);
    if (ownTerm === true) invariant(message.term !== 0, "raft: a vote message without a term");
    else if (termless !== true) message.term = this.term;
    if (afterAppend === true) {
      this.messagesAfterAppend.push(message);
    } else {
      invariant(message.to !== this.id, "raft: a message to oneself");
      this.messages.push(message);
    }
  }
}
