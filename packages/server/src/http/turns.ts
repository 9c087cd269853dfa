import type { Clock } from "@steppe/shared";

/** How long work on long lists may hold one turn of the event loop, all requests of the turn together. */
const SLICE_MS = 10;
/** How many get on with their work in one turn; each does at least a little. */
const RESUMED_PER_TURN = 8;

/**
 * Shares out the time of the event loop among those whose work is long. Without it sixteen requests that arrive together would each
 * take a slice in the same turn, and Raft's heartbeats wait for all of them.
 */
export class Turns {
  readonly #clock: Clock;
  #untilMs: number | undefined;
  readonly #waiting: (() => void)[] = [];
  #scheduled = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Until when, on the monotonic clock, work may go on in this turn. */
  untilMs(): number {
    if (this.#untilMs === undefined) {
      this.#untilMs = this.#clock.monotonicMs() + SLICE_MS;
      setImmediate(() => (this.#untilMs = undefined));
    }
    return this.#untilMs;
  }

  /** Resolves in a later turn; those who came first go first. */
  next(): Promise<void> {
    this.#schedule();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      for (const resume of this.#waiting.splice(0, RESUMED_PER_TURN)) resume();
      if (this.#waiting.length > 0) this.#schedule();
    });
  }
}
