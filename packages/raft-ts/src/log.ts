import { invariant } from "./errors.js";
import { countWithin, entriesSize, type Storage } from "./storage.js";
import { EntryType, type Entry, type EntryId, type Logger, type Snapshot } from "./types.js";
import { UnstableLog } from "./unstable-log.js";

/** What `term` gives for an index whose term is not known: beyond either end of the log. */
export const UNKNOWN_TERM = -1;

/**
 * The whole log: the storage's entries, then the unstable ones, with three marks on it.
 *
 * Invariant: applied <= applying <= committed <= lastIndex.
 */
export class RaftLog {
  readonly unstable: UnstableLog;
  /** The highest index known to be stored by a quorum. Never decreases, nothing up to it ever changes. */
  committed: number;
  /** The highest index given to the driver to apply. */
  applying: number;
  /** The highest index that the driver has applied. */
  applied: number;
  private readonly storage: Storage;
  private readonly logger: Logger | undefined;
  private readonly maxApplyingSize: number;
  private applyingSize = 0;
  // Set while as much is handed out as may be, so that hasNextCommitted() need not ask the storage.
  private applyingPaused = false;

  constructor(storage: Storage, maxApplyingSize: number, logger: Logger | undefined) {
    this.storage = storage;
    this.logger = logger;
    this.maxApplyingSize = maxApplyingSize;
    this.unstable = new UnstableLog(storage.lastIndex() + 1);
    const compacted = storage.firstIndex() - 1;
    this.committed = compacted;
    this.applying = compacted;
    this.applied = compacted;
  }

  firstIndex(): number {
    const { snapshot } = this.unstable;
    return snapshot === undefined ? this.storage.firstIndex() : snapshot.metadata.index + 1;
  }

  lastIndex(): number {
    return this.unstable.lastIndex() ?? this.storage.lastIndex();
  }

  lastEntryId(): EntryId {
    const index = this.lastIndex();
    const term = this.term(index);
    invariant(term !== UNKNOWN_TERM, "raft: the last entry's term is unknown");
    return { term, index };
  }

  term(index: number): number {
    const unstable = this.unstable.term(index);
    if (unstable !== undefined) return unstable;
    // The term of the entry before the first one is known: it is what a msgApp for the first one refers to.
    if (index + 1 < this.firstIndex() || index > this.lastIndex()) return UNKNOWN_TERM;
    return this.storage.term(index);
  }

  matchTerm(term: number, index: number): boolean {
    return this.term(index) === term;
  }

  /** The voting rule (Raft paper §5.4.1): a later last term wins, then a longer log. */
  isUpToDate(candidateTerm: number, candidateIndex: number): boolean {
    const { term, index } = this.lastEntryId();
    return candidateTerm > term || (candidateTerm === term && candidateIndex >= index);
  }

  /** Entries from lo on, limited by size; lo must not be compacted. */
  entriesFrom(lo: number, maxSize: number): Entry[] {
    const end = this.lastIndex() + 1;
    return lo >= end ? [] : this.slice(lo, end, maxSize);
  }

  /** Entries in [lo, hi), limited by size, but at least one. */
  slice(lo: number, hi: number, maxSize: number): Entry[] {
    invariant(lo <= hi && lo >= this.firstIndex() && hi <= this.lastIndex() + 1, () => `raft: slice [${lo},${hi})`);
    if (lo === hi) return [];
    const { offset } = this.unstable;
    if (lo >= offset) {
      const entries = this.unstable.slice(lo, hi);
      entries.length = countWithin(entries, 0, entries.length, maxSize);
      return entries;
    }
    const cut = Math.min(hi, offset);
    const stored = this.storage.entries(lo, cut, maxSize);
    if (hi <= offset || stored.length < cut - lo) return stored;
    const size = entriesSize(stored);
    if (size >= maxSize) return stored;
    const rest = this.unstable.slice(offset, hi);
    // Not "at least one" here: the limit is to be kept where there is something to return already.
    let left = maxSize - size;
    for (const entry of rest) {
      left -= entriesSize([entry]);
      if (left < 0) break;
      stored.push(entry);
    }
    return stored;
  }

  /** Appends a leader's own entries. */
  append(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    invariant(entries[0]!.index > this.committed, "raft: a committed entry would be overwritten");
    this.unstable.truncateAndAppend(entries);
  }

  /**
   * A follower's append (Raft paper, figure 2, AppendEntries steps 2 to 5). False if the logs do not agree at prevIndex;
   * otherwise everything up to the last of the entries agrees with the leader's log.
   */
  maybeAppend(prevTerm: number, prevIndex: number, entries: readonly Entry[], leaderCommit: number): boolean {
    if (!this.matchTerm(prevTerm, prevIndex)) return false;
    const conflict = this.findConflict(entries);
    if (conflict !== -1) {
      const first = entries[conflict]!;
      invariant(first.index > this.committed, () => `raft: entry ${first.index} conflicts with a committed entry`);
      this.append(conflict === 0 ? entries : entries.slice(conflict));
    }
    // Not the leader's commit index alone: our log may go on with entries that are not the leader's.
    this.commitTo(Math.min(leaderCommit, prevIndex + entries.length));
    return true;
  }

  /**
   * The place in `entries` of the first that is not in the log, or -1. Entries which are there already must not be
   * appended again: that would cut off later ones, when messages arrive out of order.
   */
  private findConflict(entries: readonly Entry[]): number {
    if (entries.length === 0) return -1;
    const last = this.lastIndex();
    for (let i = 0; i < entries.length; i++) {
      const { index, term } = entries[i]!;
      if (index > last) return i;
      const existing = this.term(index);
      if (existing !== term) {
        this.logger?.info?.(`found conflict at index ${index} [existing term: ${existing}, conflicting term: ${term}]`);
        return i;
      }
    }
    return -1;
  }

  /**
   * The highest index, at most `index`, whose term is at most `term`: above it this log cannot agree with one that has
   * `term` at `index`. Each side skips a whole term per round trip that way (Raft paper §5.3, last paragraphs). The
   * term is 0 if it is unknown.
   */
  findConflictByTerm(index: number, term: number): EntryId {
    for (let at = index; at > 0; at--) {
      const own = this.term(at);
      if (own === UNKNOWN_TERM) return { index: at, term: 0 };
      if (own <= term) return { index: at, term: own };
    }
    return { index: 0, term: 0 };
  }

  commitTo(index: number): void {
    if (index <= this.committed) return;
    // A commit index beyond the log means that the log lost entries which it once acknowledged.
    invariant(index <= this.lastIndex(), () => `raft: commit ${index} is beyond the last index ${this.lastIndex()}`);
    this.committed = index;
  }

  /** Whether a configuration change is among the entries in [lo, hi). */
  hasConfChange(lo: number, hi: number): boolean {
    let next = Math.max(lo, this.firstIndex());
    while (next < hi) {
      const entries = this.slice(next, hi, this.maxApplyingSize);
      if (entries.some((entry) => entry.type !== EntryType.normal)) return true;
      next += entries.length;
    }
    return false;
  }

  /** The driver has applied everything up to index, of `size` in all. */
  appliedTo(index: number, size: number): void {
    invariant(index >= this.applied && index <= this.committed, () => `raft: applied ${index} is out of range`);
    this.applied = index;
    this.applying = Math.max(this.applying, index);
    this.applyingSize = Math.max(0, this.applyingSize - size);
    this.applyingPaused = this.applyingSize >= this.maxApplyingSize;
  }

  acceptApplying(index: number, size: number, allowUnstable: boolean): void {
    invariant(index >= this.applying && index <= this.committed, () => `raft: applying ${index} is out of range`);
    this.applying = index;
    this.applyingSize += size;
    // Also paused if the limit cut the entries off before the end: the next one did not fit.
    this.applyingPaused = this.applyingSize >= this.maxApplyingSize || index < this.maxAppliable(allowUnstable);
  }

  /** The entries to apply next. Those not stored yet only if the driver stores before it applies. */
  nextCommittedEntries(allowUnstable: boolean): Entry[] {
    if (!this.hasNextCommittedEntries(allowUnstable)) return [];
    const hi = this.maxAppliable(allowUnstable) + 1;
    return this.slice(this.applying + 1, hi, this.maxApplyingSize - this.applyingSize);
  }

  hasNextCommittedEntries(allowUnstable: boolean): boolean {
    // A snapshot comes first: it replaces what would be applied.
    if (this.applyingPaused || this.unstable.snapshot !== undefined) return false;
    return this.applying < this.maxAppliable(allowUnstable);
  }

  private maxAppliable(allowUnstable: boolean): number {
    return allowUnstable ? this.committed : Math.min(this.committed, this.unstable.offset - 1);
  }

  stableTo(id: EntryId): void {
    if (this.unstable.stableTo(id)) return;
    this.logger?.info?.(`entry at index ${id.index} missing from unstable log, or of another term; ignoring`);
  }

  snapshot(): Snapshot {
    return this.unstable.snapshot ?? this.storage.snapshot();
  }

  restore(snapshot: Snapshot): void {
    this.committed = snapshot.metadata.index;
    this.unstable.restore(snapshot);
  }
}
