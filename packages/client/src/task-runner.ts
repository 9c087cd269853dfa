import type { Clock, Random } from "@steppe/shared";
import { errorMessage } from "@steppe/shared";
import { type Allocation, type Node, type Task, type TaskGroup, type TaskState, TaskStateName } from "@steppe/structs";

import type { AllocationDirectory } from "./allocation-directory.js";
import { type Driver, type ExitResult, isRecoverable, type TaskConfig, type TaskHandle } from "./drivers/driver.js";
import { errors } from "./errors.js";
import { currentLogFile, type LogRotator } from "./log-files.js";
import type { Logger } from "./logger.js";
import { type RestartDecision, RestartTracker } from "./restart-tracker.js";
import type { StoredTask } from "./state-store.js";
import { type TaskEnvironment, taskEnvironment } from "./task-environment.js";
import * as events from "./task-events.js";

export interface TaskRunnerOptions {
  allocation: Allocation;
  group: TaskGroup;
  task: Task;
  driver: Driver | undefined;
  directory: AllocationDirectory;
  node: Node;
  region: string;
  /** The agent's environment, for drivers that pass it on. */
  hostVariables: Readonly<Record<string, string | undefined>>;
  maxKillTimeoutMs: number;
  rotator: LogRotator;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** Resolves when the task's turn has come among its siblings. */
  turn: Promise<void>;
  /** Called after each change of `state` and of what `stored` returns. */
  onChange: () => void;
  /** What an earlier agent knew of this task. */
  stored: StoredTask | undefined;
}

/** What makes a waiting runner act; `kill` and `detach` last, `restart` is consumed. */
type Interrupt = "kill" | "restart" | "detach";

/** A task that nothing has happened to yet. */
export const NEW_TASK_STATE: TaskState = {
  State: TaskStateName.pending,
  Failed: false,
  Restarts: 0,
  LastRestart: null,
  StartedAt: null,
  FinishedAt: null,
  Events: [],
  Paused: "",
};

/** Runs one task from its first start to its last end. `run` is its only thread: kills and restarts are handed to it. */
export class TaskRunner {
  readonly name: string;
  readonly #options: TaskRunnerOptions;
  readonly #restarts: RestartTracker;
  #task: Task;
  #state: TaskState;
  #handle: TaskHandle | undefined;
  #stored: Pick<StoredTask, "handle" | "ended">;
  #interrupt: Interrupt | undefined;
  #wake: (() => void) | undefined;
  #killDraft: events.EventDraft | undefined;
  #shutdownDelayNs = 0;

  constructor(options: TaskRunnerOptions) {
    this.#options = options;
    this.#task = options.task;
    this.name = options.task.Name;
    this.#state = options.stored?.state ?? NEW_TASK_STATE;
    this.#stored = { handle: options.stored?.handle ?? null, ended: options.stored?.ended ?? false };
    const lifecycle = options.task.Lifecycle;
    this.#restarts = new RestartTracker({
      policy: options.task.RestartPolicy,
      jobType: options.allocation.Job.Type,
      ephemeral: lifecycle !== null && !lifecycle.Sidecar,
      clock: options.clock,
      random: options.random,
    });
  }

  /** A frozen picture: changes replace it. */
  get state(): TaskState {
    return this.#state;
  }

  get dead(): boolean {
    return this.#state.State === TaskStateName.dead;
  }

  get stored(): StoredTask {
    return { state: this.#state, ...this.#stored };
  }

  /** The running task, for signals and usage. */
  get handle(): TaskHandle | undefined {
    return this.#handle;
  }

  /** The job changed without replacing the allocation: what the next start and kill use. */
  update(task: Task): void {
    this.#task = task;
    this.#restarts.setPolicy(task.RestartPolicy);
  }

  /** Records something that happened to the whole allocation. */
  emit(draft: events.EventDraft): void {
    this.#change({}, draft);
  }

  /** Ends the task for good; the first call's reason counts. `run` resolves when it has ended. */
  kill(reason?: events.EventDraft, options: { shutdownDelayNs?: number } = {}): void {
    if (this.dead || this.#interrupt === "kill" || this.#interrupt === "detach") return;
    this.#killDraft = reason;
    this.#shutdownDelayNs = options.shutdownDelayNs ?? 0;
    this.#setInterrupt("kill");
  }

  /** Restarts a running task now, outside of its restart policy; throws `taskNotRunning`. */
  restart(): void {
    if (this.#state.State !== TaskStateName.running) throw errors.taskNotRunning();
    this.emit(events.restartSignaled("User requested task to restart"));
    if (this.#interrupt === undefined) this.#setInterrupt("restart");
  }

  /** Sends a signal on a user's behalf; throws `taskNotRunning`, `unknownSignal`. */
  async signal(signal: string): Promise<void> {
    if (!this.#handle) throw errors.taskNotRunning();
    this.emit(events.signaling(signal, "User requested"));
    await this.#handle.signal(signal);
  }

  /** The agent goes away without the task. */
  detach(): void {
    this.#setInterrupt("detach");
  }

  async run(): Promise<void> {
    if (this.dead) return;
    if ((this.#state.Events ?? []).length === 0) this.#change({}, events.received());
    try {
      this.#handle = await this.#recover();
      if (!this.#handle) await this.#until(this.#options.turn);
      while (!(await this.#runOnce()));
    } catch (error) {
      this.#options.logger.error("a task runner failed", this.#fields({ error }));
      this.#die(true, events.setupFailure(errorMessage(error)));
    } finally {
      this.#options.rotator.remove(this.#key);
    }
  }

  /** One start and what comes of it; true when the task will not be started again (by this agent). */
  async #runOnce(): Promise<boolean> {
    if (this.#interrupt === "detach") return true;
    if (this.#interrupt === "kill" && !this.#handle) return this.#dieUnstarted();
    let decision: RestartDecision | undefined;
    if (!this.#handle) decision = await this.#start();
    decision ??= await this.#supervise();
    if (decision === undefined) return true;
    switch (decision.kind) {
      case "done":
        this.#die(false);
        return true;
      case "fail":
        this.#die(true, events.notRestarting(decision.reason));
        return true;
      case "restart":
        this.#markRestart(events.restarting(decision.reason, Math.round(decision.delayMs * 1e6)));
        await this.#delay(decision.delayMs);
        return false;
    }
  }

  /** Starts the task; undefined when it runs, else what the restart policy says about the failure. */
  async #start(): Promise<RestartDecision | undefined> {
    const { driver } = this.#options;
    try {
      if (!driver) throw errors.unknownDriver({ driver: this.#task.Driver });
      const task = await this.#prepare(driver);
      this.#handle = await driver.start(task);
    } catch (error) {
      this.emit(events.driverFailure(errorMessage(error)));
      return this.#restarts.next({ startFailed: true, recoverable: isRecoverable(error) });
    }
    this.#stored = { handle: this.#handle.state, ended: false };
    this.#change({ State: TaskStateName.running, StartedAt: this.#now(), FinishedAt: null }, events.started());
    return undefined;
  }

  /** Waits for the running task's end; undefined when that settles it (killed, or left alone). */
  async #supervise(): Promise<RestartDecision | undefined> {
    const handle = this.#handle;
    if (!handle) return undefined;
    let exit: ExitResult | undefined;
    const exited = handle.wait().then((result) => (exit = result));
    await this.#until(exited);
    const interrupt = exit ? undefined : this.#interrupt;
    if (interrupt === "detach") {
      handle.detach();
      return undefined;
    }
    if (this.#interrupt === "restart") this.#interrupt = undefined;
    if (interrupt) await this.#killHandle(handle, interrupt);
    exit ??= await exited;
    this.#handle = undefined;
    this.#stored = { ...this.#stored, ended: true };
    this.emit(events.terminated(exit));
    if (interrupt === "kill") {
      this.#die(false, events.killed());
      return undefined;
    }
    if (interrupt === "restart") return { kind: "restart", delayMs: 0, reason: "" };
    return this.#restarts.next({ success: exit.exitCode === 0 && exit.signal === 0 && exit.message === undefined });
  }

  async #killHandle(handle: TaskHandle, interrupt: Interrupt): Promise<void> {
    const { maxKillTimeoutMs, driver, clock } = this.#options;
    const timeoutMs = Math.min(this.#task.KillTimeout / 1e6, maxKillTimeoutMs);
    if (interrupt === "kill") {
      if (this.#killDraft) this.emit(this.#killDraft);
      if (this.#shutdownDelayNs > 0) {
        this.emit(events.waitingForShutdownDelay(this.#shutdownDelayNs));
        await Promise.race([
          new Promise<void>((resolve) => clock.after(this.#shutdownDelayNs / 1e6, resolve, true)),
          handle.wait(),
        ]);
      }
      this.emit(events.killing(timeoutMs * 1e6));
    }
    const signal = this.#task.KillSignal || driver?.defaultKillSignal || "SIGINT";
    try {
      await handle.kill(signal, timeoutMs);
    } catch (error) {
      // A signal that this system does not know must not keep a task alive.
      this.#options.logger.warn("cannot send a task its kill signal", this.#fields({ signal, error }));
      await handle.kill("SIGKILL", timeoutMs);
    }
  }

  /** Finds the task of an earlier agent again. An end that agent dealt with is no news. */
  async #recover(): Promise<TaskHandle | undefined> {
    const { stored, driver } = this.#options;
    if (!stored || !driver) return undefined;
    const handle = await driver.recover(
      stored.handle ?? undefined,
      this.#taskConfig(this.#environment(driver), undefined),
    );
    if (!handle) return undefined;
    if (stored.ended && JSON.stringify(handle.state) === JSON.stringify(stored.handle)) {
      handle.detach();
      return undefined;
    }
    this.#addToRotator();
    this.#stored = { handle: handle.state, ended: false };
    // The earlier agent may have died between the start and its record.
    const startedAt = this.#state.StartedAt ?? this.#now();
    if (this.#state.State === TaskStateName.running) this.#options.onChange();
    else this.#change({ State: TaskStateName.running, StartedAt: startedAt }, events.started());
    return handle;
  }

  async #prepare(driver: Driver): Promise<TaskConfig> {
    const { directory, allocation } = this.#options;
    const { LogConfig: log, Config: config } = this.#task;
    const logging = !log.Disabled;
    const environment = this.#environment(driver);
    if (this.#state.Restarts === 0 && !this.#state.Events?.some((event) => event.Type === "Task Setup")) {
      this.emit(events.taskSetup("Building Task Directory"));
    }
    if (!driver.needsDirectories(config ?? {}, logging)) return this.#taskConfig(environment, undefined);
    await directory.build(this.#task, allocation.Job.Payload);
    if (!logging) return this.#taskConfig(environment, undefined);
    const [stdoutPath, stderrPath] = await Promise.all([
      currentLogFile(directory.logs, this.name, "stdout"),
      currentLogFile(directory.logs, this.name, "stderr"),
    ]);
    this.#addToRotator();
    return this.#taskConfig(environment, { stdoutPath, stderrPath });
  }

  #environment(driver: Driver): TaskEnvironment {
    const { allocation, group, node, region, hostVariables, directory } = this.#options;
    return taskEnvironment({
      allocation,
      group,
      task: this.#task,
      node,
      region,
      directories: directory.task(this.name),
      hostVariables: driver.inheritsHostVariables ? hostVariables : {},
    });
  }

  #taskConfig(environment: TaskEnvironment, logs: TaskConfig["logs"]): TaskConfig {
    const { directory, allocation } = this.#options;
    return {
      allocationId: allocation.ID,
      taskName: this.name,
      config: (environment.interpolateValue(this.#task.Config ?? {}) ?? {}) as Record<string, unknown>,
      get env() {
        return environment.variables;
      },
      user: environment.interpolate(this.#task.User),
      taskDirectory: directory.task(this.name).task,
      stateDirectory: directory.stateDirectory(this.name),
      logs,
    };
  }

  #addToRotator(): void {
    const { LogConfig: log } = this.#task;
    if (log.Disabled) return;
    this.#options.rotator.add(this.#key, {
      directory: this.#options.directory.logs,
      task: this.name,
      maxFiles: log.MaxFiles,
      maxBytes: log.MaxFileSizeMB * 1024 * 1024,
    });
  }

  get #key(): string {
    return `${this.#options.allocation.ID}/${this.name}`;
  }

  #markRestart(draft: events.EventDraft): void {
    this.#change({ State: TaskStateName.pending, Restarts: this.#state.Restarts + 1, LastRestart: this.#now() }, draft);
  }

  #dieUnstarted(): true {
    this.#die(false, ...(this.#killDraft ? [this.#killDraft] : []));
    return true;
  }

  #die(failed: boolean, ...drafts: events.EventDraft[]): void {
    const finished = this.#now();
    this.#change({ State: TaskStateName.dead, Failed: failed, FinishedAt: finished }, ...drafts);
  }

  #change(patch: Partial<TaskState>, ...drafts: events.EventDraft[]): void {
    const recorded = drafts.map((draft) => events.taskEvent(draft, this.#options.clock));
    const all = [...(this.#state.Events ?? []), ...recorded].slice(-events.MAX_TASK_EVENTS);
    this.#state = { ...this.#state, ...patch, Events: all };
    this.#options.onChange();
  }

  #now(): string {
    return new Date(this.#options.clock.nowMs()).toISOString();
  }

  #fields(more: object): object {
    return { allocation: this.#options.allocation.ID, task: this.name, ...more };
  }

  #setInterrupt(interrupt: Interrupt): void {
    this.#interrupt = interrupt;
    this.#wake?.();
  }

  /** Waits for the promise or for an interrupt, whichever comes first. */
  async #until(promise: Promise<unknown>): Promise<void> {
    if (this.#interrupt !== undefined) return;
    const woken = new Promise<void>((resolve) => (this.#wake = resolve));
    await Promise.race([promise, woken]);
    this.#wake = undefined;
  }

  async #delay(delayMs: number): Promise<void> {
    let fire: () => void = () => undefined;
    const passed = new Promise<void>((resolve) => (fire = resolve));
    const timer = this.#options.clock.after(delayMs, fire, true);
    await this.#until(passed);
    timer.clear();
  }
}
