import { type Clock, errorMessage, type Random } from "@steppe/shared";
import type { Allocation } from "@steppe/structs";

import type { Logger } from "./logger.js";
import { pause } from "./pause.js";
import { RetryDelay } from "./retry-delay.js";
import { hasStatus, type ServerPool } from "./server-pool.js";

/** A row of the answer: an allocation in full, or, where its definition has not changed since the index asked for, its heads only. */
export type Assignment = Allocation | Pick<Allocation, "ID" | "AllocModifyIndex" | "DesiredStatus">;

/** True for a row that carries the whole allocation. */
export function isFull(assignment: Assignment): assignment is Allocation {
  return "Job" in assignment && assignment.Job !== null && assignment.Job !== undefined;
}

const WAIT_MS = 60_000;
/** Beyond the wait and its jitter (a sixteenth): the time that an answer may take. */
const ANSWER_MS = 15_000;
/** Our own updates wake the query too. After an answer without news, a little patience lets several of them pass at once. */
const QUIET_PAUSE_MS = 100;

export interface AssignmentWatchOptions {
  pool: ServerPool;
  nodeId: string;
  /** Takes the complete list and says whether it held anything new; `incomplete` asks for all rows in full. */
  onAssignments: (assignments: readonly Assignment[]) => Promise<"news" | "nothing" | "incomplete">;
  /** The servers do not know the node. */
  onUnknownNode: () => void;
  clock: Clock;
  random: Random;
  logger: Logger;
}

/** Follows the list of allocations that the servers want this node to run, by a blocking query. */
export class AssignmentWatch {
  readonly #options: AssignmentWatchOptions;
  readonly #stop = new AbortController();
  readonly #retry: RetryDelay;
  #query = new AbortController();
  #index = 0;
  #loop: Promise<void> | undefined;

  constructor(options: AssignmentWatchOptions) {
    this.#options = options;
    this.#retry = new RetryDelay({ firstMs: 50, lastMs: 3_000, random: options.random });
    // The server that this query waits on is gone as far as heartbeats can tell: ask another one now.
    options.pool.onFailure(() => this.#query.abort());
  }

  start(): void {
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#query.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    while (!this.#stop.signal.aborted) {
      const pauseMs = await this.#ask();
      if (pauseMs > 0) await pause(clock, pauseMs, this.#stop.signal);
    }
  }

  /** One query; returns the pause before the next. */
  async #ask(): Promise<number> {
    const { pool, nodeId, onAssignments, onUnknownNode, logger } = this.#options;
    this.#query = new AbortController();
    if (this.#stop.signal.aborted) return 0;
    try {
      const answer = await pool.request<Assignment[] | null>({
        method: "GET",
        path: `/v1/node/${nodeId}/assignments?index=${this.#index}&wait=${WAIT_MS}ms`,
        timeoutMs: WAIT_MS + WAIT_MS / 16 + ANSWER_MS,
        signal: this.#query.signal,
      });
      this.#retry.reset();
      if (this.#stop.signal.aborted) return 0;
      const outcome = await onAssignments(answer.data ?? []);
      // An index that went back means another state (a restored one): nothing may be concluded from the old index.
      this.#index = outcome === "incomplete" || answer.index < this.#index ? 0 : answer.index;
      return outcome === "news" ? 0 : QUIET_PAUSE_MS;
    } catch (error) {
      if (this.#stop.signal.aborted || this.#query.signal.aborted) return 0;
      this.#index = 0;
      if (hasStatus(error, 404)) onUnknownNode();
      else logger.warn("cannot read this node's assignments", { error: errorMessage(error) });
      return this.#retry.nextMs();
    }
  }
}
