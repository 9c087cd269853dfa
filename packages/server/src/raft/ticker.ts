import type { Clock, Timer } from "@steppe/shared";

export interface TickerOptions {
  readonly clock: Clock;
  readonly tickMs: number;
  /** How many ticks may be made up for at once; asked when the process stood still for several. */
  readonly limit: () => number;
  readonly onTick: () => void;
}

/**
 * Ticks in equal intervals of the monotonic clock. After a stall only some of the missed ticks are made up for: a follower that counted
 * them all would campaign against a leader whose heartbeats merely wait to be read.
 */
export class Ticker {
  readonly #options: TickerOptions;
  #timer: Timer | undefined;
  #lastMs = 0;

  constructor(options: TickerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#lastMs = this.#options.clock.monotonicMs();
    this.#schedule();
  }

  stop(): void {
    this.#timer?.clear();
    this.#timer = undefined;
  }

  /** The ticks that are due by the clock and not counted yet. */
  get missed(): number {
    return Math.floor((this.#options.clock.monotonicMs() - this.#lastMs) / this.#options.tickMs);
  }

  #schedule(): void {
    const { clock, tickMs } = this.#options;
    this.#timer = clock.after(Math.max(1, this.#lastMs + tickMs - clock.monotonicMs()), () => this.#fire());
  }

  #fire(): void {
    const { tickMs, limit, onTick } = this.#options;
    const missed = this.missed;
    this.#lastMs += missed * tickMs;
    const count = missed > 1 ? Math.min(missed, limit()) : missed;
    for (let i = 0; i < count && this.#timer !== undefined; i++) onTick();
    if (this.#timer !== undefined) this.#schedule();
  }
}
