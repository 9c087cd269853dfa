import { errors } from "../errors.js";
import type { ReadView } from "../read-view.js";
import { type RestorePart, restorePartKey } from "../rows.js";
import { command } from "./command.js";

export interface RestoreStagePayload {
  restoreID: string;
  /** 0, 1, 2, ...: the first one makes the parts of any other restore void. */
  number: number;
  /** Whole lines of the snapshot, each with its newline. */
  lines: string;
}

/** Puts one part of a snapshot aside. It is state like any other: replicated, kept over restarts, in followers' snapshots. */
export const restoreStage = command<RestoreStagePayload, { index: number }>({
  id: 28,
  apply: (txn, { restoreID, number, lines }) => {
    if (number === 0) for (const part of txn.list("restoreParts")) txn.delete("restoreParts", partKey(part));
    txn.put("restoreParts", { RestoreID: restoreID, Number: number, Lines: lines });
    return { index: txn.index };
  },
});

export interface RestoreSnapshotPayload {
  restoreID: string;
  /** How many parts were staged. */
  parts: number;
}

/**
 * Puts the snapshot whose parts were staged in the place of the whole state, at this entry's index, in one step on every server. Who
 * proposes it has checked that the parts are a snapshot (`checkSnapshot`).
 */
export const restoreSnapshot = command<RestoreSnapshotPayload, { index: number }>({
  id: 29,
  apply: (txn, payload) => {
    if (!replacement(txn, payload)) throw errors.restoreIncomplete();
    return { index: txn.index };
  },
  replacement,
});

function replacement(read: Pick<ReadView, "get">, { restoreID, parts }: RestoreSnapshotPayload): string[] | undefined {
  const lines: string[] = [];
  for (let number = 0; number < parts; number++) {
    const part = read.get("restoreParts", restorePartKey(restoreID, number));
    if (!part) return undefined;
    lines.push(part.Lines);
  }
  return lines;
}

const partKey = (part: RestorePart): string => restorePartKey(part.RestoreID, part.Number);

/** Throws away what a restore that was given up has staged. */
export const restoreAbandon = command<{ restoreID: string }, { index: number }>({
  id: 30,
  apply: (txn, { restoreID }) => {
    for (const part of txn.list("restoreParts", { prefix: `${restoreID}\0` }))
      txn.delete("restoreParts", partKey(part));
    return { index: txn.index };
  },
});
