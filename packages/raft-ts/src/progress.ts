import type { Inflights } from "./inflights.js";
import { ProgressState, type ProgressStatus } from "./status.js";

/**
 * What a leader believes of one node's log. It is always safe for it to be too pessimistic.
 *
 * - probe: the leader does not know where the logs agree; it sends one msgApp at a time and waits for its answer.
 * - replicate: the logs agree up to `match`; entries are sent ahead, without waiting, as far as `inflights` allows.
 * - snapshot: the entries needed are compacted; nothing is sent until the snapshot's fate is known.
 *
 * Invariant: match < next. In replicate, entries in (match, next) are in flight.
 */
export class Progress {
  match = 0;
  next: number;
  state: ProgressState = ProgressState.probe;
  /** In state snapshot, the index of the one that was sent; otherwise 0. */
  pendingSnapshot = 0;
  /** Whether anything was heard in the current check-quorum window. */
  recentActive: boolean;
  /** In probe: a msgApp with entries is in flight. In replicate: the inflights were full at the last send. */
  appendPaused = false;
  isLearner: boolean;
  readonly inflights: Inflights;
  /** The highest commit index sent in a message that follows all entries up to it; 0 if in doubt. */
  sentCommit = 0;
  /** The leader's tick at which it sent the last heartbeat that this node answered. See lease.ts. */
  leaseTick = 0;

  constructor(next: number, isLearner: boolean, inflights: Inflights, recentActive: boolean) {
    this.next = next;
    this.isLearner = isLearner;
    this.inflights = inflights;
    this.recentActive = recentActive;
  }

  /** Forgets all, as at the start of a term. */
  reset(match: number, next: number): void {
    this.match = match;
    this.next = next;
    this.sentCommit = 0;
    this.leaseTick = 0;
    this.recentActive = false;
    this.resetState(ProgressState.probe);
  }

  becomeProbe(): void {
    // If a snapshot was sent and its fate is not a failure, it is worth probing right after it.
    const afterSnapshot = this.state === ProgressState.snapshot ? this.pendingSnapshot + 1 : 0;
    this.resetState(ProgressState.probe);
    this.next = Math.max(this.match + 1, afterSnapshot);
    this.sentCommit = Math.min(this.sentCommit, this.next - 1);
  }

  becomeReplicate(): void {
    this.resetState(ProgressState.replicate);
    this.next = this.match + 1;
  }

  becomeSnapshot(index: number): void {
    this.resetState(ProgressState.snapshot);
    this.pendingSnapshot = index;
    this.next = index + 1;
    this.sentCommit = index;
  }

  /** Notes that a msgApp with this many entries, starting at `next`, was sent. */
  sentEntries(count: number, bytes: number): void {
    if (this.state === ProgressState.replicate) {
      if (count > 0) {
        this.next += count;
        this.inflights.add(this.next - 1, bytes);
      }
      // Also with no entries: an empty msgApp in a full window is sent once per heartbeat answered, not more often.
      this.appendPaused = this.inflights.full;
    } else if (count > 0) {
      this.appendPaused = true;
    }
  }

  noteSentCommit(commit: number): void {
    this.sentCommit = commit;
  }

  /** Whether telling this commit index would be news, and is not told anyway by entries yet to be sent. */
  canBumpCommit(commit: number): boolean {
    return commit > this.sentCommit && this.sentCommit < this.next - 1;
  }

  /** Handles an acknowledgement; false if it is an old one. */
  maybeUpdate(index: number): boolean {
    if (index <= this.match) return false;
    this.match = index;
    this.next = Math.max(this.next, index + 1);
    this.appendPaused = false;
    return true;
  }

  /** Handles a rejection of the msgApp that started after `rejected`; false if it is an old one, to be ignored. */
  maybeDecrementTo(rejected: number, hint: number): boolean {
    if (this.state === ProgressState.replicate) {
      // What was acknowledged is not rejected later: the message was reordered.
      if (rejected <= this.match) return false;
      this.next = this.match + 1;
      this.sentCommit = Math.min(this.sentCommit, this.next - 1);
      return true;
    }
    // One probe is in flight at a time, so only a rejection of this very one is new.
    if (this.next - 1 !== rejected) return false;
    this.next = Math.max(Math.min(rejected, hint + 1), this.match + 1);
    this.sentCommit = Math.min(this.sentCommit, this.next - 1);
    this.appendPaused = false;
    return true;
  }

  get paused(): boolean {
    return this.state === ProgressState.snapshot || this.appendPaused;
  }

  status(): ProgressStatus {
    return {
      state: this.state,
      match: this.match,
      next: this.next,
      isLearner: this.isLearner,
      recentActive: this.recentActive,
      paused: this.paused,
      pendingSnapshot: this.pendingSnapshot,
      inflightCount: this.inflights.count,
      inflightFull: this.inflights.full,
    };
  }

  private resetState(state: ProgressState): void {
    this.appendPaused = false;
    this.pendingSnapshot = 0;
    this.state = state;
    this.inflights.reset();
  }
}
