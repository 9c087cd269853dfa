import { type Clock, sleep, SteppeError } from "@steppe/shared";

import type { Raft } from "../context.js";
import type { ApiRequest, ApiResponse } from "./api-message.js";
import { httpErrors } from "./errors.js";
import type { LeaderCalls } from "./leader-calls.js";
import type { ConsistencyMode } from "./parsed-request.js";
import { NOT_LEADER_HEADER, textResponse } from "./response.js";

/** How long to wait before it is looked again whether there is a leader. */
const RETRY_MS = 20;

/** What is to be done with a request: served here, or answered with what the leader said. */
export type Verdict = "local" | ApiResponse;

export interface ConsistencyOptions {
  readonly raft: Raft;
  readonly calls: LeaderCalls;
  readonly clock: Clock;
  /** How long a request waits for a leader to be there. */
  readonly leaderWaitMs: number;
}

/**
 * Decides where a request is served so that it gets the consistency that it asked for. Requests that find no leader wait for one,
 * for a bounded time: an election takes less than a second, and clients should not notice.
 */
export class Consistency {
  readonly #options: ConsistencyOptions;

  constructor(options: ConsistencyOptions) {
    this.#options = options;
  }

  /** This server may answer default reads at once: it leads, and nobody else can. */
  get leads(): boolean {
    const { raft } = this.#options;
    return raft.isLeader() && raft.hasLease();
  }

  /** For a read that is not stale. `clientSignal` is watched by those that may wait long. */
  async forRead(mode: ConsistencyMode, request: ApiRequest, clientSignal: AbortSignal | undefined): Promise<Verdict> {
    const { raft } = this.#options;
    return this.#untilLeader(request, async (remainingMs) => {
      if (mode === "consistent" || raft.isLeader()) {
        await this.#within(raft.readIndex(), remainingMs);
        // A default read is answered by the leader; whoever lost that meanwhile asks the next one.
        return mode === "consistent" || raft.isLeader() ? "local" : undefined;
      }
      return this.#askLeader(request, false, clientSignal);
    });
  }

  /**
   * For a write. A leader without a lease confirms that it leads and has applied everything that was acknowledged before, so that
   * the handler checks the request against the state as it is.
   */
  async forWrite(request: ApiRequest): Promise<Verdict> {
    const { raft } = this.#options;
    return this.#untilLeader(request, async (remainingMs) => {
      if (!raft.isLeader()) return this.#askLeader(request, true, undefined);
      if (!raft.hasLease()) await this.#within(raft.readIndex(), remainingMs);
      return raft.isLeader() ? "local" : undefined;
    });
  }

  /** Tries until there is a verdict; errors that say no more than "not now" are not the client's. */
  async #untilLeader(
    request: ApiRequest,
    attempt: (remainingMs: number) => Promise<Verdict | undefined>,
  ): Promise<Verdict> {
    const { raft, clock, leaderWaitMs } = this.#options;
    const deadlineMs = clock.monotonicMs() + leaderWaitMs;
    for (;;) {
      if (request.forwarded && !raft.isLeader()) return notLeaderResponse();
      try {
        const verdict = await attempt(Math.max(1, deadlineMs - clock.monotonicMs()));
        if (verdict !== undefined) return verdict;
      } catch (error) {
        if (!isTransient(error)) throw error;
      }
      if (clock.monotonicMs() + RETRY_MS > deadlineMs) throw httpErrors.noLeader();
      await sleep(clock, RETRY_MS);
    }
  }

  async #askLeader(request: ApiRequest, write: boolean, signal: AbortSignal | undefined): Promise<Verdict | undefined> {
    const { raft, calls } = this.#options;
    if (raft.leaderId() === 0) return undefined;
    const response = await calls.call(request, write, signal);
    return NOT_LEADER_HEADER in response.headers ? undefined : response;
  }

  #within(promise: Promise<void>, timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#options.clock.after(timeoutMs, () => reject(httpErrors.noLeader()), true);
      promise.then(resolve, reject).finally(() => timer.clear());
    });
  }
}

/** Said to a server that took this one for the leader. */
function notLeaderResponse(): ApiResponse {
  const { status, message } = httpErrors.noLeader();
  return textResponse(status, message, { [NOT_LEADER_HEADER]: "true" });
}

/** Nothing was done, and another moment or server may do it. */
export function isTransient(error: unknown): boolean {
  return error instanceof SteppeError && (error.code === "noLeader" || error.code === "notSent");
}
