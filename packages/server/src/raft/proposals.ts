import type { SteppeError } from "@steppe/shared";
import { isRaftError, RaftError, type RawNode } from "raft-ts";

import { raftErrors } from "./errors.js";

export interface ProposalResult {
  /** The entry's index. */
  readonly index: number;
  /** What the state machine returned. */
  readonly result: unknown;
}

interface Waiting {
  readonly resolve: (result: ProposalResult) => void;
  readonly reject: (error: unknown) => void;
}

interface QueuedProposal extends Waiting {
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

  /** Gives the whole queue to the node, as one batch. */
  submit(node: RawNode, leading: boolean): void {
    const queue = this.#takeQueue();
    if (queue.length === 0) return;
    try {
      const first = node.proposeBatch(queue.map(({ data }) => data));
      // Not the leader any more: nothing was appended.
      if (first === undefined) for (const { reject } of queue) reject(raftErrors.noLeader());
      else queue.forEach((proposal, i) => this.track(first.index + i, first.term, proposal));
    } catch (error) {
      const overloaded = leading && isRaftError(error, "proposalDropped");
      for (const { reject } of queue)
        reject(overloaded ? raftErrors.overloaded({}, error) : raftErrors.noLeader({}, error));
      if (!(error instanceof RaftError)) throw error;
    }
  }

  #takeQueue(): QueuedProposal[] {
    const queue = this.#queue;
    if (queue.length > 0) this.#queue = [];
    return queue;
  }

  /** The proposal is entry `index` of `term` in this leader's log. */
  track(index: number, term: number, { resolve, reject }: Waiting): void {
    this.#pending.set(index, { term, resolve, reject });
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
    for (const proposal of this.#takeQueue()) proposal.reject(error);
  }
}
