import type { Clock, Random } from "@steppe/shared";
import {
  type AllocClientUpdate,
  AllocClientStatus,
  type AllocDeploymentStatus,
  type Allocation,
  clientTerminal,
  type Node,
  type Task,
  type TaskGroup,
  type TaskState,
} from "@steppe/structs";

import { AllocationDirectory } from "./allocation-directory.js";
import { AllocationHealth, healthRules, type HealthVerdict } from "./allocation-health.js";
import { type ClientStatus, clientStatus } from "./client-status.js";
import type { Driver } from "./drivers/driver.js";
import type { LogRotator } from "./log-files.js";
import type { Logger } from "./logger.js";
import type { StateStore, StoredAllocation } from "./state-store.js";
import * as events from "./task-events.js";
import { type EndReason, taskOrder, type TaskPhase, taskPhase } from "./task-order.js";
import { NEW_TASK_STATE, TaskRunner } from "./task-runner.js";

/** What all allocations of a node share. */
export interface RunnerContext {
  drivers: ReadonlyMap<string, Driver>;
  /** The node as it was last registered. */
  node: () => Node;
  region: string;
  allocationsDirectory: string;
  driversDirectory: string;
  maxKillTimeoutMs: number;
  hostVariables: Readonly<Record<string, string | undefined>>;
  store: StateStore;
  rotator: LogRotator;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** The allocation's state changed: the servers should hear of it. */
  onChange: (runner: AllocationRunner) => void;
  /** The runner of another allocation on this node, if there is one. */
  runnerOf: (id: string) => AllocationRunner | undefined;
}

interface Turn {
  opened: Promise<void>;
  open: () => void;
}

/** Runs the tasks of one allocation in their order, derives its status and judges its health. */
export class AllocationRunner {
  readonly id: string;
  readonly directory: AllocationDirectory;
  /** Resolves when all tasks have ended (or the agent let go of them). */
  readonly done: Promise<void>;
  readonly #context: RunnerContext;
  readonly #tasks = new Map<string, TaskRunner>();
  readonly #turns = new Map<TaskPhase, Turn>();
  #allocation: Allocation;
  #group: TaskGroup | undefined;
  #deploymentStatus: AllocDeploymentStatus | null;
  #health: AllocationHealth | undefined;
  #ready = false;
  #stopping = false;
  #detached = false;
  #markDone: () => void = () => undefined;

  constructor(context: RunnerContext, allocation: Allocation, stored?: StoredAllocation) {
    this.id = allocation.ID;
    this.#context = context;
    this.#allocation = allocation;
    this.#group = allocation.Job.TaskGroups?.find((group) => group.Name === allocation.TaskGroup);
    this.#deploymentStatus = stored?.deploymentStatus ?? allocation.DeploymentStatus ?? null;
    this.directory = new AllocationDirectory({ ...context, allocationId: allocation.ID });
    this.done = new Promise((resolve) => (this.#markDone = resolve));
    for (const phase of ["prestart", "main", "poststart", "poststop"] as const) this.#turns.set(phase, newTurn());
    for (const task of this.#group?.Tasks ?? []) this.#tasks.set(task.Name, this.#newTask(task, stored));
  }

  get allocation(): Allocation {
    return this.#allocation;
  }

  get tasks(): ReadonlyMap<string, TaskRunner> {
    return this.#tasks;
  }

  get status(): ClientStatus {
    if (this.#tasks.size === 0) {
      return {
        status: AllocClientStatus.failed,
        description: `Task group "${this.#allocation.TaskGroup}" has no tasks`,
      };
    }
    return clientStatus([...this.#tasks.values()].map((task) => task.state));
  }

  /** No task runs and none will: a failed allocation whose other tasks are still ending is not there yet. */
  get terminal(): boolean {
    return [...this.#tasks.values()].every((task) => task.dead);
  }

  /** Begins to run. Call once; a restored allocation looks for the tasks of the earlier agent first. */
  start(): void {
    this.#watchHealth();
    const runs = [...this.#tasks.values()].map((task) => task.run());
    void Promise.all(runs).then(() => {
      this.#health?.stop();
      if (!this.#detached) this.#context.onChange(this);
      this.#markDone();
    });
    void this.#prepare();
    if (this.#tasks.size === 0) this.#context.onChange(this);
  }

  /** Takes over a new version of the allocation: an in-place update, or a wish to stop. */
  update(allocation: Allocation): void {
    const previous = this.#allocation;
    this.#allocation = allocation;
    this.#context.store.putAllocation(allocation);
    this.#group = allocation.Job.TaskGroups?.find((group) => group.Name === allocation.TaskGroup) ?? this.#group;
    for (const task of this.#group?.Tasks ?? []) this.#tasks.get(task.Name)?.update(task);
    if ((allocation.DeploymentID ?? "") !== (previous.DeploymentID ?? "")) {
      // A new deployment judges the allocation anew, though its tasks go on.
      this.#deploymentStatus = allocation.DeploymentStatus ?? null;
      this.#health?.stop();
      this.#health = undefined;
      this.#watchHealth();
    }
  }

  /** Ends all tasks: the leader first, poststop tasks run after the others. Resolves when all have ended. */
  async stop(): Promise<void> {
    if (!this.#stopping) {
      this.#stopping = true;
      this.#health?.stop();
      const leader = [...this.#tasks.values()].find((task) => this.#taskOf(task.name)?.Leader);
      if (leader && !leader.dead) this.#kill(leader);
      else this.#killAll();
      this.#coordinate();
    }
    await this.done;
  }

  /** Lets go of the tasks, which run on without the agent. */
  detach(): void {
    this.#detached = true;
    this.#health?.stop();
    for (const task of this.#tasks.values()) task.detach();
  }

  /** What the servers are told. */
  clientUpdate(): AllocClientUpdate {
    const { status, description } = this.status;
    return {
      ID: this.id,
      ClientStatus: status,
      ClientDescription: description,
      TaskStates: Object.fromEntries(this.#states()),
      ...(this.#deploymentStatus && { DeploymentStatus: this.#deploymentStatus }),
      NetworkStatus: { InterfaceName: "", Address: "", AddressIPv6: "", DNS: null },
      ModifyTime: events.nowNs(this.#context.clock),
    };
  }

  /** Waits for the allocation that this one replaces, whose ports and sticky disk it may need, then lets tasks start. */
  async #prepare(): Promise<void> {
    const previous = this.#context.runnerOf(this.#allocation.PreviousAllocation ?? "");
    if (previous && !this.#started()) {
      if (!previous.terminal) await previous.done;
      if (this.#group?.EphemeralDisk.Sticky) {
        await this.directory
          .adopt(previous.directory, [...this.#tasks.keys()])
          .catch((error: unknown) =>
            this.#context.logger.warn("cannot move a sticky disk", { allocation: this.id, error }),
          );
      }
    }
    this.#ready = true;
    this.#coordinate();
  }

  #started(): boolean {
    return [...this.#tasks.values()].some((task) => task.state.StartedAt !== null || task.dead);
  }

  #newTask(task: Task, stored: StoredAllocation | undefined): TaskRunner {
    const { drivers, node, region, hostVariables, maxKillTimeoutMs, rotator, clock, random, logger } = this.#context;
    return new TaskRunner({
      allocation: this.#allocation,
      group: this.#group as TaskGroup,
      task,
      driver: drivers.get(task.Driver),
      directory: this.directory,
      node: node(),
      region,
      hostVariables,
      maxKillTimeoutMs,
      rotator,
      clock,
      random,
      logger,
      turn: this.#turn(taskPhase(task)).opened,
      onChange: () => this.#taskChanged(),
      // A restored allocation may have tasks that the earlier agent started and did not live to record.
      stored: stored && (stored.tasks[task.Name] ?? { state: NEW_TASK_STATE, handle: null, ended: false }),
    });
  }

  #taskChanged(): void {
    if (this.#detached) return;
    this.#health?.observe(this.#states());
    this.#coordinate();
    this.#saveProgress();
    this.#context.onChange(this);
  }

  #saveProgress(): void {
    const tasks = Object.fromEntries([...this.#tasks].map(([name, task]) => [name, task.stored]));
    this.#context.store.putProgress(this.id, { tasks, deploymentStatus: this.#deploymentStatus });
  }

  /** Opens the phases whose turn has come, and ends tasks whose siblings' ends demand it. */
  #coordinate(): void {
    const order = taskOrder(this.#group?.Tasks ?? [], this.#states());
    if (this.#ready || this.#stopping) for (const phase of order.open) this.#turn(phase).open();
    const leaderDead = order.end?.kind === "leaderDead";
    if (this.#stopping && (leaderDead || order.end)) this.#killAll();
    else if (order.end) this.#killAll(order.end);
  }

  #killAll(reason?: EndReason): void {
    for (const task of this.#tasks.values()) {
      const definition = this.#taskOf(task.name);
      if (definition && taskPhase(definition) === "poststop") continue;
      // Whatever has no end of its own coming goes; a poststart task may finish after the main tasks.
      if (reason?.kind === "mainDead" && definition?.Lifecycle && !definition.Lifecycle.Sidecar && task.handle)
        continue;
      this.#kill(task, reason);
    }
  }

  #kill(task: TaskRunner, reason?: EndReason): void {
    const definition = this.#taskOf(task.name);
    const skipDelay = this.#allocation.DesiredTransition?.NoShutdownDelay === true;
    const shutdownDelayNs = (definition?.ShutdownDelay ?? 0) || (this.#group?.ShutdownDelay ?? 0);
    task.kill(reason && endEvent(reason), { shutdownDelayNs: this.#stopping && !skipDelay ? shutdownDelayNs : 0 });
  }

  #watchHealth(): void {
    const group = this.#group;
    if (!group || this.#health || clientTerminal({ ClientStatus: this.status.status })) return;
    if (typeof this.#deploymentStatus?.Healthy === "boolean") return;
    const rules = healthRules(this.#allocation, group);
    if (!rules) return;
    const { clock } = this.#context;
    this.#health = new AllocationHealth({
      rules,
      tasks: group.Tasks,
      clock,
      onVerdict: (verdict) => this.#judge(verdict),
    });
    this.#health.observe(this.#states());
  }

  #judge({ healthy, reason }: HealthVerdict): void {
    const known = this.#allocation.DeploymentStatus;
    this.#deploymentStatus = {
      Healthy: healthy,
      Timestamp: new Date(this.#context.clock.nowMs()).toISOString(),
      Canary: known?.Canary ?? false,
      ModifyIndex: known?.ModifyIndex ?? 0,
    };
    if (!healthy) for (const task of this.#tasks.values()) task.emit(events.unhealthy(reason));
    this.#saveProgress();
    this.#context.onChange(this);
  }

  #states(): Map<string, TaskState> {
    return new Map([...this.#tasks].map(([name, task]) => [name, task.state]));
  }

  #taskOf(name: string): Task | undefined {
    return this.#group?.Tasks.find((task) => task.Name === name);
  }

  #turn(phase: TaskPhase): Turn {
    return this.#turns.get(phase) as Turn;
  }
}

function newTurn(): Turn {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

function endEvent(reason: EndReason): events.EventDraft {
  switch (reason.kind) {
    case "siblingFailed":
      return events.siblingFailed(reason.task);
    case "leaderDead":
      return events.leaderDead();
    case "mainDead":
      return events.mainDead();
  }
}
