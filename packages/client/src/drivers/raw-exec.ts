import { constants } from "node:fs";
import { access, readFile, stat } from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";

import { type Clock, sleep, type Timer } from "@steppe/shared";

import { errors } from "../errors.js";
import type { Logger } from "../logger.js";
import { isAlive, type ProcessIdentity, readProcessStat } from "../process-stat.js";
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
import { isSupervising, readSupervisor, startSupervisor } from "./supervisor.js";

/** How often a task without a child-exit event (a recovered one) is looked at. */
const POLL_INTERVAL_MS = 250;
/** Slow look at tasks whose supervisor is this process's child: only its violent end goes unnoticed otherwise. */
const BACKUP_POLL_INTERVAL_MS = 5_000;
/** How long a supervisor that was begun by a dead agent may take to show its task. */
const RECOVER_GRACE_MS = 2_000;

/** Runs commands as plain processes, without isolation, that outlive the agent. Linux only: it needs /proc and setsid. */
export class RawExecDriver implements Driver {
  readonly name = "raw_exec";
  readonly defaultKillSignal = "SIGINT";
  readonly inheritsHostVariables = true;
  readonly #enabled: boolean;
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(options: { enabled: boolean; clock: Clock; logger: Logger }) {
    this.#enabled = options.enabled;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  async fingerprint(): Promise<DriverFingerprint> {
    const absent = { detected: false, healthy: false, attributes: {} };
    if (!this.#enabled) return { ...absent, description: "disabled" };
    if (process.platform !== "linux") return { ...absent, description: "needs Linux" };
    if ((await findSetsid()) === undefined)
      return { ...absent, detected: true, description: "setsid is not installed" };
    return { detected: true, healthy: true, description: "Healthy", attributes: { "driver.raw_exec": "true" } };
  }

  needsDirectories(): boolean {
    return true;
  }

  async start(task: TaskConfig): Promise<TaskHandle> {
    const reader = new ConfigReader(task.config);
    const command = reader.string("command");
    if (command === "") throw errors.commandMissing();
    const setsidPath = await findSetsid();
    if (setsidPath === undefined) throw errors.supervisorFailed({ reason: "setsid is not installed" });
    const workDirectory = path.resolve(task.taskDirectory, reader.string("work_dir"));
    const watcher = new ExitWatcher(task.stateDirectory, this.#clock, this.#logger);
    const identity = await startSupervisor(
      {
        directory: task.stateDirectory,
        setsidPath,
        command: await findCommand(command, task),
        args: reader.strings("args"),
        env: task.env,
        workingDirectory: workDirectory,
        stdoutPath: task.logs?.stdoutPath,
        stderrPath: task.logs?.stderrPath,
        user: task.user === "" ? undefined : await findUser(task.user),
      },
      this.#clock,
      () => watcher.look(),
    );
    watcher.start(BACKUP_POLL_INTERVAL_MS);
    return new RawExecHandle(identity, watcher, this.#clock);
  }

  async recover(_state: HandleState | undefined, task: TaskConfig): Promise<TaskHandle | undefined> {
    let found = await readSupervisor(task.stateDirectory);
    const deadlineMs = this.#clock.monotonicMs() + RECOVER_GRACE_MS;
    while (found.begun && !found.task && found.exitCode === undefined && this.#clock.monotonicMs() < deadlineMs) {
      await sleep(this.#clock, 50);
      found = await readSupervisor(task.stateDirectory);
    }
    if (!found.task) return undefined;
    const watcher = new ExitWatcher(task.stateDirectory, this.#clock, this.#logger);
    watcher.start(POLL_INTERVAL_MS);
    watcher.look();
    return new RawExecHandle(found.task, watcher, this.#clock);
  }
}

/** Learns of a task's end from its supervisor's directory. */
class ExitWatcher {
  readonly exited: Promise<ExitResult>;
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #resolve: (result: ExitResult) => void = () => undefined;
  #timer: Timer | undefined;
  #looking = false;
  #lookAgain = false;
  #done = false;

  constructor(directory: string, clock: Clock, logger: Logger) {
    this.#directory = directory;
    this.#clock = clock;
    this.#logger = logger;
    this.exited = new Promise((resolve) => (this.#resolve = resolve));
  }

  start(intervalMs: number): void {
    if (!this.#done) this.#timer = this.#clock.every(intervalMs, () => this.look(), true);
  }

  stop(): void {
    this.#done = true;
    this.#timer?.clear();
  }

  look(): void {
    if (this.#done) return;
    if (this.#looking) {
      this.#lookAgain = true;
      return;
    }
    this.#looking = true;
    this.#check()
      .catch((error: unknown) => this.#logger.warn("cannot look after a task", { directory: this.#directory, error }))
      .finally(() => {
        this.#looking = false;
        if (this.#lookAgain) {
          this.#lookAgain = false;
          this.look();
        }
      });
  }

  async #check(): Promise<void> {
    const running = await isSupervising(await readSupervisor(this.#directory));
    // Read again: the exit code may have been written between the first reading and the supervisor's end.
    const { exitCode } = await readSupervisor(this.#directory);
    if (exitCode !== undefined) return this.#finish(exitResult(exitCode));
    if (running) return;
    // The machine was rebooted, or somebody killed the supervisor: only SIGKILL takes it.
    this.#finish({ exitCode: 137, signal: 9, oomKilled: false, message: "the task's supervisor was killed" });
  }

  #finish(result: ExitResult): void {
    if (this.#done) return;
    this.stop();
    this.#resolve(result);
  }
}

/** A shell reports a signal as 128 + its number; a command that exits so by itself cannot be told apart. */
function exitResult(exitCode: number): ExitResult {
  const signal = exitCode > 128 && exitCode <= 128 + 64 ? exitCode - 128 : 0;
  return { exitCode, signal, oomKilled: false };
}

class RawExecHandle implements TaskHandle {
  readonly state: HandleState;
  readonly #identity: ProcessIdentity;
  readonly #watcher: ExitWatcher;
  readonly #clock: Clock;

  constructor(identity: ProcessIdentity, watcher: ExitWatcher, clock: Clock) {
    this.state = { ...identity };
    this.#identity = identity;
    this.#watcher = watcher;
    this.#clock = clock;
  }

  wait(): Promise<ExitResult> {
    return this.#watcher.exited;
  }

  async kill(signal: string, timeoutMs: number): Promise<void> {
    await this.#send(signal);
    const timer = this.#clock.after(timeoutMs, () => {
      // Left to the next poll if it fails: there is nobody to tell but the log, which the watcher keeps.
      this.#send("SIGKILL").then(
        () => this.#watcher.look(),
        () => undefined,
      );
    });
    await this.#watcher.exited;
    timer.clear();
  }

  async signal(signal: string): Promise<void> {
    if (!(await this.#send(signal))) throw errors.taskNotRunning();
  }

  /** Signals the whole process group; false when the task is no more. The start time guards against a reused number. */
  async #send(signal: string): Promise<boolean> {
    const name = signal.toUpperCase();
    if (!(name in os.constants.signals)) throw errors.unknownSignal({ signal });
    const { pid } = this.#identity;
    if (!(await isAlive(this.#identity))) return false;
    // Between its birth and setsid's call the task has no group of its own yet.
    return sendSignal(-pid, name) || sendSignal(pid, name);
  }

  async usage(): Promise<TaskUsage | undefined> {
    const found = await readProcessStat(this.#identity.pid);
    if (!found || found.startTicks !== this.#identity.startTicks) return undefined;
    return { cpuSeconds: (found.userTicks + found.systemTicks) / 100, memoryBytes: found.residentPages * 4096 };
  }

  detach(): void {
    this.#watcher.stop();
  }
}

function sendSignal(pid: number, signal: string): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

async function findSetsid(): Promise<string | undefined> {
  for (const file of ["/usr/bin/setsid", "/bin/setsid", "/sbin/setsid", "/usr/sbin/setsid"]) {
    if (await isExecutable(file)) return file;
  }
  return undefined;
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}

/** Looks for the command in the task's local directory, in the task directory, then in PATH; throws `commandNotFound`. */
async function findCommand(command: string, task: TaskConfig): Promise<string> {
  const { taskDirectory } = task;
  const searchPath = task.env["PATH"] ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  const candidates = path.isAbsolute(command)
    ? [command]
    : [path.join(taskDirectory, "local", command), path.join(taskDirectory, command)];
  if (!command.includes("/"))
    candidates.push(...searchPath.split(":").map((directory) => path.join(directory || ".", command)));
  for (const candidate of candidates) if (await isExecutable(candidate)) return candidate;
  for (const candidate of candidates) {
    if (
      await stat(candidate).then(
        (found) => found.isFile(),
        () => false,
      )
    )
      throw errors.commandNotExecutable({ command: candidate });
  }
  throw errors.commandNotFound({ command, path: taskDirectory });
}

async function findUser(user: string): Promise<{ uid: number; gid: number }> {
  for (const line of (await readFile("/etc/passwd", "utf8")).split("\n")) {
    const [name, , uid, gid] = line.split(":");
    if (name === user || uid === user) return { uid: Number(uid), gid: Number(gid) };
  }
  throw errors.unknownUser({ user });
}
