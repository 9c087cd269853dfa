import { confChangeEntryType, encodeConfChange, type ConfChange } from "./conf-change.js";
import { resolveConfig, type Config } from "./config.js";
import { invariant, RaftError } from "./errors.js";
import { leaseReadIndex, mayReadApplied } from "./lease.js";
import { emptyHardState } from "./memory-storage.js";
import { isLocalMessage, isLocalTarget, isResponseMessage, newMessage } from "./messages.js";
import { propose } from "./proposals.js";
import { Raft } from "./raft.js";
import { applyConfChange } from "./reconfiguration.js";
import { ReadyCursor } from "./ready.js";
import type { ProgressStatus, Status } from "./status.js";
import { step, tick } from "./step.js";
import { confStateOf } from "./tracker.js";
import {
  EntryType,
  MessageType,
  NONE,
  RaftState,
  type ConfState,
  type Entry,
  type EntryId,
  type Message,
  type Ready,
} from "./types.js";

/** A member of a new cluster, for bootstrap(). */
export interface Peer {
  readonly id: number;
  /** Opaque: goes into the context of the configuration change that adds it. */
  readonly context?: Uint8Array;
}

/**
 * One node. A driver calls its methods from one thread, and after calling any of them asks hasReady(). None of them may
 * be called between the Ready's creation and its being taken in hand, that is: ready() is both.
 */
export class RawNode {
  /** @internal For tests; everything in it may change without notice. */
  readonly raft: Raft;
  private readonly cursor: ReadyCursor;

  constructor(config: Config) {
    this.raft = new Raft(resolveConfig(config));
    this.cursor = new ReadyCursor(this.raft);
  }

  /** Advances the clock by one tick: the driver's to call, in equal intervals of a monotonic clock. */
  tick(): void {
    tick(this.raft);
  }

  /** Starts an election now, if this node may win one. */
  campaign(): void {
    step(this.raft, newMessage(MessageType.msgHup, this.raft.id, { from: this.raft.id }));
  }

  /**
   * Proposes one normal entry. Throws RaftError `proposalDropped` where it is known to be in vain. On the leader it
   * returns where the entry stands in the log: the proposal is committed when the committed entry at that index has
   * that term, and lost when it has another. On a follower, which forwards the proposal, it returns undefined.
   */
  propose(data: Uint8Array): EntryId | undefined {
    return this.proposeEntries([{ term: 0, index: 0, type: EntryType.normal, data }]);
  }

  /**
   * Proposes many normal entries at once, which costs one message per follower instead of many. Returns the id of the
   * first; the others follow it. Either all are dropped or none is.
   */
  proposeBatch(batch: readonly Uint8Array[]): EntryId | undefined {
    if (batch.length === 0) throw new RaftError("proposalDropped", "raft: a batch without proposals");
    const entries: Entry[] = [];
    for (const data of batch) entries.push({ term: 0, index: 0, type: EntryType.normal, data });
    return this.proposeEntries(entries);
  }

  /** Like propose(). A change which may not be made now is replaced by an empty normal entry at the same index. */
  proposeConfChange(change: ConfChange): EntryId | undefined {
    return this.proposeEntries([
      { term: 0, index: 0, type: confChangeEntryType(change), data: encodeConfChange(change) },
    ]);
  }

  private proposeEntries(entries: readonly Entry[]): EntryId | undefined {
    const { raft } = this;
    if (raft.state !== RaftState.leader) {
      step(raft, newMessage(MessageType.msgProp, raft.id, { from: raft.id, entries }));
      return undefined;
    }
    const first = { term: raft.term, index: raft.log.lastIndex() + 1 };
    propose(raft, entries, true);
    return first;
  }

  /**
   * To be called for each committed configuration change. Returns the configuration that results: it belongs into the
   * next snapshot, and must be what Storage.initialState() returns after a restart with this entry applied.
   * Throws RaftError `invalidConfChange`, with nothing changed, for one that is impossible; see
   * disableConfChangeValidation.
   */
  applyConfChange(change: ConfChange): ConfState {
    return applyConfChange(this.raft, change);
  }

  /**
   * Handles a message from the network, or the answer of a local storage thread. Throws a RaftError for one that is
   * refused (`stepPeerNotFound`, `proposalDropped`, ...): a driver may log it and go on.
   */
  step(message: Message): void {
    const local = isLocalTarget(message.from);
    if (isLocalMessage(message.type) && !local) throw new RaftError("stepLocalMessage");
    if (isResponseMessage(message.type) && !local && !this.raft.tracker.progress.has(message.from)) {
      throw new RaftError("stepPeerNotFound");
    }
    step(this.raft, message);
  }

  hasReady(): boolean {
    return this.cursor.hasReady();
  }

  /** Everything that waits to be done; see Ready. To be finished by advance(), unless asyncStorageWrites is set. */
  ready(): Ready {
    return this.cursor.take();
  }

  /** The last Ready is done with: all is stored, sent and applied. */
  advance(): void {
    invariant(!this.raft.config.asyncStorageWrites, "raft: advance() must not be called with asyncStorageWrites");
    this.cursor.advance();
  }

  /**
   * Asks for a linearizable read; the answer is in Ready.readStates, once the leader is confirmed. It may get lost, with
   * a message or a leader: then ask again. The context must be unique among all reads of the cluster, for instance the
   * node's id with a counter. One request can serve all reads that wait at that time.
   */
  readIndex(context: string): void {
    step(this.raft, newMessage(MessageType.msgReadIndex, this.raft.id, { from: this.raft.id, context }));
  }

  /**
   * Whether a linearizable read of the applied state may be answered now, without any message: this node leads, has
   * applied an entry of its term, and holds the lease (Config.leaderLease). It must be asked for each answer, and writes
   * must be acknowledged only by the node which led when they were proposed, after it applied them; if followers
   * acknowledge what they forwarded, use leaseReadIndex().
   * `missedTicks` are those which by the clock are due, but not yet given by tick(): without them a process that was
   * paused would answer from a lease that ran out. lease.ts tells what is demanded of clocks.
   */
  hasLease(missedTicks = 0): boolean {
    return mayReadApplied(this.raft, missedTicks);
  }

  /** Like hasLease(): a read is linearizable once this index is applied. Undefined if the lease does not hold. */
  leaseReadIndex(missedTicks = 0): number | undefined {
    return leaseReadIndex(this.raft, missedTicks);
  }

  /** Hands leadership to a voter. If that takes longer than an election timeout it is given up. */
  transferLeader(id: number): void {
    // The message is from the node that is to lead: that is how the leader would hear of it.
    step(this.raft, newMessage(MessageType.msgTransferLeader, this.raft.id, { from: id }));
  }

  /**
   * Makes a follower forget its leader, which a driver knows to be gone: it may then vote without waiting for its
   * election timeout. Ignored while the promise of leaderLease lasts, and with a lease-based readOnlyOption.
   */
  forgetLeader(): void {
    step(this.raft, newMessage(MessageType.msgForgetLeader, this.raft.id, { from: this.raft.id }));
  }

  /** The last message to this node was probably lost. Without that the leader would go on sending ahead. */
  reportUnreachable(id: number): void {
    step(this.raft, newMessage(MessageType.msgUnreachable, this.raft.id, { from: id }));
  }

  /**
   * What became of a msgSnap. Must be reported: until then, or until the follower acknowledges the snapshot, nothing
   * is sent to it.
   */
  reportSnapshot(id: number, ok: boolean): void {
    step(this.raft, newMessage(MessageType.msgSnapStatus, this.raft.id, { from: id, reject: !ok }));
  }

  status(): Status {
    const { raft } = this;
    const { voters, votersOutgoing, learners, learnersNext, autoLeave } = confStateOf(raft.tracker.config);
    const progress = new Map<number, ProgressStatus>();
    if (raft.state === RaftState.leader) {
      for (const id of raft.tracker.ids) progress.set(id, raft.tracker.progress.get(id)!.status());
    }
    return {
      id: raft.id,
      term: raft.term,
      vote: raft.vote,
      commit: raft.log.committed,
      applied: raft.log.applied,
      firstIndex: raft.log.firstIndex(),
      lastIndex: raft.log.lastIndex(),
      lead: raft.lead,
      raftState: raft.state,
      leadTransferee: raft.leadTransferee,
      hasLease: mayReadApplied(raft, 0),
      config: { voters, votersOutgoing, learners, learnersNext, autoLeave },
      progress,
    };
  }

  /**
   * Starts a new cluster, on a node with empty storage: as if the members had been added by the first entries of term
   * 1. Must be given the same members, in the same order, on all of them.
   */
  bootstrap(peers: readonly Peer[]): void {
    const { raft } = this;
    if (peers.length === 0) throw new RaftError("invalidConfig", "raft: must provide at least one peer to bootstrap");
    if (raft.log.lastIndex() !== 0) throw new RaftError("invalidConfig", "raft: can't bootstrap a nonempty storage");
    this.cursor.previousHardState = emptyHardState;
    raft.becomeFollower(1, NONE);
    const entries = peers.map((peer, i): Entry => {
      const context = peer.context === undefined ? {} : { context: peer.context };
      const data = encodeConfChange({ version: 1, type: 0, nodeId: peer.id, ...context });
      return { term: 1, index: i + 1, type: EntryType.confChange, data };
    });
    raft.log.append(entries);
    // Committed by decree. They are handed out to be applied, too, by which nothing changes; but this node can campaign
    // before that.
    raft.log.commitTo(entries.length);
    for (const peer of peers) this.applyConfChange({ version: 1, type: 0, nodeId: peer.id });
  }
}
