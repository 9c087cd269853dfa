import { spawn } from "node:child_process";
import { constants } from "node:fs";
import { chown, type FileHandle, mkdir, open, readFile, rm, writeFile } from "node:fs/promises";
import * as path from "node:path";

import { type Clock, errorMessage, sleep } from "@steppe/shared";

import { errors } from "../errors.js";
import { bootId, isAlive, parseProcessStat, type ProcessIdentity } from "../process-stat.js";

/**
 * A task has to outlive the agent and its exit code must not get lost, so the agent cannot be its parent's only witness.
 * Each task gets a supervisor, a POSIX shell (1 MB; a Node process would take 40) in a session of its own:
 *
 *   agent --(detached)--> sh (supervisor) --> task, leader of its own session and process group
 *
 * - The inner shell writes its /proc stat line (process number and start time) to `task` and becomes the command by exec,
 *   which keeps both. The supervisor does the same for itself in `supervisor`.
 * - The task runs in the foreground: a shell's background jobs start with SIGINT and SIGQUIT ignored, and SIGINT is the
 *   default kill signal. `setsid` gives it a process group that signals reach without reaching the supervisor.
 * - When the task has ended, the supervisor kills what is left of its group (the number cannot have been reused that
 *   fast), then writes `exit`. One write of one short line is atomic enough: a line without its newline does not count.
 *
 * Only builtins are used besides setsid, since PATH is the task's. The scripts keep to positional parameters and
 * `steppe_` names: an assignment to a variable that the task's environment exports would leak into it.
 */
const INNER_SCRIPT = `read -r steppe_stat </proc/$$/stat
printf '%s\\n' "$steppe_stat" >"$1/task" || exit 126
shift
exec "$@"`;

const SUPERVISOR_SCRIPT = `read -r steppe_stat </proc/$$/stat
printf '%s\\n' "$steppe_stat" >"$1/supervisor"
/bin/sh -c "$0" steppe-task "$@"
steppe_code=$?
read -r steppe_pid steppe_stat <"$1/task" && kill -s KILL -- "-$steppe_pid" 2>/dev/null
printf '%s\\n' "$steppe_code" >"$1/exit"`;

export interface SupervisedCommand {
  /** Private directory of this task: holds `boot`, `supervisor`, `task` and `exit`. */
  directory: string;
  /** Absolute path of setsid. */
  setsidPath: string;
  command: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  workingDirectory: string;
  stdoutPath: string | undefined;
  stderrPath: string | undefined;
  user: { uid: number; gid: number } | undefined;
}

/** What a supervisor's directory tells. */
export interface SupervisorState {
  /** A start was begun on this boot of the machine. */
  begun: boolean;
  supervisor: ProcessIdentity | undefined;
  task: ProcessIdentity | undefined;
  exitCode: number | undefined;
}

/** Starts the supervisor and waits until the task has a process. `onEnd` is called when the supervisor has gone. */
export async function startSupervisor(
  command: SupervisedCommand,
  clock: Clock,
  onEnd: () => void,
): Promise<ProcessIdentity> {
  const { directory, user } = command;
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true, mode: 0o700 });
  if (user) await chown(directory, user.uid, user.gid);
  // Marks the attempt before it is made: an agent that dies right after the spawn looks for the task on its return.
  await writeFile(path.join(directory, "boot"), await bootId());
  const stdout = await openLog(command.stdoutPath);
  const stderr = await openLog(command.stderrPath);
  let spawnError: unknown;
  try {
    const child = spawn(
      "/bin/sh",
      ["-c", SUPERVISOR_SCRIPT, INNER_SCRIPT, directory, command.setsidPath, command.command, ...command.args],
      {
        cwd: command.workingDirectory,
        env: { ...command.env },
        detached: true,
        stdio: ["ignore", stdout.fd, stderr.fd],
        ...(user ?? {}),
      },
    );
    child.on("error", (error) => (spawnError = error));
    child.on("exit", onEnd);
    child.unref();
  } finally {
    await stdout.close();
    await stderr.close();
  }
  return await waitForTask(directory, clock, () => spawnError);
}

/** Output is appended (O_APPEND), so that rotation can truncate the file under the writer. */
async function openLog(file: string | undefined): Promise<FileHandle> {
  if (file === undefined) return await open("/dev/null", "w");
  return await open(file, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT, 0o644);
}

const START_TIMEOUT_MS = 20_000;

async function waitForTask(directory: string, clock: Clock, spawnError: () => unknown): Promise<ProcessIdentity> {
  const deadlineMs = clock.monotonicMs() + START_TIMEOUT_MS;
  for (let delayMs = 2; ; delayMs = Math.min(delayMs * 2, 50)) {
    const failure = spawnError();
    if (failure !== undefined) throw errors.supervisorFailed({ reason: errorMessage(failure) }, failure);
    const { task } = await readSupervisor(directory);
    if (task) return task;
    if (clock.monotonicMs() > deadlineMs) throw errors.supervisorFailed({ reason: "the supervisor did not start" });
    await sleep(clock, delayMs);
  }
}

/** Reads what is known about a task of an earlier agent (or of this one). */
export async function readSupervisor(directory: string): Promise<SupervisorState> {
  const [boot, supervisor, task, exit] = await Promise.all(
    ["boot", "supervisor", "task", "exit"].map((name) => readIfThere(path.join(directory, name))),
  );
  return {
    begun: boot !== undefined && boot === (await bootId()),
    supervisor: identity(supervisor),
    task: identity(task),
    exitCode: exit?.endsWith("\n") ? Number(exit) : undefined,
  };
}

/** Whether the supervisor or its task still runs. */
export async function isSupervising(state: SupervisorState): Promise<boolean> {
  if (!state.begun) return false;
  for (const process of [state.supervisor, state.task]) if (process && (await isAlive(process))) return true;
  return false;
}

function identity(line: string | undefined): ProcessIdentity | undefined {
  if (!line?.endsWith("\n")) return undefined;
  const stat = parseProcessStat(line);
  return stat && { pid: stat.pid, startTicks: stat.startTicks };
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
