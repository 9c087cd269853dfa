import type { AllocClientUpdate, DesiredTransition } from "@steppe/structs";
import type { Allocation, Evaluation } from "../rows.js";
import { command } from "./command.js";
import { putEvaluations } from "./evaluations.js";

export interface AllocClientUpdatePayload {
  allocs: AllocClientUpdate[];
  evaluations: Evaluation[];
  nowNs: number;
}

/**
 * Takes what node agents report. Only ModifyIndex moves, not AllocModifyIndex, which tells the agent that the server changed something.
 * Updates of allocations that are gone are passed over.
 */
export const allocClientUpdate = command<AllocClientUpdatePayload, { index: number }>({
  id: 8,
  apply: (txn, { allocs, evaluations, nowNs }) => {
    for (const update of allocs) {
      const existing = txn.get("allocations", update.ID);
      if (existing) txn.put("allocations", merged(existing, update, nowNs, txn.index));
    }
    putEvaluations(txn, evaluations);
    return { index: txn.index };
  },
});

function merged(existing: Allocation, update: AllocClientUpdate, nowNs: number, index: number): Allocation {
  const row: Allocation = {
    ...existing,
    ClientStatus: update.ClientStatus || existing.ClientStatus,
    ClientDescription: update.ClientDescription,
    TaskStates: update.TaskStates ? { ...existing.TaskStates, ...update.TaskStates } : existing.TaskStates,
    ModifyTime: update.ModifyTime || nowNs,
  };
  if (update.NetworkStatus) row.NetworkStatus = update.NetworkStatus;
  const health = update.DeploymentStatus;
  const known = existing.DeploymentStatus;
  if (health && health.Healthy !== (known?.Healthy ?? null)) {
    // Whether it is a canary is the scheduler's to say.
    row.DeploymentStatus = { ...health, Canary: known?.Canary ?? false, ModifyIndex: index };
  }
  return row;
}

export interface AllocDesiredTransitionPayload {
  /** By allocation ID; what is null in a transition stays as it was. */
  allocs: Record<string, Partial<DesiredTransition>>;
  evaluations: Evaluation[];
}

const NO_TRANSITION: DesiredTransition = {
  Migrate: null,
  Reschedule: null,
  ForceReschedule: null,
  NoShutdownDelay: null,
  MigrateDisablePlacement: null,
};

/** Asks the scheduler to move or replace allocations. */
export const allocDesiredTransition = command<AllocDesiredTransitionPayload, { index: number }>({
  id: 15,
  apply: (txn, { allocs, evaluations }) => {
    for (const id of Object.keys(allocs).sort()) {
      const existing = txn.get("allocations", id);
      if (!existing) continue;
      const asked = Object.entries(allocs[id] ?? {}).filter(([, value]) => value !== null);
      const transition = { ...NO_TRANSITION, ...existing.DesiredTransition, ...Object.fromEntries(asked) };
      txn.put("allocations", { ...existing, DesiredTransition: transition });
    }
    putEvaluations(txn, evaluations);
    return { index: txn.index };
  },
});
