import type { LogStore } from "@steppe/storage";
import { ProgressState, type Status } from "raft-ts";

import type { RaftStateMachine } from "./state-machine.js";

export interface CompactionLimits {
  /** The log is compacted when it holds more entries than this, */
  readonly entries: number;
  /** or more bytes. */
  readonly bytes: number;
  /** How many entries stay for followers that lag; never more than half of what is there. */
  readonly keepEntries: number;
}

export const DEFAULT_COMPACTION: CompactionLimits = {
  entries: 32_768,
  bytes: 96 * 1024 * 1024,
  keepEntries: 8_192,
};

export interface CompactionOptions {
  readonly log: LogStore;
  readonly stateMachine: RaftStateMachine;
  /** Brings what the state machine has flushed through to the disk. */
  readonly syncState: () => Promise<void>;
  readonly limits: CompactionLimits;
  /** Entries from here on are still needed by somebody who follows closely. */
  readonly neededFrom: () => number;
}

/**
 * Cuts the front off the log when it has become long. Invariant: the log never begins behind what the state has on disk, really on
 * disk, or a loss of power would leave a gap between the two.
 */
export class Compaction {
  readonly #options: CompactionOptions;
  #running = false;

  constructor(options: CompactionOptions) {
    this.#options = options;
  }

  /** Compacts if it is time. */
  async run(): Promise<void> {
    if (this.#running || !this.#due()) return;
    this.#running = true;
    try {
      const { log, stateMachine, syncState, limits, neededFrom } = this.#options;
      await stateMachine.flush();
      const durable = stateMachine.durableIndex;
      await syncState();
      const present = log.lastIndex() - log.firstIndex() + 1;
      const kept = Math.min(limits.keepEntries, Math.floor(present / 2));
      let index = Math.min(durable, log.lastIndex() - kept);
      // Somebody who is so far behind that the log grows without bound will get a snapshot.
      if (present < limits.entries * 4 && log.bytesSinceCompaction < limits.bytes * 4) {
        index = Math.min(index, neededFrom() - 1);
      }
      if (index >= log.firstIndex()) await log.compact(index);
    } finally {
      this.#running = false;
    }
  }

  #due(): boolean {
    const { log, limits } = this.#options;
    return log.lastIndex() - log.firstIndex() + 1 > limits.entries || log.bytesSinceCompaction > limits.bytes;
  }
}

/** The first entry that a follower which is being sent entries, or a snapshot at `oldestSending`, will need. */
export function firstNeeded({ id: self, progress }: Status, oldestSending: number): number {
  let needed = oldestSending + 1;
  for (const [id, { recentActive, state, match }] of progress) {
    if (id !== self && recentActive && state !== ProgressState.snapshot) needed = Math.min(needed, match + 1);
  }
  return needed;
}
