import { constants } from "node:os";
import { appendFile } from "node:fs/promises";

import type { SteppeError } from "@steppe/shared";
import { type Clock, type Timer } from "@steppe/shared";

import { errors } from "../errors.js";
import type { Logger } from "../logger.js";
import { ConfigReader } from "./config-reader.js";
import type {
  Driver,
  DriverFingerprint,
  ExitResult,
  HandleState,
  TaskConfig,
  TaskHandle,
  TaskUsage,
} from "./driver.js";

interface MockOptions {
  startError: string;
  startErrorRecoverable: boolean;
  startBlockForMs: number;
  runForMs: number;
  killAfterMs: number;
  exitCode: number;
  exitSignal: number;
  exitErrorMessage: string;
  signalError: string;
  stdout: MockOutput;
  stderr: MockOutput;
}

interface MockOutput {
  text: string;
  /** How many times it is written, the first one counted. */
  times: number;
  intervalMs: number;
}

function readOptions(config: Readonly<Record<string, unknown>>): MockOptions {
  const reader = new ConfigReader(config);
  const output = (stream: string): MockOutput => ({
    text: reader.string(`${stream}_string`),
    times: 1 + reader.number(`${stream}_repeat`),
    intervalMs: reader.durationMs(`${stream}_repeat_duration`) ?? 0,
  });
  return {
    startError: reader.string("start_error"),
    startErrorRecoverable: reader.boolean("start_error_recoverable"),
    startBlockForMs: reader.durationMs("start_block_for") ?? 0,
    runForMs: reader.durationMs("run_for") ?? 0,
    killAfterMs: reader.durationMs("kill_after") ?? 0,
    exitCode: reader.number("exit_code"),
    exitSignal: reader.number("exit_signal"),
    exitErrorMessage: reader.string("exit_err_msg"),
    signalError: reader.string("signal_error"),
    stdout: output("stdout"),
    stderr: output("stderr"),
  };
}

/**
 * Tasks that exist only as timers: for tests, benchmarks and demonstrations with thousands of them. A task is resumed after
 * the agent's restart as if it had kept running.
 */
export class MockDriver implements Driver {
  readonly name = "mock_driver";
  readonly defaultKillSignal = "SIGINT";
  readonly inheritsHostVariables = false;
  readonly #enabled: boolean;
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(options: { enabled: boolean; clock: Clock; logger: Logger }) {
    this.#enabled = options.enabled;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  fingerprint(): Promise<DriverFingerprint> {
    return Promise.resolve({
      detected: this.#enabled,
      healthy: this.#enabled,
      description: this.#enabled ? "Healthy" : "disabled",
      attributes: this.#enabled ? { "driver.mock_driver": "true" } : {},
    });
  }

  needsDirectories(config: Readonly<Record<string, unknown>>, logsEnabled: boolean): boolean {
    return logsEnabled && (Boolean(config["stdout_string"]) || Boolean(config["stderr_string"]));
  }

  async start(task: TaskConfig): Promise<TaskHandle> {
    const options = readOptions(task.config);
    if (options.startBlockForMs > 0) {
      await new Promise<void>((resolve) => this.#clock.after(options.startBlockForMs, resolve));
    }
    if (options.startError !== "") {
      const error: SteppeError = errors.mockStartError({ text: options.startError });
      throw Object.assign(error, { recoverable: options.startErrorRecoverable });
    }
    const handle = new MockHandle(options, this.#clock, this.#clock.nowMs());
    if (task.logs) {
      this.#write(task.logs.stdoutPath, options.stdout, handle);
      this.#write(task.logs.stderrPath, options.stderr, handle);
    }
    return handle;
  }

  recover(state: HandleState | undefined, task: TaskConfig): Promise<TaskHandle | undefined> {
    const startedAtMs = state?.["startedAtMs"];
    if (typeof startedAtMs !== "number") return Promise.resolve(undefined);
    return Promise.resolve(new MockHandle(readOptions(task.config), this.#clock, startedAtMs));
  }

  #write(file: string, output: MockOutput, handle: MockHandle): void {
    if (output.text === "") return;
    const writeOnce = (remaining: number): void => {
      if (handle.ended) return;
      appendFile(file, output.text).then(
        () => {
          if (remaining > 1) this.#clock.after(output.intervalMs, () => writeOnce(remaining - 1), true);
        },
        (error: unknown) => this.#logger.warn("mock_driver cannot write a task's output", { file, error }),
      );
    };
    writeOnce(output.times);
  }
}

class MockHandle implements TaskHandle {
  readonly state: HandleState;
  ended = false;
  readonly #options: MockOptions;
  readonly #clock: Clock;
  readonly #exited: Promise<ExitResult>;
  #resolve: (result: ExitResult) => void = () => undefined;
  #timer: Timer;

  constructor(options: MockOptions, clock: Clock, startedAtMs: number) {
    this.state = { startedAtMs };
    this.#options = options;
    this.#clock = clock;
    this.#exited = new Promise((resolve) => (this.#resolve = resolve));
    const remainingMs = Math.max(0, startedAtMs + options.runForMs - clock.nowMs());
    this.#timer = this.#runFor(remainingMs);
  }

  /** Timers hold at most 2^31 - 1 ms. */
  #runFor(remainingMs: number): Timer {
    const stepMs = Math.min(remainingMs, 2 ** 31 - 1);
    return this.#clock.after(
      stepMs,
      () => {
        if (stepMs < remainingMs) this.#timer = this.#runFor(remainingMs - stepMs);
        else this.#end(this.#ownExit());
      },
      true,
    );
  }

  #ownExit(): ExitResult {
    const { exitCode, exitSignal, exitErrorMessage } = this.#options;
    return {
      exitCode,
      signal: exitSignal,
      oomKilled: false,
      ...(exitErrorMessage !== "" && { message: exitErrorMessage }),
    };
  }

  #end(result: ExitResult): void {
    if (this.ended) return;
    this.ended = true;
    this.#timer.clear();
    this.#resolve(result);
  }

  wait(): Promise<ExitResult> {
    return this.#exited;
  }

  async kill(_signal: string, timeoutMs: number): Promise<void> {
    const delayMs = Math.min(this.#options.killAfterMs, timeoutMs);
    const result = { exitCode: 0, signal: 0, oomKilled: false };
    if (delayMs > 0) this.#clock.after(delayMs, () => this.#end(result), true);
    else this.#end(result);
    await this.#exited;
  }

  signal(signal: string): Promise<void> {
    if (!(signal.toUpperCase() in constants.signals)) return Promise.reject(errors.unknownSignal({ signal }));
    if (this.ended) return Promise.reject(errors.taskNotRunning());
    if (this.#options.signalError !== "")
      return Promise.reject(errors.mockStartError({ text: this.#options.signalError }));
    return Promise.resolve();
  }

  usage(): Promise<TaskUsage | undefined> {
    return Promise.resolve(this.ended ? undefined : { cpuSeconds: 0, memoryBytes: 0 });
  }

  detach(): void {
    this.#timer.clear();
    this.ended = true;
  }
}
