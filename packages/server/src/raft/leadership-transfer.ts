import type { Clock } from "@steppe/shared";
import type { RawNode } from "raft-ts";

import { raftErrors } from "./errors.js";

export interface LeadershipTransfer {
  readonly node: RawNode;
  /** Raft's id of the voter that is to lead; undefined: the one whose log is longest. */
  readonly target: number | undefined;
  readonly isLeader: () => boolean;
  readonly isVoter: (id: number) => boolean;
  readonly wake: () => void;
  readonly clock: Clock;
  /** Raft gives up after an election timeout; so does this, a little later. */
  readonly timeoutMs: number;
}

/** Hands leadership over; resolves when this server leads no more. Rejects with `noTransferTarget` or `transferFailed`. */
export async function transferLeadership(transfer: LeadershipTransfer): Promise<void> {
  const { node, isLeader, isVoter, wake, clock, timeoutMs } = transfer;
  const self = node.status().id;
  const target = transfer.target ?? bestSuccessor(node);
  if (target === undefined || target === self || !isVoter(target)) throw raftErrors.noTransferTarget();
  node.transferLeader(target);
  wake();
  const deadlineMs = clock.monotonicMs() + timeoutMs;
  while (isLeader()) {
    if (clock.monotonicMs() > deadlineMs) throw raftErrors.transferFailed({ timeoutMs });
    await new Promise<void>((resolve) => clock.after(10, resolve));
  }
}

function bestSuccessor(node: RawNode): number | undefined {
  const { id: self, progress } = node.status();
  let best: { id: number; match: number } | undefined;
  for (const [id, { match, recentActive, isLearner }] of progress) {
    if (id === self || !recentActive || isLearner) continue;
    if (best === undefined || match > best.match) best = { id, match };
  }
  return best?.id;
}
