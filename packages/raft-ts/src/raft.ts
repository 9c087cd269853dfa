// One node's state, and what holds in every role: terms, votes, the clock, and the transitions between the roles.
// What a role does with messages is in follower.ts, election.ts and leader.ts.

import type { ResolvedConfig } from "./config.js";
import { campaignTransfer, handleVoteRequest, startElection, stepCandidate } from "./election.js";
import { invariant } from "./errors.js";
import { stepFollower } from "./follower.js";
import { advanceApplied, appendOwnEntries, checkQuorum, stepLeader } from "./leader.js";
import { isPromised } from "./lease.js";
import { RaftLog } from "./log.js";
import { restoreMembership } from "./membership.js";
import { newMessage } from "./messages.js";
import { ReadQueue } from "./reads.js";
import { broadcastHeartbeat, payloadSize } from "./replication.js";
import { entriesSize } from "./storage.js";
import { Tracker } from "./tracker.js";
import {
  EntryType,
  MessageType,
  NONE,
  RaftState,
  type HardState,
  type Logger,
  type Message,
  type ReadState,
  type Snapshot,
} from "./types.js";

const noBytes = new Uint8Array(0);

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
    if (hardState.term !== 0 || hardState.vote !== NONE || hardState.commit !== 0) this.loadState(hardState);
    if (config.applied > 0) this.log.appliedTo(config.applied, 0);
    // It may have promised something in its former life.
    if (config.leaderLease && this.term > 0) this.promisedUntilTick = this.ticks + config.electionTick;
    this.becomeFollower(this.term, NONE);
  }

  hardState(): HardState {
    return { term: this.term, vote: this.vote, commit: this.log.committed };
  }

  private loadState(state: HardState): void {
    invariant(
      state.commit >= this.log.committed && state.commit <= this.log.lastIndex(),
      () => `raft: the stored commit ${state.commit} is outside of the log`,
    );
    this.log.committed = state.commit;
    this.term = state.term;
    this.vote = state.vote;
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

  becomeLeader(): void {
    invariant(this.state === RaftState.candidate, "raft: only a candidate can become leader");
    this.reset(this.term);
    this.lead = this.id;
    this.state = RaftState.leader;
    const own = this.tracker.progress.get(this.id)!;
    own.becomeReplicate();
    own.recentActive = true;
    // Conservative: any of the entries that are not committed may be a configuration change.
    this.pendingConfIndex = this.log.lastIndex();
    // An entry of its own term, for only such an entry's commit commits those of earlier terms (Raft paper §5.4.2, §8).
    const accepted = appendOwnEntries(this, [{ term: 0, index: 0, type: EntryType.normal, data: noBytes }], true);
    invariant(accepted, "raft: the empty entry was refused");
    this.logger?.info?.(`${this.id} became leader at term ${this.term}`);
  }

  private reset(term: number): void {
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

  // Time.

  tick(): void {
    this.ticks++;
    if (this.state === RaftState.leader) this.tickLeader();
    else this.tickElection();
  }

  private tickElection(): void {
    this.electionElapsed++;
    if (!this.promotable() || this.electionElapsed < this.randomizedElectionTimeout) return;
    this.electionElapsed = 0;
    this.step(newMessage(MessageType.msgHup, this.id, { from: this.id }));
  }

  private tickLeader(): void {
    this.heartbeatElapsed++;
    this.electionElapsed++;
    if (this.electionElapsed >= this.config.electionTick) {
      this.electionElapsed = 0;
      if (this.config.checkQuorum) checkQuorum(this);
      // The target did not take over in time: go on as leader (Raft thesis §3.10).
      if (this.state === RaftState.leader) this.leadTransferee = NONE;
    }
    if (this.state !== RaftState.leader || this.heartbeatElapsed < this.config.heartbeatTick) return;
    this.heartbeatElapsed = 0;
    broadcastHeartbeat(this);
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
    switch (message.type) {
      case MessageType.msgVote:
      case MessageType.msgVoteResp:
      case MessageType.msgPreVote:
      case MessageType.msgPreVoteResp:
        // The term is not always this node's: a pre-vote is about the next one.
        invariant(message.term !== 0, "raft: a vote message without a term");
        break;
      case MessageType.msgProp:
      case MessageType.msgReadIndex:
        // Forwarded to whoever leads, at whatever term.
        break;
      default:
        message.term = this.term;
    }
    switch (message.type) {
      case MessageType.msgAppResp:
      case MessageType.msgVoteResp:
      case MessageType.msgPreVoteResp:
        // They speak of what is stored, so they wait until it is. Pre-votes and rejections would not have to, but
        // keeping the order costs nothing.
        this.messagesAfterAppend.push(message);
        break;
      default:
        invariant(message.to !== this.id, "raft: a message to oneself");
        this.messages.push(message);
    }
  }

  step(message: Message): void {
    if (message.term !== 0 && message.term !== this.term && !this.settleTerm(message)) return;
    switch (message.type) {
      case MessageType.msgHup:
        startElection(this);
        break;
      case MessageType.msgStorageAppendResp:
        if (message.index !== 0) this.log.stableTo({ term: message.logTerm, index: message.index });
        if (message.snapshot !== undefined) this.snapshotStored(message.snapshot);
        break;
      case MessageType.msgStorageApplyResp: {
        const { entries } = message;
        if (entries.length === 0) break;
        advanceApplied(this, entries.at(-1)!.index, entriesSize(entries));
        this.uncommittedSize = Math.max(0, this.uncommittedSize - payloadSize(entries));
        break;
      }
      case MessageType.msgVote:
      case MessageType.msgPreVote:
        if (!this.votesBarredFor(message)) handleVoteRequest(this, message);
        break;
      default:
        if (this.state === RaftState.leader) stepLeader(this, message);
        else if (this.state === RaftState.follower) stepFollower(this, message);
        else stepCandidate(this, message);
    }
  }

  /** Handles a term that is not ours. False if that is all there is to the message. */
  private settleTerm(message: Message): boolean {
    if (message.term < this.term) {
      this.answerOldTerm(message);
      return false;
    }
    const { type } = message;
    if (type === MessageType.msgVote || type === MessageType.msgPreVote) {
      const follows = this.lead !== NONE && this.electionElapsed < this.config.electionTick;
      const forced = message.context === campaignTransfer;
      if (this.votesBarredFor(message) || (this.config.checkQuorum && follows && !forced)) {
        // Who hears from a leader does not let others disturb it, a removed node least of all (Raft thesis §4.2.3).
        this.logger?.info?.(
          `${this.id} at term ${this.term} ignored a vote request from ${message.from}: leader lease`,
        );
        return false;
      }
    }
    // A pre-vote is about a term that nobody has entered yet, and so is its grant.
    if (type === MessageType.msgPreVote) return true;
    if (type === MessageType.msgPreVoteResp && !message.reject) return true;
    const fromLeader = type === MessageType.msgApp || type === MessageType.msgHeartbeat || type === MessageType.msgSnap;
    this.logger?.info?.(`${this.id} [term: ${this.term}] received a message with term ${message.term}`);
    this.becomeFollower(message.term, fromLeader ? message.from : NONE);
    return true;
  }

  private votesBarredFor(message: Message): boolean {
    return isPromised(this) && message.context !== campaignTransfer;
  }

  private answerOldTerm(message: Message): void {
    const { type } = message;
    const { checkQuorum, preVote } = this.config;
    if ((checkQuorum || preVote) && (type === MessageType.msgHeartbeat || type === MessageType.msgApp)) {
      // A leader of an old term, which we cannot rejoin, for our term is higher; and our requests for votes are ignored or
      // lost, so that it would never hear of the term. An answer makes it step down, and all can elect anew.
      this.send(newMessage(MessageType.msgAppResp, message.from));
    } else if (type === MessageType.msgPreVote) {
      // Silence could leave a candidate of an old term asking for ever; the rejection tells it the term.
      this.send(newMessage(MessageType.msgPreVoteResp, message.from, { term: this.term, reject: true }));
    } else if (type === MessageType.msgStorageAppendResp) {
      // The entries may have been replaced since by others, and those must still be stored; so that acknowledgement is
      // void. A snapshot holds only committed state, whatever the term.
      if (message.snapshot !== undefined) this.snapshotStored(message.snapshot);
    }
  }

  private snapshotStored(snapshot: Snapshot): void {
    const { index } = snapshot.metadata;
    this.log.unstable.stableSnapshotTo(index);
    advanceApplied(this, Math.max(index, this.log.applied), 0);
  }
}
