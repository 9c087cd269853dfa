import { AllocClientStatus, type TaskState, TaskStateName } from "@steppe/structs";

/** An allocation's status as its client sees it. */
export interface ClientStatus {
  status: string;
  description: string;
}

/** Derives an allocation's status from its tasks' states. One failed task fails the allocation, whatever else still runs. */
export function clientStatus(states: Iterable<TaskState>): ClientStatus {
  let failed = false;
  let running = false;
  let pending = false;
  let dead = false;
  for (const { State: state, Failed: taskFailed } of states) {
    if (state === TaskStateName.running) running = true;
    else if (state === TaskStateName.pending) pending = true;
    else if (taskFailed) failed = true;
    else dead = true;
  }
  if (failed) return { status: AllocClientStatus.failed, description: "Failed tasks" };
  if (running) return { status: AllocClientStatus.running, description: "Tasks are running" };
  if (pending || !dead) return { status: AllocClientStatus.pending, description: "No tasks have started" };
  return { status: AllocClientStatus.complete, description: "All tasks have completed" };
}
