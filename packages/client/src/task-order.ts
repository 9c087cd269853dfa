import { type Task, type TaskState, TaskStateName } from "@steppe/structs";

/** When a task runs, relative to the group's main tasks. */
export type TaskPhase = "prestart" | "main" | "poststart" | "poststop";

export function taskPhase(task: Task): TaskPhase {
  const hook = task.Lifecycle?.Hook ?? "";
  return hook === "prestart" || hook === "poststart" || hook === "poststop" ? hook : "main";
}

/** Why tasks have to end because of one of their siblings. */
export type EndReason = { kind: "siblingFailed"; task: string } | { kind: "leaderDead" } | { kind: "mainDead" };

/** What has to happen next among an allocation's tasks. */
export interface TaskOrder {
  /** Phases whose tasks may start now (or have done so). */
  open: ReadonlySet<TaskPhase>;
  /** Set when all tasks but the poststop ones have to end. */
  end: EndReason | undefined;
}

/** Derives the order from the tasks' states alone, so that it is the same after a restart of the agent. */
export function taskOrder(tasks: readonly Task[], states: ReadonlyMap<string, TaskState>): TaskOrder {
  const stateOf = (task: Task): TaskState | undefined => states.get(task.Name);
  const dead = (task: Task): boolean => stateOf(task)?.State === TaskStateName.dead;
  const started = (task: Task): boolean => (stateOf(task)?.StartedAt ?? null) !== null || dead(task);
  const mains = tasks.filter((task) => taskPhase(task) === "main");
  const open = new Set<TaskPhase>(["prestart"]);
  const prestartDone = tasks
    .filter((task) => taskPhase(task) === "prestart")
    .every((task) => (task.Lifecycle?.Sidecar ? started(task) : dead(task) && stateOf(task)?.Failed === false));
  if (prestartDone) open.add("main");
  if (prestartDone && mains.every(started)) open.add("poststart");
  const mainsDead = mains.length > 0 && mains.every(dead);
  if (mainsDead) open.add("poststop");
  return { open, end: endReason(tasks, stateOf, dead, mainsDead) };
}

function endReason(
  tasks: readonly Task[],
  stateOf: (task: Task) => TaskState | undefined,
  dead: (task: Task) => boolean,
  mainsDead: boolean,
): EndReason | undefined {
  const failed = tasks.find((task) => taskPhase(task) !== "poststop" && dead(task) && stateOf(task)?.Failed);
  if (failed) return { kind: "siblingFailed", task: failed.Name };
  if (tasks.some((task) => task.Leader && dead(task))) return { kind: "leaderDead" };
  return mainsDead ? { kind: "mainDead" } : undefined;
}
