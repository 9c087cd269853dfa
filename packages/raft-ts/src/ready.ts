// What has to be done next, assembled from the state, and its acknowledgement.

import { invariant } from "./errors.js";
import { newMessage } from "./messages.js";
import type { Raft } from "./raft.js";
import { step } from "./step.js";
import { entriesSize } from "./storage.js";
import {
  LOCAL_APPEND_THREAD,
  LOCAL_APPLY_THREAD,
  MessageType,
  type Entry,
  type HardState,
  type Message,
  type ReadState,
  type Ready,
  type SoftState,
} from "./types.js";

const noReadStates: readonly ReadState[] = Object.freeze([]);

/** Knows what the driver has been told, and so what is news. */
export class ReadyCursor {
  previousHardState: HardState;
  private previousSoftState: SoftState;
  private readonly raft: Raft;
  private readonly async: boolean;
  /** With synchronous storage: what the storage threads would answer, to be handled by advance(). */
  private onAdvance: Message[] = [];
  private outstanding = false;

  constructor(raft: Raft) {
    this.raft = raft;
    this.async = raft.config.asyncStorageWrites;
    this.previousHardState = raft.hardState();
    this.previousSoftState = { lead: raft.lead, raftState: raft.state };
  }

  hasReady(): boolean {
    const { raft } = this;
    return (
      raft.messages.length > 0 ||
      raft.messagesAfterAppend.length > 0 ||
      raft.log.unstable.hasNextEntries() ||
      this.softStateChanged() ||
      this.hardStateChanged() ||
      raft.log.unstable.nextSnapshot() !== undefined ||
      raft.log.hasNextCommittedEntries(!this.async) ||
      raft.readStates.length > 0
    );
  }

  take(): Ready {
    invariant(!this.outstanding, "raft: ready() before advance()");
    const { raft } = this;
    const hardState = this.hardStateChanged() ? raft.hardState() : undefined;
    const entries = raft.log.unstable.nextEntries();
    const ready: Ready = {
      softState: this.softStateChanged() ? { lead: raft.lead, raftState: raft.state } : undefined,
      hardState,
      readStates: raft.readStates.length > 0 ? raft.readStates : noReadStates,
      entries,
      snapshot: raft.log.unstable.nextSnapshot(),
      committedEntries: raft.log.nextCommittedEntries(!this.async),
      messages: [],
      mustSync:
        entries.length > 0 || raft.term !== this.previousHardState.term || raft.vote !== this.previousHardState.vote,
    };
    const result = { ...ready, messages: this.async ? this.messagesAsync(ready) : this.messagesSync(ready) };
    this.accept(result);
    return result;
  }

  /** The storage has everything: handle the answers. */
  advance(): void {
    invariant(this.outstanding, "raft: advance() without a ready()");
    this.outstanding = false;
    const steps = this.onAdvance;
    this.onAdvance = [];
    for (const message of steps) step(this.raft, message);
  }

  private softStateChanged(): boolean {
    return this.raft.lead !== this.previousSoftState.lead || this.raft.state !== this.previousSoftState.raftState;
  }

  private hardStateChanged(): boolean {
    const { term, vote, commit } = this.previousHardState;
    return this.raft.term !== term || this.raft.vote !== vote || this.raft.log.committed !== commit;
  }

  /** The driver stores before it sends, so what waits for the storage may be sent along. */
  private messagesSync(ready: Ready): Message[] {
    const { raft } = this;
    const messages = raft.messages;
    for (const message of raft.messagesAfterAppend) {
      if (message.to === raft.id) this.onAdvance.push(message);
      else messages.push(message);
    }
    if (this.needsAppendResponse()) this.onAdvance.push(this.appendResponse(ready));
    if (ready.committedEntries.length > 0) this.onAdvance.push(this.applyResponse(ready.committedEntries));
    return messages;
  }

  private messagesAsync(ready: Ready): Message[] {
    const { raft } = this;
    const messages = raft.messages;
    const { hardState, entries, snapshot, committedEntries } = ready;
    const nothingToStore = hardState === undefined && entries.length === 0 && snapshot === undefined;
    if (!nothingToStore || raft.messagesAfterAppend.length > 0) {
      const responses = raft.messagesAfterAppend;
      // Last, so that the leader's own acknowledgement still finds its entries in the unstable log, which is faster.
      if (this.needsAppendResponse()) responses.push(this.appendResponse(ready));
      messages.push(
        newMessage(MessageType.msgStorageAppend, LOCAL_APPEND_THREAD, {
          from: raft.id,
          entries,
          snapshot,
          responses,
          ...hardState,
        }),
      );
    }
    if (committedEntries.length > 0) {
      messages.push(
        newMessage(MessageType.msgStorageApply, LOCAL_APPLY_THREAD, {
          from: raft.id,
          entries: committedEntries,
          responses: [this.applyResponse(committedEntries)],
        }),
      );
    }
    return messages;
  }

  private needsAppendResponse(): boolean {
    return this.raft.log.unstable.length > 0 || this.raft.log.unstable.snapshot !== undefined;
  }

  /**
   * Tells the log, later, what is stored. Two things make that delicate with overlapping writes: entries can be replaced by
   * others of the same index while they are being written, and even back to the first ones' term never, since
   * terms only grow; so it names the *last* entry of the log, with its term, and is void in another term of this node.
   * If entries were appended while earlier ones were in flight, the answer for the earlier ones was void; therefore
   * each write, even one without entries, acknowledges all that is in flight.
   */
  private appendResponse(ready: Ready): Message {
    const { raft } = this;
    const message = newMessage(MessageType.msgStorageAppendResp, raft.id, {
      from: LOCAL_APPEND_THREAD,
      term: raft.term,
      snapshot: ready.snapshot,
    });
    if (raft.log.unstable.length > 0) {
      const last = raft.log.lastEntryId();
      message.index = last.index;
      message.logTerm = last.term;
    }
    return message;
  }

  private applyResponse(entries: readonly Entry[]): Message {
    return newMessage(MessageType.msgStorageApplyResp, this.raft.id, { from: LOCAL_APPLY_THREAD, entries });
  }

  private accept(ready: Ready): void {
    const { raft } = this;
    if (ready.softState !== undefined) this.previousSoftState = ready.softState;
    if (ready.hardState !== undefined) this.previousHardState = ready.hardState;
    raft.messages = [];
    raft.messagesAfterAppend = [];
    raft.readStates = [];
    raft.log.unstable.accept();
    const last = ready.committedEntries.at(-1);
    if (last !== undefined) {
      raft.log.acceptApplying(last.index, entriesSize(ready.committedEntries), !this.async);
    }
    this.outstanding = !this.async;
  }
}
