export interface SuccessionOptions {
  readonly self: number;
  /** Ticks that a follower's promise to its leader lasts. */
  readonly promiseTicks: number;
  readonly campaign: () => void;
}

/** Ticks between the attempts of one server, and between those of servers of neighbouring rank. */
const SPACING_TICKS = 3;
const ATTEMPTS_MAX = 6;

/**
 * Who campaigns when the leader's process is known to be gone (its connection was lost and its port refuses a new one), without
 * waiting for the election timeout. Raft lets nobody campaign before the promise that the leader's lease rests on has run
 * out; then the survivors try in the order of their ids, so that they do not split the vote.
 */
export class Succession {
  readonly #options: SuccessionOptions;
  #leader = 0;
  #waitTicks = 0;
  #attempts = 0;

  constructor(options: SuccessionOptions) {
    this.#options = options;
  }

  /** The leader's process is gone; it was last heard `silentTicks` ago. */
  begin(leader: number, voters: readonly number[], silentTicks: number): void {
    const { self, promiseTicks } = this.#options;
    const heirs = voters.filter((id) => id !== leader).sort((a, b) => a - b);
    const rank = heirs.indexOf(self);
    if (rank < 0) return;
    this.#leader = leader;
    this.#attempts = 0;
    this.#waitTicks = Math.max(0, promiseTicks - silentTicks) + 1 + rank * SPACING_TICKS;
  }

  /** `leader` is whom this server follows now. */
  tick(leader: number): void {
    if (this.#leader === 0) return;
    // A candidate follows nobody while it campaigns; a new leader ends the matter.
    if ((leader !== this.#leader && leader !== 0) || this.#attempts >= ATTEMPTS_MAX) {
      this.#leader = 0;
      return;
    }
    if (--this.#waitTicks > 0) return;
    this.#attempts++;
    this.#waitTicks = SPACING_TICKS;
    this.#options.campaign();
  }
}
