/** One entry as the state machine gets it. Its data is empty where the entry is Raft's own: only the index counts then. */
export interface AppliedEntry {
  readonly index: number;
  readonly term: number;
  readonly data: Uint8Array;
}

/** What the driver replicates; `StateStore` is the real one. */
export interface RaftStateMachine {
  /** The last entry applied, in memory. */
  readonly appliedIndex: number;
  /** The last entry whose effect was handed to the disk; a loss of power may still take it. */
  readonly durableIndex: number;
  /** Applies entries in order; one result for each. Throws only where the process must end. */
  apply(entries: readonly AppliedEntry[]): unknown[];
  /** Whether applying the entry would hold the event loop for long: then `prepare` is called right before it is applied. */
  isLong?(entry: AppliedEntry): boolean;
  prepare?(entry: AppliedEntry): Promise<void>;
  /** Brings `durableIndex` to what was applied when it was called. */
  flush(): Promise<void>;
  /** The state as it is at the time of the call, whatever is applied while it is read. */
  snapshotChunks(): AsyncIterable<Uint8Array>;
  /** Replaces the state, on disk and in memory. Nothing is applied meanwhile. */
  restore(chunks: AsyncIterable<Uint8Array>): Promise<void>;
}
