import type { Evaluation } from "../rows.js";
import type { Txn } from "../txn.js";
import { command } from "./command.js";

export interface EvalUpsertPayload {
  evaluations: Evaluation[];
}

export interface EvalDeletePayload {
  evalIDs: string[];
  allocIDs: string[];
}

/** Writes evaluations. They belong to the state from then on. */
export function putEvaluations(txn: Txn, evaluations: readonly Evaluation[] | null | undefined): void {
  for (const evaluation of evaluations ?? []) txn.put("evaluations", evaluation);
}

export const evalUpsert = command<EvalUpsertPayload, { index: number }>({
  id: 9,
  apply: (txn, { evaluations }) => {
    putEvaluations(txn, evaluations);
    return { index: txn.index };
  },
});

/** Deletes evaluations and allocations, for garbage collection. Those that are gone already are passed over. */
export const evalDelete = command<EvalDeletePayload, { index: number; count: number }>({
  id: 10,
  apply: (txn, { evalIDs, allocIDs }) => {
    let count = 0;
    for (const id of evalIDs) if (txn.delete("evaluations", id)) count++;
    for (const id of allocIDs) txn.delete("allocations", id);
    return { index: txn.index, count };
  },
});
