import type { Clock, Timer } from "@steppe/shared";

import type { Compaction } from "./compaction.js";
import type { RaftStateMachine } from "./state-machine.js";

/** How often what was applied is handed to the state machine's disk. Only the length of a restart's replay depends on it. */
const FLUSH_MS = 2000;

export interface StateFlusherOptions {
  readonly stateMachine: RaftStateMachine;
  readonly compaction: Compaction;
  readonly clock: Clock;
  readonly fail: (error: unknown) => void;
}

/** Brings the state to disk behind the log, many entries at a time, and cuts the log where that is done. */
export class StateFlusher {
  readonly #options: StateFlusherOptions;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;

  constructor(options: StateFlusherOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = this.#options.clock.every(FLUSH_MS, () => {
      this.#running ??= this.#flush();
    });
  }

  stop(): void {
    this.#timer?.clear();
  }

  /** Resolves when no flush runs. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #flush(): Promise<void> {
    const { stateMachine, compaction, fail } = this.#options;
    try {
      if (stateMachine.appliedIndex > stateMachine.durableIndex) await stateMachine.flush();
      await compaction.run();
    } catch (error) {
      fail(error);
    } finally {
      this.#running = undefined;
    }
  }
}
