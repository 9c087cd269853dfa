import { type Clock, errorMessage, type Random } from "@steppe/shared";
import type { AllocClientUpdate } from "@steppe/structs";

import type { Logger } from "./logger.js";
import { pause } from "./pause.js";
import { RetryDelay } from "./retry-delay.js";
import { hasStatus, type ServerPool } from "./server-pool.js";

/** The first change after a quiet time goes out fast: only what happens in the same breath is collected. */
const FIRST_DELAY_MS = 5;
/** In busy times a batch is collected for this long. */
const BATCH_INTERVAL_MS = 60;
/** Bounds one request, and one entry of the servers' log. */
const MAX_BATCH = 256;
const REQUEST_TIMEOUT_MS = 30_000;

/**
 * Tells the servers what became of allocations. Of each allocation only the latest state is sent; nothing is given up until a server
 * has accepted it.
 */
export class UpdateQueue {
  readonly #options: { pool: ServerPool; nodeId: string; clock: Clock; random: Random; logger: Logger };
  /** Reads the state when the request is made: states that were passed through meanwhile are not news. */
  readonly #waiting = new Map<string, () => AllocClientUpdate | undefined>();
  readonly #inFlight = new Set<string>();
  readonly #stop = new AbortController();
  readonly #retry: RetryDelay;
  #sending: Promise<void> | undefined;
  #lastSentMs = Number.NEGATIVE_INFINITY;

  constructor(options: { pool: ServerPool; nodeId: string; clock: Clock; random: Random; logger: Logger }) {
    this.#options = options;
    this.#retry = new RetryDelay({ firstMs: 100, lastMs: 3_000, random: options.random });
  }

  get size(): number {
    return this.#waiting.size + this.#inFlight.size;
  }

  /** Whether the servers have yet to hear of the allocation's last change. */
  has(id: string): boolean {
    return this.#waiting.has(id) || this.#inFlight.has(id);
  }

  /** `read` gives the state to send when its time comes; undefined when there is nothing to say any more. */
  add(id: string, read: () => AllocClientUpdate | undefined): void {
    this.#waiting.set(id, read);
    this.#sending ??= this.#send();
  }

  /** Resolves when everything has been accepted, or after `timeoutMs`. */
  async drain(timeoutMs: number): Promise<void> {
    const timeout = new AbortController();
    await Promise.race([
      (async () => {
        while (this.#sending) await this.#sending;
      })(),
      pause(this.#options.clock, timeoutMs, timeout.signal),
    ]);
    timeout.abort();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#sending;
  }

  async #send(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stop;
    while (this.#waiting.size > 0 && !signal.aborted) {
      const sinceLastMs = clock.monotonicMs() - this.#lastSentMs;
      await pause(clock, Math.max(FIRST_DELAY_MS, BATCH_INTERVAL_MS - sinceLastMs), signal);
      if (signal.aborted) break;
      this.#lastSentMs = clock.monotonicMs();
      const retryMs = await this.#sendBatch();
      if (retryMs > 0) await pause(clock, retryMs, signal);
    }
    // In the same turn as the last look at `#waiting`: an `add` after it starts anew.
    this.#sending = undefined;
  }

  /** Sends one batch; returns the pause before the next attempt, 0 when it was accepted. */
  async #sendBatch(): Promise<number> {
    const { pool, nodeId, logger } = this.#options;
    const batch = [...this.#waiting].slice(0, MAX_BATCH);
    for (const [id] of batch) {
      this.#waiting.delete(id);
      this.#inFlight.add(id);
    }
    try {
      const updates = batch.map(([, read]) => read()).filter((update) => update !== undefined);
      if (updates.length === 0) return 0;
      await pool.request({
        method: "PUT",
        path: `/v1/node/${nodeId}/allocations`,
        body: { Allocs: updates },
        timeoutMs: REQUEST_TIMEOUT_MS,
        signal: this.#stop.signal,
      });
      this.#retry.reset();
      return 0;
    } catch (error) {
      if (this.#stop.signal.aborted) return 0;
      // What changed meanwhile is in the queue already and newer.
      for (const [id, read] of batch) if (!this.#waiting.has(id)) this.#waiting.set(id, read);
      if (!hasStatus(error, 404)) logger.warn("cannot report allocations", { error: errorMessage(error) });
      return this.#retry.nextMs();
    } finally {
      this.#inFlight.clear();
    }
  }
}
