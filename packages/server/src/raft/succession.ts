export interface SuccessionOptions {
  readonly self: number;
  /** Ticks that a follower's promise to its leader lasts. */
  readonly promiseTicks: number;
  /** Forgets the leader, so that this server may vote for another. */
  readonly forgetLeader: () => void;
  readonly campaign: () => void;
}

/** Ticks between the attempts of one server, and between those of servers of neighbouring rank. */
const SPACING_TICKS = 3;
const ATTEMPTS_MAX = 6;

/**
 * Who campaigns, and when, where an election is known to be needed: at the start, and when the leader's process is known to be gone
 * (its connection was lost and its port refuses a new one). Nobody waits for the election timeout then, but for the end of
 * the promise that a leader's lease rests on; the servers try in the order of their ids, so that they do not split the vote. A
 * campaign that was not needed does no harm: it begins with a pre-vote, which nobody grants who hears a leader.
 */
export class Succession {
  readonly #options: SuccessionOptions;
  #active = false;
  #leader = 0;
  #waitTicks = 0;
  #forgetTicks = 0;
  #attempts = 0;

  constructor(options: SuccessionOptions) {
    this.#options = options;
  }

  /** This server has just started. One with a past may have promised something. */
  atStart(voters: readonly number[], hasPast: boolean): void {
    this.#begin(0, voters, hasPast ? this.#options.promiseTicks + 1 : 1);
  }

  /** The leader's process is gone; it was last heard `silentTicks` ago. */
  begin(leader: number, voters: readonly number[], silentTicks: number): void {
    this.#begin(leader, voters, Math.max(0, this.#options.promiseTicks - silentTicks) + 1);
  }

  #begin(leader: number, voters: readonly number[], forgetTicks: number): void {
    const heirs = voters.filter((id) => id !== leader).sort((a, b) => a - b);
    const rank = heirs.indexOf(this.#options.self);
    if (rank < 0) return;
    this.#active = true;
    this.#leader = leader;
    this.#attempts = 0;
    this.#forgetTicks = forgetTicks;
    this.#waitTicks = forgetTicks + rank * SPACING_TICKS;
  }

  /** `leader` is whom this server follows now. */
  tick(leader: number): void {
    if (!this.#active) return;
    // A candidate follows nobody while it campaigns; a new leader ends the matter.
    if ((leader !== this.#leader && leader !== 0) || this.#attempts >= ATTEMPTS_MAX) {
      this.#active = false;
      return;
    }
    if (--this.#forgetTicks === 0) this.#options.forgetLeader();
    if (--this.#waitTicks > 0) return;
    this.#attempts++;
    this.#waitTicks = SPACING_TICKS;
    this.#options.campaign();
  }
}
