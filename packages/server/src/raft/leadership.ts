import { type Message, MessageType, RaftState } from "raft-ts";

import type { Clock } from "@steppe/shared";

export type LeadershipListener = (leading: boolean, term: number) => void;

/** Who leads, as far as this server knows, and who wants to be told when it is this server. */
export class Leadership {
  readonly #clock: Clock;
  readonly #listeners = new Set<LeadershipListener>();
  #state: RaftState = RaftState.follower;
  #lead = 0;
  /** The term in which the listeners were told that this server leads, or 0. */
  #announcedTerm = 0;
  #lastContactMs: number;
  readonly #contactMs = new Map<number, number>();
  term = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lastContactMs = clock.monotonicMs();
  }

  get leading(): boolean {
    return this.#state === RaftState.leader;
  }

  /** The leader's Raft id, or 0. */
  get leader(): number {
    return this.#lead;
  }

  /** Milliseconds since the leader was heard; 0 on the leader itself. */
  get silentMs(): number {
    return this.leading ? 0 : this.#clock.monotonicMs() - this.#lastContactMs;
  }

  onChange(listener: LeadershipListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A message came. */
  heard({ type, from, term }: Message): void {
    const nowMs = this.#clock.monotonicMs();
    this.#contactMs.set(from, nowMs);
    const byLeader = type === MessageType.msgApp || type === MessageType.msgHeartbeat || type === MessageType.msgSnap;
    if (byLeader && term >= this.term) this.#lastContactMs = nowMs;
  }

  /** Milliseconds since anything came from this server; undefined where nothing ever did. */
  silenceOf(id: number): number | undefined {
    const heardMs = this.#contactMs.get(id);
    return heardMs === undefined ? undefined : this.#clock.monotonicMs() - heardMs;
  }

  /** What Raft says. True if this server led and leads no more; call `resign` then. */
  update(lead: number, state: RaftState): boolean {
    const led = this.leading;
    this.#lead = lead;
    this.#state = state;
    return led && !this.leading;
  }

  /**
   * An entry of `term` was applied. The first one of this leader's own term means that all of its predecessors' are applied, too: only now the
   * listeners may act on the state.
   */
  applied(term: number): void {
    if (!this.leading || term !== this.term || this.#announcedTerm === term) return;
    this.#announcedTerm = term;
    this.#tell(true);
  }

  /** Tells the listeners that this server leads no more, if they believe that it does. */
  resign(): void {
    if (this.#announcedTerm === 0) return;
    this.#announcedTerm = 0;
    this.#tell(false);
  }

  #tell(leading: boolean): void {
    for (const listener of this.#listeners) listener(leading, this.term);
  }
}
