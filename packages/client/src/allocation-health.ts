import { type Clock, formatDuration, type Timer } from "@steppe/shared";
import { type Allocation, JobType, type Task, type TaskGroup, type TaskState, TaskStateName } from "@steppe/structs";

/** By which rules an allocation's health is judged. Milliseconds. */
export interface HealthRules {
  minHealthyMs: number;
  deadlineMs: number;
}

export interface HealthVerdict {
  healthy: boolean;
  /** Why not; shown as an event of the tasks. */
  reason: string;
}

/**
 * The rules for an allocation, or undefined when its health is nobody's question: only services are rolled out and migrated,
 * and a manual deployment is judged by people.
 */
export function healthRules(allocation: Allocation, group: TaskGroup): HealthRules | undefined {
  const deploying = (allocation.DeploymentID ?? "") !== "";
  if (!deploying && allocation.Job.Type !== JobType.service) return undefined;
  const strategy = deploying ? group.Update : group.Migrate;
  if (!strategy || strategy.HealthCheck === "manual") return undefined;
  return { minHealthyMs: strategy.MinHealthyTime / 1e6, deadlineMs: strategy.HealthyDeadline / 1e6 };
}

/**
 * Watches an allocation until it has been healthy for long enough, or has failed to be. Healthy means: all its lasting tasks run
 * without a restart, and those that come before have succeeded. The verdict is given once.
 */
export class AllocationHealth {
  readonly #rules: HealthRules;
  readonly #tasks: readonly Task[];
  readonly #clock: Clock;
  readonly #onVerdict: (verdict: HealthVerdict) => void;
  #deadline: Timer;
  #healthy: Timer | undefined;
  /** Start times of the tasks that the running timer counts for: a restart begins it anew. */
  #countedStarts = "";
  #done = false;

  constructor(options: {
    rules: HealthRules;
    tasks: readonly Task[];
    clock: Clock;
    onVerdict: (verdict: HealthVerdict) => void;
  }) {
    this.#rules = options.rules;
    this.#tasks = options.tasks;
    this.#clock = options.clock;
    this.#onVerdict = options.onVerdict;
    const { minHealthyMs, deadlineMs } = options.rules;
    const reason =
      `Task not running for min_healthy_time of ${formatDuration(minHealthyMs * 1e6)}` +
      ` by healthy_deadline of ${formatDuration(deadlineMs * 1e6)}`;
    this.#deadline = this.#clock.after(deadlineMs, () => this.#finish({ healthy: false, reason }), true);
  }

  /** To be called after every change of a task's state. */
  observe(states: ReadonlyMap<string, TaskState>): void {
    if (this.#done) return;
    let settled = true;
    const starts: string[] = [];
    for (const task of this.#tasks) {
      const state = states.get(task.Name);
      const hook = task.Lifecycle?.Hook ?? "";
      if (!state || hook === "poststop") continue;
      if (state.Failed) return this.#finish({ healthy: false, reason: "Unhealthy because of failed task" });
      const lasting = hook === "" || task.Lifecycle?.Sidecar === true;
      if (lasting && state.State === TaskStateName.dead) {
        return this.#finish({ healthy: false, reason: "Unhealthy because of dead task" });
      }
      if (lasting) starts.push(state.StartedAt ?? "");
      if (lasting && state.State !== TaskStateName.running) settled = false;
      if (!lasting && hook === "prestart" && state.State !== TaskStateName.dead) settled = false;
    }
    this.#count(settled ? `${starts.join()};` : "");
  }

  stop(): void {
    this.#done = true;
    this.#deadline.clear();
    this.#healthy?.clear();
  }

  #count(starts: string): void {
    if (starts === this.#countedStarts) return;
    this.#countedStarts = starts;
    this.#healthy?.clear();
    this.#healthy = undefined;
    if (starts === "") return;
    this.#healthy = this.#clock.after(
      this.#rules.minHealthyMs,
      () => this.#finish({ healthy: true, reason: "" }),
      true,
    );
  }

  #finish(verdict: HealthVerdict): void {
    if (this.#done) return;
    this.stop();
    this.#onVerdict(verdict);
  }
}
