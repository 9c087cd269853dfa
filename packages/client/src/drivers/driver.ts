/** How a task ended. `exitCode` is 128 + signal for a task that a signal ended. */
export interface ExitResult {
  exitCode: number;
  signal: number;
  oomKilled: boolean;
  /** What the driver has to say beyond the code; shown in the Terminated event. */
  message?: string;
}

/** Everything a driver needs to run one task. Values are interpolated already. */
export interface TaskConfig {
  allocationId: string;
  taskName: string;
  /** The task's `config` block. */
  config: Readonly<Record<string, unknown>>;
  env: Readonly<Record<string, string>>;
  /** User to run as; empty for the agent's. */
  user: string;
  /** The task's own directory, its working directory. Not there when the driver did not ask for directories. */
  taskDirectory: string;
  /** Private to the agent and this task: where a driver keeps what outlives the agent. */
  stateDirectory: string;
  /** Files to append output to; undefined when logs are disabled. */
  logs: { stdoutPath: string; stderrPath: string } | undefined;
}

/** What a driver needs to find a task again after the agent was restarted: plain JSON. */
export type HandleState = Readonly<Record<string, string | number | boolean | null>>;

export interface TaskUsage {
  /** CPU time used since start, in seconds. */
  cpuSeconds: number;
  /** Resident memory in bytes. */
  memoryBytes: number;
}

/** A task that was started (it may have ended since). */
export interface TaskHandle {
  readonly state: HandleState;
  /** Resolves when the task has ended; never rejects. Pending forever after `detach`. */
  wait(): Promise<ExitResult>;
  /** Sends the signal, and SIGKILL to whatever is left after `timeoutMs`. Resolves when the task has ended. */
  kill(signal: string, timeoutMs: number): Promise<void>;
  /** Sends a signal; throws `unknownSignal`, `taskNotRunning`. */
  signal(signal: string): Promise<void>;
  usage(): Promise<TaskUsage | undefined>;
  /** The agent goes away: stop watching, leave the task as it is. */
  detach(): void;
}

export interface DriverFingerprint {
  detected: boolean;
  healthy: boolean;
  description: string;
  /** Without the `driver.` prefix key itself, e.g. `{"driver.raw_exec": "true"}`. */
  attributes: Record<string, string>;
}

export interface Driver {
  readonly name: string;
  fingerprint(): Promise<DriverFingerprint>;
  /** Whether a task needs its directories on disk; those that do not are much cheaper. */
  needsDirectories(config: Readonly<Record<string, unknown>>, logsEnabled: boolean): boolean;
  /** Whether tasks get the agent's own environment variables as well (without the agent's credentials). */
  readonly inheritsHostVariables: boolean;
  /** The signal for a stop when the task names none. */
  readonly defaultKillSignal: string;
  /**
   * Starts a task; resolves when it runs (it may end at once). Throws an error with a text for the user; `recoverable: true` on
   * it lets the restart policy try again.
   */
  start(task: TaskConfig): Promise<TaskHandle>;
  /**
   * Finds a task again that an earlier agent started. `state` is undefined when that agent died before it could save it.
   * Returns undefined when the task was never started; a task that ended meanwhile is returned and `wait` resolves at once.
   */
  recover(state: HandleState | undefined, task: TaskConfig): Promise<TaskHandle | undefined>;
}

/** Whether a failed start may be tried again under the restart policy. */
export function isRecoverable(error: unknown): boolean {
  return (error as { recoverable?: unknown }).recoverable === true;
}
