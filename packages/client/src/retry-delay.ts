import type { Random } from "@steppe/shared";

/** Growing, jittered pauses between attempts: a thousand nodes must not come back to a recovering server in step. */
export class RetryDelay {
  readonly #firstMs: number;
  readonly #lastMs: number;
  readonly #random: Random;
  #nextMs: number;

  constructor(options: { firstMs: number; lastMs: number; random: Random }) {
    this.#firstMs = options.firstMs;
    this.#lastMs = options.lastMs;
    this.#random = options.random;
    this.#nextMs = options.firstMs;
  }

  nextMs(): number {
    const delayMs = this.#nextMs;
    this.#nextMs = Math.min(this.#lastMs, delayMs * 2);
    return delayMs * (0.5 + this.#random.next() / 2);
  }

  reset(): void {
    this.#nextMs = this.#firstMs;
  }
}
