import type { SteppeError } from "@steppe/shared";

import { raftErrors } from "./errors.js";

export interface ProposalResult {
  /** The entry's index. */
  readonly index: number;
  /** What the state machine returned. */
  readonly result: unknown;
}

interface Waiting {
  resolve(result: ProposalResult): void;
  reject(error: SteppeError): void;
}

export interface QueuedProposal extends Waiting {
  readonly data: Uint8Array;
}

interface PendingProposal extends Waiting {
  readonly term: number;
}

/** The proposals of this server: those that wait for their turn, and those in the log that wait for their commit. */
export class Proposals {
  #queue: QueuedProposal[] = [];
  readonly #pending = new Map<number, PendingProposal>();

  enqueue(data: Uint8Array): Promise<ProposalResult> {
    return new Promise((resolve, reject) => this.#queue.push({ data, resolve, reject }));
  }

  /** Takes the whole queue. */
  takeQueue(): QueuedProposal[] {
    const queue = this.#queue;
    if (queue.length > 0) this.#queue = [];
    return queue;
  }

  /** The proposal is entry `index` of `term` in this leader's log. */
  track(index: number, term: number, { resolve, reject }: Waiting): void {
    this.#pending.set(index, { term, resolve, reject });
  }

  /** Whether anyone waits for an entry. */
  get idle(): boolean {
    return this.#pending.size === 0;
  }

  /** An entry was applied. If it is not the one that was proposed at this index, that one is gone for good. */
  settle(index: number, term: number, result: unknown): void {
    const proposal = this.#pending.get(index);
    if (proposal === undefined) return;
    this.#pending.delete(index);
    if (proposal.term === term) proposal.resolve({ index, result });
    else proposal.reject(raftErrors.noLeader());
  }

  /** This server leads no more: what is in the log may or may not be committed by others. */
  abandon(): void {
    for (const proposal of this.#pending.values()) proposal.reject(raftErrors.unknownOutcome());
    this.#pending.clear();
  }

  /** Nothing in the queue was appended. */
  rejectQueue(error: SteppeError): void {
    for (const proposal of this.takeQueue()) proposal.reject(error);
  }
}
